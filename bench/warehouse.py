"""Questions to stored tables: TPC-H beside DuckDB and Polars, and what a company asks of its own books."""

import json
import math
import shutil
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

import programs
from processes import ENVIRONMENT, Program, spawn
from programs import CACHE, RELEASE, SECRET
from tpch import QUERIES, TABLES

THREADS = 2
OTHERS = ["duckdb_parquet", "duckdb_tables", "polars"]

# The commonest questions to a trading company's books. The demo's last day is the end of 2025.
TODAY = "2025-12-15"
QUESTIONS = [
    "total revenue",
    "revenue this month",
    "revenue last month",
    "revenue by month this year",
    "revenue by region",
    "revenue by country last year",
    "top 10 customers by revenue last year",
    "top 10 products by revenue this year",
    "revenue by category this quarter",
    "units sold by category this year",
    "how many orders this month",
    "how many orders in March 2025",
    "number of distinct customers per country",
    "revenue in Germany and France since 2024",
    "orders not in Germany",
    "which salesperson has the highest revenue",
    "average quantity by category",
    "revenue by region and channel",
    "largest sale amount in EUR",
    "revenue by quarter",
]


def server(folder: Path, cpus: set[int]) -> Program:
    """Pacioli with room for one long query at a time."""
    env = {
        "JWT_SECRET": SECRET,
        "PACIOLI_SERVER__METRICS_LISTEN": "127.0.0.1:0",
        "PACIOLI_LIMITS__ENABLED": "false",
        "PACIOLI_ENGINE__WORKERS": "1",
        "PACIOLI_ENGINE__MEMORY_MB": "4096",
        "PACIOLI_ENGINE__DEADLINE_SECONDS": "300",
    }
    command = [str(RELEASE / "pacioli"), "serve", "--listen", "127.0.0.1:{port}", "--data-dir", "data"]
    folder.mkdir()
    return Program("Pacioli", command, cpus, env, folder, folder / "log")


def upload(pacioli: Program, token: str, file: Path) -> float:
    """Loads a file; the seconds until its table was in service."""
    begin = time.perf_counter()
    command = ["curl", "-sS", "-H", f"authorization: Bearer {token}", "-F", f"file=@{file}", pacioli.url("/uploads")]
    answer = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    while answer.get("status") in ("running", "queued"):
        time.sleep(0.05)
        status, body = get(pacioli, token, f"/jobs/{answer.get('job_id') or answer['id']}")
        answer = body
    if answer.get("status") != "succeeded":
        raise SystemExit(f"{file.name} was not loaded: {answer}")
    return time.perf_counter() - begin


def get(pacioli: Program, token: str, path: str) -> tuple[int, dict]:
    status, body = pacioli.request("GET", path, headers={"Authorization": f"Bearer {token}"})
    return status, json.loads(body)


def post(pacioli: Program, token: str, path: str, body: dict) -> tuple[float, dict]:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    begin = time.perf_counter()
    status, answer = pacioli.request("POST", path, json.dumps(body), headers)
    seconds = time.perf_counter() - begin
    if status != 200:
        raise SystemExit(f"{path} answered {status}: {answer.decode()[:500]}")
    return seconds, json.loads(answer)


def tpch_files(scale: float) -> Path:
    """TPC-H tables as Parquet, made once."""
    folder = CACHE / f"tpch-{scale:g}"
    if not (folder / "complete").exists():
        shutil.rmtree(folder, ignore_errors=True)
        tool = programs.python().parent / "tpchgen-cli"
        subprocess.run([tool, "-s", str(scale), "--format=parquet", f"--output-dir={folder}"], check=True)
        (folder / "complete").touch()
    return folder


