"""Reports over many order lines, and forecasts beside statsforecast: how long they take, and how good the
forecasts are."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import zip_longest
from pathlib import Path
from statistics import median

import programs
from processes import ENVIRONMENT, spawn
from programs import BENCH, RELEASE
from warehouse import TODAY, Books, demo

sys.path.insert(0, str(BENCH / "forecast"))
from series import HORIZON, monthly  # noqa: E402

MONTHS = 12
THREADS = 2
# So many of the series are forecast by statsforecast too, which takes a third of a second for each.
BESIDE = 400


def reports(folder: Path, cpus: set[int], rounds: int, lines: int) -> dict:
    """An overview over the whole company, made anew each time: seconds until it is there, and of its files."""
    place = demo(folder, lines)
    times: dict[str, list[float]] = {}
    with Books(folder / "reports", cpus) as books:
        books.sign_up()
        for file in sorted(place.glob("*.csv")):
            books.upload(file)
            file.unlink()
        # A first one warms up: workers, and the files' pages.
        for turn in range(rounds + 1):
            seconds, made = overview(books)
            took = {"json_s": seconds}
            for ending in ("pdf", "xlsx"):
                took[f"{ending}_s"] = download(books, f"/reports/{made['id']}.{ending}")
            if turn > 0:
                for name, value in took.items():
                    times.setdefault(name, []).append(value)
        memory = {"server_peak_mb": books.peak_mb(), "worker_peak_mb": books.workers_peak_mb()}
        rows = books.ask("GET", "/tables/order_lines")[1]["rows"]
    return {
        "order_lines": rows,
        "metrics": len(made["definitions"]),
        "findings": len(made["findings"]),
        "months": max((len(figure["series"]) for figure in made["headline"]), default=0),
        "queries": len(made["queries"]),
        **{name: median(values) for name, values in times.items()},
        **memory,
    }


def overview(books: Books) -> tuple[float, dict]:
    """Seconds until the report is there, however it was waited for."""
    begin = time.perf_counter()
    made = books.ask("POST", "/report", {"kind": "overview", "today": TODAY})[1]
    while "status" in made:
        if made["status"] not in ("queued", "running", "succeeded"):
            raise SystemExit(f"the report was not made: {made}")
        time.sleep(0.02)
        made = books.ask("GET", f"/reports/{made['id']}")[1]
    return time.perf_counter() - begin, made


def download(books: Books, path: str) -> float:
    begin = time.perf_counter()
    headers = {"Authorization": f"Bearer {books.token}"}
    status, body = books.server.request("GET", path, None, headers)
    if status != 200:
        raise SystemExit(f"{path}: {status} {body[:200]!r}")
    return time.perf_counter() - begin


def forecasts(folder: Path, cpus: set[int], rounds: int, count: int) -> dict:
    """The same series by Pacioli's forecaster and by statsforecast's models, in turns; and how both did."""
    series = [monthly(seed) for seed in range(count)]
    past = [values[:-HORIZON] for values in series]
    lines = [json.dumps(values) for values in past]
    ours = [str(RELEASE / "examples" / "forecast")]
    theirs = [str(programs.environment("forecast")), str(BENCH / "forecast" / "others.py")]
    seconds: dict[str, list[float]] = {"pacioli": [], "statsforecast": []}
    made: dict[str, list[dict]] = {}
    for _ in range(max(1, min(rounds, 3))):
        for name, command, given in (("pacioli", ours, lines), ("statsforecast", theirs, lines[:BESIDE])):
            took, made[name] = answered([*command, str(HORIZON), str(THREADS)], "\n".join(given), folder, cpus)
            seconds[name].append(took / len(given) * 1e3)
    ratio = median(one / other for one, other in zip(seconds["pacioli"], seconds["statsforecast"], strict=True))
    return {
        "series": count,
        "pacioli_ms_each": median(seconds["pacioli"]),
        "statsforecast_ms_each": median(seconds["statsforecast"]),
        "time_of_pacioli": ratio,
        **accuracy(series, made),
    }


def answered(command: list[str], lines: str, folder: Path, cpus: set[int]) -> tuple[float, list[dict]]:
    """The seconds that a program says it took, and its lines."""
    folder.mkdir(exist_ok=True)
    given = folder / "series.jsonl"
    given.write_text(lines)
    with given.open() as stdin:
        pipes = {"stdin": stdin, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        process = spawn(command, cpus, env=ENVIRONMENT, **pipes)
        out, err = process.communicate()
    if process.returncode != 0:
        raise SystemExit(f"{command[0]}: {err}")
    return float(err.splitlines()[-1]), [json.loads(line) for line in out.splitlines()]


def accuracy(series: list[list[float]], made: dict[str, list[dict]]) -> dict:
    """Mean absolute scaled errors (Hyndman & Koehler 2006) over the horizon, and how often the intervals held."""
    better, inside, steps = 0, 0, 0
    errors: dict[str, list[float]] = {"pacioli": [], "seasonal_naive": [], "statsforecast_median": []}
    for values, mine, others in zip_longest(series, made["pacioli"], made["statsforecast"]):
        past, future = values[:-HORIZON], values[-HORIZON:]
        naive = [past[len(past) - MONTHS + step % MONTHS] for step in range(HORIZON)]
        scale = sum(abs(one - other) for one, other in zip(past, past[MONTHS:], strict=False)) / (len(past) - MONTHS)
        if scale == 0:
            continue
        forecasts = {"pacioli": mine["value"], "seasonal_naive": naive}
        if others:
            together = [median(given[step] for given in others.values()) for step in range(HORIZON)]
            forecasts["statsforecast_median"] = together
        for name, forecast in forecasts.items():
            off = sum(abs(seen - is_) for seen, is_ in zip(forecast, future, strict=True)) / HORIZON
            errors[name].append(off / scale)
        # Where repeating the season is what is given, and said to be, it is no worse than that.
        better += errors["pacioli"][-1] <= errors["seasonal_naive"][-1]
        inside += sum(low <= is_ <= high for low, is_, high in zip(mine["low"], future, mine["high"], strict=True))
        steps += HORIZON
    return {
        **{f"mase_of_{name}": sum(given) / len(given) for name, given in errors.items()},
        "part_no_worse_than_naive": better / len(errors["pacioli"]),
        "coverage_of_80_percent": inside / steps,
    }


def show(results: dict, table: Callable) -> None:
    """Prints what has been measured."""
    for name in ("report", "forecast"):
        if measured := results.get(name):
            table([name, ""], [[key, f"{value:.3f}"] for key, value in measured.items()])
