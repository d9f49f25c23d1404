"""Questions to stored tables: TPC-H beside DuckDB and Polars, what a company asks of its own books, loading
a large file, and how all of it grows."""

import json
import math
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import programs
from processes import ENVIRONMENT, Program, family, spawn
from programs import CACHE, RELEASE, SECRET
from tpch import QUERIES, TABLES

THREADS = 2
OTHERS = ["duckdb_parquet", "duckdb_tables", "polars"]
# Order lines of the made-up company at scale 1.
LINES = 60_000

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
    "quantity by category this year",
    "how many orders this month",
    "how many orders in March 2025",
    "number of distinct customers per country",
    "revenue in Germany and France since 2024",
    "revenue by channel not in Germany",
    "which salesperson has the highest revenue",
    "average quantity by category",
    "revenue by region and channel",
    "revenue by segment",
    "revenue by quarter",
]


class Books:
    """A running Pacioli and a company in it."""

    def __init__(
        self, folder: Path, cpus: set[int], cache_mb: int = 0, binary: Path | None = None, more: dict | None = None
    ) -> None:
        env = {
            "JWT_SECRET": SECRET,
            "PACIOLI_SERVER__METRICS_LISTEN": "127.0.0.1:0",
            "PACIOLI_AUTH__BCRYPT_COST": "10",
            "PACIOLI_AUTH__ACCESS_TOKEN_MINUTES": "60",
            "PACIOLI_LIMITS__ENABLED": "false",
            "PACIOLI_ENGINE__WORKERS": "1",
            "PACIOLI_ENGINE__MEMORY_MB": "4096",
            "PACIOLI_ENGINE__DEADLINE_SECONDS": "300",
            "PACIOLI_ENGINE__CACHE_MB": str(cache_mb),
        } | (more or {})
        command = [str(binary or RELEASE / "pacioli"), "serve", "--listen", "127.0.0.1:{port}", "--data-dir", "data"]
        folder.mkdir(exist_ok=True)
        self.server = Program("Pacioli", command, cpus, env, folder, folder / "log")
        self.token = ""

    def __enter__(self) -> "Books":
        self.server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.stop()

    def sign_up(self, number: int = 1) -> str:
        """A new company's token, which is used from here on."""
        body = {"full_name": "Some Owner", "email": f"owner{number}@bench.example"}
        body |= {"password": "violet anchor thirteen lanterns", "company_name": f"Company {number}"}
        answer = self.ask("POST", "/auth/signup", body)[1]
        self.token = answer["access_token"]
        return self.token

    def ask(self, method: str, path: str, body: dict | None = None) -> tuple[float, dict]:
        """Seconds, and the answer, which must be a good one."""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        headers["Content-Type"] = "application/json"
        begin = time.perf_counter()
        status, text = self.server.request(method, path, json.dumps(body) if body else None, headers)
        seconds = time.perf_counter() - begin
        if status >= 300:
            raise SystemExit(f"{method} {path}: {status} {text.decode()}")
        return seconds, json.loads(text)

    def upload(self, file: Path) -> float:
        """Seconds from sending a file until its table was in service."""
        begin = time.perf_counter()
        form = f"file=@{file}"
        command = ["curl", "-sS", "-H", f"Authorization: Bearer {self.token}", "-F", form, self.server.url("/uploads")]
        answer = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
        if "job_id" not in answer:
            raise SystemExit(f"{file.name} was not taken: {answer}")
        job = f"/jobs/{answer['job_id']}"
        while (answer := self.ask("GET", job)[1])["status"] in ("running", "queued"):
            time.sleep(0.05)
        if answer["status"] != "succeeded":
            raise SystemExit(f"{file.name} was not loaded: {answer}")
        return time.perf_counter() - begin

    def stored(self, table: str) -> str:
        """The file that a table lies in."""
        (file,) = (self.server.folder / "data" / "files").glob(f"companies/*/tables/{table}/*/*.parquet")
        return str(file)

    def peak_mb(self) -> float:
        """The most memory that the server itself, not its workers, has had."""
        status = Path(f"/proc/{self.server.process.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) / 1024

    def workers_peak_mb(self) -> float:
        peak = 0.0
        for pid in family(self.server.process.pid)[1:]:
            status = Path(f"/proc/{pid}/status").read_text()
            peak = max(peak, int(status.split("VmHWM:")[1].split()[0]) / 1024)
        return peak


class Columnar:
    """DuckDB and Polars in a process of their own."""

    def __init__(self, files: dict[str, str], folder: Path, cpus: set[int]) -> None:
        python = programs.environment("columnar")
        command = [str(python), str(programs.BENCH / "columnar" / "serve.py")]
        command += [json.dumps(files), str(THREADS), str(folder)]
        folder.mkdir()
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "env": ENVIRONMENT}
        self.process = spawn(command, cpus, **pipes)
        if self.process.stdout.readline().strip() != "ready":
            raise SystemExit("DuckDB and Polars did not start")

    def ask(self, program: str, sql: str) -> dict:
        self.process.stdin.write(json.dumps({"program": program, "sql": sql}) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def __enter__(self) -> "Columnar":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.stdin.close()
        self.process.wait(30)


def tpch_files(scale: float) -> Path:
    """TPC-H's tables as Parquet, generated once."""
    folder = CACHE / f"tpch-{scale}"
    if not (folder / "complete").exists():
        generator = programs.environment("columnar").with_name("tpchgen-cli")
        command = [str(generator), "parquet", "-s", str(scale), "--output-dir", str(folder)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        (folder / "complete").touch()
    return folder


def same(ours: list[list], theirs: list[list]) -> bool:
    """Equal rows. Averages of decimals have four digits more than their column here, more elsewhere."""

    def equal(one: object, other: object) -> bool:
        try:
            return math.isclose(float(one), float(other), rel_tol=1e-9, abs_tol=1e-6)
        except (TypeError, ValueError):
            return str(one)[:10] == str(other)[:10]

    rows = zip(ours, theirs, strict=False)
    return len(ours) == len(theirs) and all(all(map(equal, one, other)) for one, other in rows)


def tpch(folder: Path, cpus: set[int], rounds: int, scale: float) -> dict:
    """Best seconds of each query, warm, in turns; each other program's beside them."""
    source = tpch_files(scale)
    results: dict = {}
    with Books(folder / "tpch", cpus) as books:
        books.sign_up()
        for name in TABLES:
            books.upload(source / f"{name}.parquet")
        files = {name: books.stored(name) for name in TABLES}
        with Columnar(files, folder / "columnar", cpus) as others:
            for number, sql in QUERIES.items():
                results[str(number)] = turns(books, others, number, sql, rounds)
        memory = books.workers_peak_mb()
    ratios = {name: ratio(results, name) for name in OTHERS}
    return {"scale": scale, "seconds": results, "ratios": ratios, "worker_peak_mb": memory}


def turns(books: Books, others: Columnar, number: int, sql: str, rounds: int) -> dict:
    times: dict[str, list[float]] = {}
    for turn in range(rounds + 1):
        cpu = books.server.cpu_seconds()
        seconds, answer = books.ask("POST", "/sql", {"sql": sql})
        took = {"pacioli": seconds, "pacioli_cpu": books.server.cpu_seconds() - cpu}
        for program in OTHERS:
            other = others.ask(program, sql)
            if "rows" not in other:
                continue
            if program == "duckdb_parquet" and not same(answer["rows"], other["rows"]):
                raise SystemExit(f"query {number}: the rows differ from DuckDB's")
            took[program] = other["seconds"]
            took[f"{program}_cpu"] = other["cpu"]
        if turn > 0:  # the first round warms up
            for name, value in took.items():
                times.setdefault(name, []).append(value)
    return {name: min(values) for name, values in times.items()}


def ratio(results: dict, other: str) -> float | None:
    """Geometric mean of Pacioli's time by the other's, over the queries that both ran."""
    logs = [math.log(row["pacioli"] / row[other]) for row in results.values() if other in row]
    return math.exp(sum(logs) / len(logs)) if logs else None


def demo(folder: Path, lines: int, binary: Path | None = None) -> Path:
    """The made-up company's files, of about so many order lines."""
    place = folder / f"demo-{lines}"
    command = [str(binary or RELEASE / "pacioli"), "demo", str(place), "--scale", str(lines / LINES)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return place


def questions(books: Books, rounds: int) -> list[float]:
    """Milliseconds of each question in each round but the first."""
    times = []
    for turn in range(rounds + 1):
        for question in QUESTIONS:
            seconds, answer = books.ask("POST", "/query", {"question": question, "today": TODAY})
            if answer["status"] != "answered":
                raise SystemExit(f"{question!r}: {answer['status']}: {answer['answer']}")
            if turn > 0:
                times.append(seconds * 1e3)
    return times


def erp(folder: Path, cpus: set[int], rounds: int, lines: int) -> dict:
    """The commonest questions, computed anew and from the answers that are kept."""
    place = folder / "erp"
    sales = demo(folder, lines) / "sales.csv"
    with Books(place, cpus) as books:
        token = books.sign_up()
        load = books.upload(sales)
        rows = books.ask("GET", "/tables/sales")[1]["rows"]
        fresh = questions(books, rounds)
        memory = {"server_peak_mb": books.peak_mb(), "worker_peak_mb": books.workers_peak_mb()}
    with Books(place, cpus, cache_mb=64) as books:
        books.token = token
        cached = questions(books, rounds)
    sales.unlink()
    return {
        "rows": rows,
        "load_s": load,
        "fresh_p50_ms": median(fresh),
        "fresh_p95_ms": percentile(fresh, 95),
        "cached_p50_ms": median(cached),
        "cached_p95_ms": percentile(cached, 95),
        **memory,
    }


def csv(folder: Path, cpus: set[int], rounds: int, megabytes: int) -> dict:
    """Loading a large CSV file, beside DuckDB that reads it and writes Parquet; megabytes a second."""
    file = demo(folder, megabytes * 1_000_000 // 177) / "sales.csv"
    size = file.stat().st_size / 1e6
    ours, theirs = [], []
    with Books(folder / "csv", cpus) as books, Columnar({}, folder / "csv-columnar", cpus) as others:
        books.sign_up()
        for _ in range(rounds):
            ours.append(books.upload(file))
            theirs.append(others.ask("load_csv", str(file))["seconds"])
        peak = books.peak_mb()
    file.unlink()
    best = min(ours)
    return {
        "megabytes": size,
        "pacioli_mb_per_s": size / best,
        "duckdb_mb_per_s": size / min(theirs),
        "speed_of_pacioli": min(theirs) / best,
        "server_peak_mb": peak,
    }


def growth(folder: Path, cpus: set[int], rounds: int) -> dict:
    """The questions over 1, 10 and 100 times the data, and with 10, 100 and 1,000 companies beside."""
    results: dict = {"data": [], "companies": []}
    for times in (1, 10, 100):
        row = erp(folder / f"grown-{times}", cpus, rounds, LINES * times)
        results["data"].append({"lines": LINES * times, **row})
    sales = demo(folder, LINES // 10) / "sales.csv"
    with Books(folder / "many", cpus) as books:
        companies = 0
        for until in (10, 100, 1000):
            while companies < until:
                companies += 1
                books.token = ""
                books.sign_up(companies)
                books.upload(sales)
            asked = questions(books, 1)
            row = {"companies": companies, "p50_ms": median(asked), "p95_ms": percentile(asked, 95)}
            results["companies"].append(row | {"server_peak_mb": books.peak_mb()})
    return results


def report(results: dict, table: Callable) -> None:
    """Prints what has been measured."""
    if measured := results.get("tpch"):
        header = [f"TPC-H, scale {measured['scale']:g}", "pacioli, s", *(f"{name}, s" for name in OTHERS)]
        rows = []
        for number, row in measured["seconds"].items():
            cells = [f"{row[name]:.3f}" if name in row else "cannot" for name in ["pacioli", *OTHERS]]
            rows.append([f"Q{number}", *cells])
        ratios = [f"{value:.2f}" if value else "" for value in measured["ratios"].values()]
        table(header, [*rows, ["Pacioli's time ÷ its time", "1", *ratios]])
    for name in ("erp", "csv"):
        if measured := results.get(name):
            table([name, ""], [[key, f"{value:.2f}"] for key, value in measured.items()])
    for kind, rows in results.get("growth", {}).items():
        table(list(rows[0]), [[f"{value:.1f}" for value in row.values()] for row in rows])
        print(f"{kind}, p95:")
        for row in rows:
            size = row.get("lines") or row["companies"]
            milliseconds = row.get("fresh_p95_ms") or row["p95_ms"]
            print(f"{size:>10,} {'█' * max(1, round(8 * math.log10(1 + milliseconds)))} {milliseconds:.0f} ms")
        print("(bars by the logarithm)\n")


def percentile(values: list[float], hundredths: int) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * hundredths // 100)]