class Columnar:
    """DuckDB and Polars over the files that Pacioli stored."""

    def __init__(self, files: dict[str, str], folder: Path, cpus: set[int]) -> None:
        command = [str(programs.python()), str(Path(__file__).with_name("columnar.py"))]
        command += [json.dumps(files), str(THREADS), str(folder)]
        pipes = {"stdout": subprocess.PIPE, "text": True, "env": ENVIRONMENT}
        folder.mkdir()
        self.process = spawn_piped(command, cpus, **pipes)
        if self.process.stdout.readline().strip() != "ready":
            raise SystemExit("DuckDB and Polars did not start")

    def ask(self, program: str, sql: str) -> dict:
        self.process.stdin.write(json.dumps({"program": program, "sql": sql}) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def stop(self) -> None:
        self.process.stdin.close()
        self.process.wait(30)


def spawn_piped(command: list[str], cpus: set[int], **options) -> subprocess.Popen:
    return spawn(command, cpus, stdin=subprocess.PIPE, **options)


def stored(pacioli: Program, name: str) -> str:
    """The file that a table lies in."""
    (file,) = (pacioli.folder / "data" / "files").glob(f"companies/*/tables/{name}/*/*.parquet")
    return str(file)


def same(ours: list[list], theirs: list[list]) -> bool:
    """Equal rows, numbers to nine digits: averages and quotients are rounded differently."""

    def cell(value: object) -> object:
        return float(f"{value:.8e}") if isinstance(value, int | float) else str(value)[:10]

    return [[cell(value) for value in row] for row in ours] == [[cell(value) for value in row] for row in theirs]


def tpch(pacioli: Program, token: str, scale: float, rounds: int, folder: Path, cpus: set[int]) -> dict:
    """Seconds of each query, warm, in turns; ratios to each of the others."""
    source = tpch_files(scale)
    for name in TABLES:
        upload(pacioli, token, source / f"{name}.parquet")
    others = Columnar({name: stored(pacioli, name) for name in TABLES}, folder / "columnar", cpus)
    results: dict = {}
    try:
        for number, sql in QUERIES.items():
            times: dict[str, list[float]] = {}
            for turn in range(rounds + 1):
                seconds, answer = post(pacioli, token, "/sql", {"sql": sql, "fresh": True})
                for program in OTHERS:
                    other = others.ask(program, sql)
                    if "rows" in other:
                        if program == "duckdb_parquet" and not same(answer["rows"], other["rows"]):
                            raise SystemExit(f"query {number}: the rows differ")
                        if turn > 0:
                            times.setdefault(program, []).append(other["seconds"])
                if turn > 0:  # the first round warms up
                    times.setdefault("pacioli", []).append(seconds)
            results[str(number)] = {name: median(values) for name, values in times.items()}
    finally:
        others.stop()
    return {"seconds": results, "ratios": {name: ratio(results, name) for name in OTHERS}}


def ratio(results: dict, other: str) -> float | None:
    """Geometric mean of Pacioli's time by the other's, over the queries that both ran."""
    logs = [math.log(row["pacioli"] / row[other]) for row in results.values() if other in row]
    return math.exp(sum(logs) / len(logs)) if logs else None


def erp(pacioli: Program, token: str, scale: float, rounds: int, folder: Path) -> dict:
    """Milliseconds of the commonest questions, computed anew and from the cache."""
    demo = folder / "demo"
    subprocess.run([RELEASE / "pacioli", "demo", demo, "--scale", str(scale)], check=True, stdout=subprocess.DEVNULL)
    load = upload(pacioli, token, demo / "sales.csv")
    rows = get(pacioli, token, "/tables/sales")[1]["rows"]
    fresh, cached, unanswered = [], [], []
    for turn in range(rounds + 1):
        for question in QUESTIONS:
            body = {"question": question, "today": TODAY}
            seconds, answer = post(pacioli, token, "/query", body | {"fresh": True})
            again, _ = post(pacioli, token, "/query", body)
            if answer["status"] != "answered" and turn == 0:
                unanswered.append(question)
            if turn > 0:
                fresh.append(seconds * 1e3)
                cached.append(again * 1e3)
    return {
        "rows": rows,
        "load_s": load,
        "unanswered": unanswered,
        "fresh_p50_ms": percentile(fresh, 50),
        "fresh_p95_ms": percentile(fresh, 95),
        "cached_p95_ms": percentile(cached, 95),
    }


def percentile(values: list[float], hundredths: int) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * hundredths // 100)]


if __name__ == "__main__":
    sys.exit("run bench/run.py --only tpch --only erp")
