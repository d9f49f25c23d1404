#!/usr/bin/env python3
"""The bench's questions on a cluster: one scheduler and two executors on loopback, tables on an object store,
beside a server that answers them in its own workers. Ends where an answer differs. README.md says more.

It also ends queries before their time and kills executors, and says what those who ask see of it.
"""

import argparse
import contextlib
import json
import math
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from statistics import median

import warehouse
from processes import ENVIRONMENT, TICKS, family, free_port, spawn, stat_fields
from programs import BENCH, ROOT, TARGET, TOOLS
from tpch import QUERIES, TABLES
from warehouse import QUESTIONS, TODAY, Books, percentile, tpch_files

CORES = 2  # of each executor
BUCKET = "books"
# What plans are made of that no question has, over one table …
STATEMENTS = [
    "SELECT count(*), count(DISTINCT customer), min(sale_date), max(sale_date), avg(revenue_eur) FROM sales",
    "SELECT region, sum(revenue_eur) AS r FROM sales GROUP BY region HAVING sum(quantity) > 0 ORDER BY r DESC, region",
    "SELECT a.region, a.r, b.n FROM (SELECT region, sum(revenue_eur) AS r FROM sales GROUP BY region) a FULL JOIN"
    " (SELECT region, count(*) AS n FROM sales WHERE quantity > 50 GROUP BY region) b ON a.region = b.region"
    " ORDER BY a.region",
    "SELECT count(*) FROM sales s JOIN (SELECT customer, max(sale_date) AS last FROM sales GROUP BY customer) l"
    " ON s.customer = l.customer AND s.sale_date = l.last",
    "SELECT customer, r, rank() OVER (ORDER BY r DESC) AS place FROM (SELECT customer, sum(revenue_eur) AS r FROM"
    " sales GROUP BY customer) c ORDER BY place, customer LIMIT 25",
    "SELECT region, m, r, sum(r) OVER (PARTITION BY region ORDER BY m) AS so_far FROM (SELECT region,"
    " date_trunc('month', sale_date) AS m, sum(revenue_eur) AS r FROM sales GROUP BY 1, 2) x ORDER BY region, m",
    "SELECT count(DISTINCT customer) FROM sales WHERE customer NOT IN"
    " (SELECT customer FROM sales WHERE revenue_eur > 5000)",
    "SELECT region FROM sales GROUP BY region HAVING sum(revenue_eur) > (SELECT sum(revenue_eur) / 10 FROM sales)"
    " ORDER BY 1",
    "SELECT region FROM sales WHERE quantity > 3 EXCEPT SELECT region FROM sales WHERE revenue_eur > 9999999"
    " ORDER BY 1",
    "SELECT category, median(quantity), stddev(revenue_eur), corr(quantity, revenue_eur) FROM sales GROUP BY category"
    " ORDER BY 1",
    "SELECT region, channel, sum(revenue_eur) AS r FROM sales GROUP BY ROLLUP (region, channel) ORDER BY 1, 2, r",
    "SELECT upper(substr(customer, 1, 1)) AS letter, count(*) FROM sales GROUP BY 1 ORDER BY 1",
    "SELECT * FROM sales WHERE revenue_eur > 1000 ORDER BY sale_date, order_number, product, quantity, amount LIMIT 500",
    "SELECT region, sum(revenue_eur) FROM sales WHERE sale_date > '2199-01-01' GROUP BY region",
    "SELECT count(*) FROM sales WHERE product LIKE '%a%' OR (is_return AND quantity < 0)",
]
# … and over several.
JOINS = [
    "SELECT c.country, sum(l.revenue_eur) AS r FROM order_lines l JOIN orders o ON l.order_number = o.order_number"
    " JOIN customers c ON o.customer_id = c.customer_id GROUP BY c.country ORDER BY r DESC, c.country",
    "SELECT o.channel, count(DISTINCT o.customer_id), sum(l.quantity) FROM orders o LEFT JOIN order_lines l"
    " ON l.order_number = o.order_number WHERE o.order_date >= '2025-01-01' GROUP BY o.channel ORDER BY 1",
    "SELECT count(*) FROM customers c WHERE NOT EXISTS (SELECT 1 FROM orders o WHERE o.customer_id = c.customer_id)",
    "SELECT p.category, count(*) AS n FROM order_lines l RIGHT JOIN products p ON l.product_id = p.product_id"
    " GROUP BY p.category ORDER BY n DESC, 1",
]
# Minutes of work for a core, and no memory.
ENDLESS = "SELECT sum(a.quantity * b.quantity) FROM sales a JOIN sales b ON a.region = b.region"
FAULTY = "SELECT sum(revenue_eur / (quantity - quantity)) FROM sales"
WIDE = "SELECT order_number, customer FROM sales"


def main() -> None:
    options = arguments()
    # Told to stop, it stops the programs first.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
    binary = (options.binary or build()).absolute()
    with tempfile.TemporaryDirectory(prefix="pacioli-cluster-") as folder, contextlib.ExitStack() as stack:
        results = Measured(Path(folder), binary, options, stack).all()
    print(json.dumps(results, indent=1))
    options.json.write_text(json.dumps(results, indent=1) + "\n")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", type=Path, help="a `pacioli` with clusters; built where it is not given")
    parser.add_argument("--lines", type=int, default=600_000, help="order lines that questions are asked over")
    parser.add_argument("--scale", type=float, default=1, help="TPC-H's scale factor")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each server, after one that warms up")
    parser.add_argument("--deadline", type=int, default=45, help="seconds of a query, less than of a request")
    parser.add_argument("--json", type=Path, default=BENCH / "cluster.json", help="where figures go")
    return parser.parse_args()


def build() -> Path:
    """A release build with clusters, beside the one without, so that neither is compiled anew for the other."""
    target = TARGET / "cluster"
    command = ["cargo", "build", "--quiet", "--release", "--locked", "-p", "pacioli-server", "--bin", "pacioli"]
    subprocess.run([*command, "--features", "cluster", "--target-dir", str(target)], cwd=ROOT, check=True)
    return target / "release" / "pacioli"


class Process:
    """A program that listens on a port."""

    def __init__(self, command: list, folder: Path, name: str, port: int, env: dict) -> None:
        folder.mkdir(exist_ok=True)
        log = folder / f"{name}.log"
        with log.open("ab") as out:
            options = {"env": ENVIRONMENT | env, "cwd": folder, "stdout": out, "stderr": out}
            self.process = spawn([str(part) for part in command], os.sched_getaffinity(0), **options)
        until(lambda: is_open(port) or self.process.poll() is not None, 120, f"{name} to listen")
        if self.process.poll() is not None:
            raise SystemExit(f"{name} did not start; its log:\n{log.read_text()[-2000:]}")

    def cpu_seconds(self) -> float:
        return sum(int(value) for value in stat_fields(self.process.pid)[11:13]) / TICKS

    def kill(self) -> None:
        """As a power cut would."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        if self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.kill()


class Cluster:
    """A scheduler and two executors, over the objects of one prefix."""

    def __init__(self, binary: Path, folder: Path, env: dict) -> None:
        self.binary, self.folder, self.env = binary, folder, env
        port = free_port()
        self.address = f"df://127.0.0.1:{port}"
        command = [binary, "scheduler", "--listen", f"127.0.0.1:{port}", "--data-dir", folder / "scheduler"]
        self.scheduler = Process(command, folder, "scheduler", port, env)
        self.executors: list[Process] = []
        self.started = 0
        self.add()
        self.add()
        until(self.is_ready, 60, "executors to report")

    def is_ready(self) -> bool:
        url = self.address.replace("df://", "http://") + "/readyz"
        try:
            return urllib.request.urlopen(url).status == 200
        except urllib.error.HTTPError:
            return False

    def add(self) -> None:
        self.started += 1
        port, control = free_port(), free_port()
        command = [self.binary, "executor", "--scheduler", self.address, "--listen", f"127.0.0.1:{port}"]
        command += ["--control-port", control, "--cores", CORES, "--data-dir", self.folder / f"data{self.started}"]
        self.executors.append(Process(command, self.folder, f"executor{self.started}", port, self.env))

    def lose(self) -> None:
        """Kills the executor that was started last."""
        self.executors.pop().kill()

    def idles(self) -> float:
        """Seconds until no executor has anything to do."""

        def idle() -> bool:
            before = sum(executor.cpu_seconds() for executor in self.executors)
            time.sleep(0.5)
            return sum(executor.cpu_seconds() for executor in self.executors) - before < 0.05

        return until(idle, 120, "the executors to be idle")

    def stop(self) -> None:
        for process in [*self.executors, self.scheduler]:
            process.stop()


class Measured:
    """Both servers with the same tables, and what is asked of them."""

    def __init__(self, folder: Path, binary: Path, options: argparse.Namespace, stack: contextlib.ExitStack) -> None:
        self.binary, self.options = binary, options
        port = free_port()
        moto = [TOOLS / "bin" / "moto_server", "-H", "127.0.0.1", "-p", port]
        stack.callback(Process(moto, folder, "objects", port, {}).stop)
        put = urllib.request.Request(f"http://127.0.0.1:{port}/{BUCKET}", method="PUT")
        urllib.request.urlopen(put).close()

        def tables(prefix: str) -> dict:
            settings = {"STORE": f"s3://{BUCKET}/{prefix}", "ENDPOINT": f"http://127.0.0.1:{port}"}
            settings |= {"ACCESS_KEY_ID": "bench", "SECRET_ACCESS_KEY": "of the bench only", "ALLOW_HTTP": "true"}
            settings = {f"PACIOLI_FILES__{key}": value for key, value in settings.items()}
            return settings | {"PACIOLI_ENGINE__DEADLINE_SECONDS": str(options.deadline)}

        self.cluster = Cluster(binary, folder / "cluster", tables("shared-out"))
        stack.callback(self.cluster.stop)
        partitions = {"PACIOLI_ENGINE__CLUSTER": self.cluster.address, "PACIOLI_ENGINE__CLUSTER_PARTITIONS": 2 * CORES}
        there = tables("shared-out") | {key: str(value) for key, value in partitions.items()}
        cpus = os.sched_getaffinity(0)
        self.here = stack.enter_context(Books(folder / "here", cpus, binary=binary, more=tables("here")))
        self.there = stack.enter_context(Books(folder / "there", cpus, binary=binary, more=there))
        self.companies: dict[int, dict[Books, str]] = {}
        everything = warehouse.demo(folder, options.lines, binary)
        small = warehouse.demo(folder, options.lines // 10, binary)
        self.load(1, [everything / "sales.csv"])
        self.load(2, [everything / f"{name}.csv" for name in ("orders", "order_lines", "customers", "products")])
        self.load(3, [small / "sales.csv"])
        source = tpch_files(options.scale)
        self.load(4, [source / f"{name}.parquet" for name in TABLES])

    def load(self, number: int, files: list[Path]) -> None:
        """A new company with these tables on both servers."""
        self.companies[number] = {}
        for books in (self.here, self.there):
            books.token = ""
            self.companies[number][books] = books.sign_up(number)
            for file in files:
                books.upload(file)

    def ask(self, books: Books, company: int, text: str, query_id: str | None = None) -> tuple[int, dict, float]:
        """Status, answer and seconds of a question, or of a statement."""
        path, body = "/query", {"question": text, "today": TODAY}
        if text.startswith("SELECT"):
            path, body = "/sql", {"sql": text}
        headers = {"Authorization": f"Bearer {self.companies[company][books]}", "Content-Type": "application/json"}
        begin = time.perf_counter()
        status, answer = books.server.request("POST", path, json.dumps(body | {"query_id": query_id}), headers)
        return status, json.loads(answer, parse_float=Decimal), time.perf_counter() - begin

    def both(self, company: int, text: str) -> tuple[float, float]:
        """Seconds of each; the answers must be good and the same."""
        status, ours, here = self.ask(self.here, company, text)
        other, theirs, there = self.ask(self.there, company, text)
        if status != 200 or other != 200:
            raise SystemExit(f"{text}\nhere: {status} {brief(ours)}\nthere: {other} {brief(theirs)}")
        self.must_agree(text, ours, theirs)
        return here, there

    def must_agree(self, text: str, ours: dict, theirs: dict) -> None:
        if not agree(ours, theirs):
            raise SystemExit(f"{text}\nhere: {brief(ours)}\nthere: {brief(theirs)}")

    def all(self) -> dict:
        results: dict = {"lines": self.options.lines, "cores_per_executor": CORES, "binary_mb": self.size_mb()}
        results |= self.times()
        results["statements_with_equal_rows"] = self.statements()
        results["tpch"] = self.tpch()
        results["companies"] = self.companies_apart()
        results["errors"] = self.errors()
        results["ended_early"] = self.ended_early()
        results["one_executor_killed"] = self.one_killed()
        results["all_executors_killed"] = self.all_killed()
        results["scheduler_killed"] = self.scheduler_killed()
        return results

    def size_mb(self) -> float:
        return round(self.binary.stat().st_size / 1e6, 1)

    def times(self) -> dict:
        """Each question's seconds, in turns; the first round warms up."""
        here: dict[str, list[float]] = {question: [] for question in QUESTIONS}
        there: dict[str, list[float]] = {question: [] for question in QUESTIONS}
        for turn in range(self.options.rounds + 1):
            for question in QUESTIONS:
                times = self.both(1, question)
                if turn > 0:
                    here[question].append(times[0])
                    there[question].append(times[1])
        ratios = [median(there[question]) / median(here[question]) for question in QUESTIONS]
        figures = {"questions_with_equal_rows": len(QUESTIONS)}
        for name, times in (("here", here), ("cluster", there)):
            every = [seconds * 1e3 for one in times.values() for seconds in one]
            figures |= {f"{name}_p50_ms": round(median(every), 1), f"{name}_p95_ms": round(percentile(every, 95), 1)}
        mean = math.exp(sum(math.log(ratio) for ratio in ratios) / len(ratios))
        figures |= {"cluster_by_here": round(mean, 2)}
        return figures | {"least_ratio": round(min(ratios), 2), "greatest_ratio": round(max(ratios), 2)}

    def statements(self) -> int:
        for statement in STATEMENTS:
            self.both(1, statement)
        for statement in JOINS:
            self.both(2, statement)
        return len(STATEMENTS) + len(JOINS)

    def tpch(self) -> dict:
        """Each query's seconds here and on the cluster, the second time it is asked."""
        seconds = {}
        for number, query in QUERIES.items():
            self.both(4, query.strip())
            here, there = self.both(4, query.strip())
            seconds[str(number)] = [round(here, 3), round(there, 3)]
        return {"scale": self.options.scale, "queries_with_equal_rows": len(QUERIES), "here_and_cluster_s": seconds}

    def companies_apart(self) -> str:
        """The same question to equally named tables of two companies, and to a table that one of them has not."""
        statement = STATEMENTS[0]
        answers = []
        for company in (1, 3):
            self.both(company, statement)
            answers.append(self.ask(self.there, company, statement)[1])
        if agree(*answers):
            raise SystemExit("two companies have the same sales")
        status, answer, _ = self.ask(self.there, 2, statement)
        if status != 422:
            raise SystemExit(f"another company's table: {status} {brief(answer)}")
        return "apart"

    def errors(self) -> dict:
        """What is refused there as it is here, and cut as it is here."""
        seen = {}
        for name, statement in (("fault", FAULTY), ("unknown_table", "SELECT a FROM nowhere")):
            ours, theirs = (self.ask(books, 1, statement) for books in (self.here, self.there))
            if (ours[0], ours[1].get("detail")) != (theirs[0], theirs[1].get("detail")):
                raise SystemExit(f"{statement}\nhere: {brief(ours[1])}\nthere: {brief(theirs[1])}")
            seen[name] = f"{theirs[0]} {theirs[1]['detail']}"
        status, answer, _ = self.ask(self.there, 1, WIDE)
        seen["row_limit"] = f"{status}, {len(answer['rows'])} rows, truncated: {answer['truncated']}"
        if not answer["truncated"] or len(answer["rows"]) != 10_000:
            raise SystemExit(f"{WIDE}: {seen['row_limit']}")
        return seen

    def ended_early(self) -> dict:
        """Queries that nobody waits for any more: after which seconds the executors are idle again."""
        seen: dict = {}
        query = str(uuid.uuid4())
        asked, outcome = self.in_background(ENDLESS, query)
        until(lambda: self.busy(), 60, "the query to run")
        headers = {"Authorization": f"Bearer {self.companies[1][self.there]}"}
        status, _ = self.there.server.request("DELETE", f"/queries/{query}", None, headers)
        asked.join()
        seen["cancelled"] = self.idle_after(f"DELETE {status}; {outcome[0]} {outcome[1].get('code')}")
        _, answer, seconds = self.ask(self.there, 1, ENDLESS)
        seen["deadline"] = self.idle_after(f"{answer.get('code')} after {seconds:.0f} s")
        asked, outcome = self.in_background(ENDLESS, None)
        until(lambda: self.busy(), 60, "the query to run")
        worker = family(self.there.server.process.pid)[1:]
        for pid in worker:
            os.kill(pid, signal.SIGKILL)
        asked.join()
        seen["worker_killed"] = self.idle_after(f"{outcome[0]} {outcome[1].get('code')}")
        return seen

    def busy(self) -> bool:
        before = [executor.cpu_seconds() for executor in self.cluster.executors]
        time.sleep(0.3)
        return any(e.cpu_seconds() - b > 0.1 for e, b in zip(self.cluster.executors, before, strict=True))

    def idle_after(self, what: str) -> str:
        return f"{what}; executors idle {self.cluster.idles():.1f} s later"

    def in_background(self, text: str, query_id: str | None) -> tuple[threading.Thread, list]:
        outcome: list = []
        asking = threading.Thread(target=lambda: outcome.extend(self.ask(self.there, 1, text, query_id)))
        asking.start()
        return asking, outcome

    def one_killed(self) -> dict:
        """Half-way through the questions one of two executors is killed, while it works."""
        answers = {question: self.ask(self.here, 1, question)[1] for question in QUESTIONS}
        times, failures = [], []
        for number, question in enumerate(QUESTIONS):
            if number == len(QUESTIONS) // 2:
                threading.Timer(times[-1] / 2, self.cluster.lose).start()
            status, answer, seconds = self.ask(self.there, 1, question)
            if status == 200:
                self.must_agree(question, answers[question], answer)
            else:
                failures.append(f"{question}: {status} {answer.get('code')}: {answer.get('detail')}")
            times.append(seconds)
        half = len(times) // 2
        figures = {"median_before_ms": median(times[:half]), "the_one_meanwhile_ms": times[half]}
        figures |= {"slowest_after_ms": max(times[half + 1 :]), "median_after_ms": median(times[half + 1 :])}
        seen = {name: round(value * 1e3) for name, value in figures.items()}
        long = STATEMENTS[3]
        self.cluster.add()
        self.both(1, long)
        return seen | {"questions": len(QUESTIONS), "failed": failures, "with_a_new_executor": "answers are the same"}

    def all_killed(self) -> dict:
        """No executor is left; then there is one again."""
        while self.cluster.executors:
            self.cluster.lose()
        status, answer, seconds = self.ask(self.there, 1, QUESTIONS[0])
        seen = {"status": status, "code": answer.get("code"), "detail": answer.get("detail")}
        self.cluster.add()
        self.cluster.add()
        until(self.cluster.is_ready, 60, "executors to report")
        self.both(1, QUESTIONS[0])
        return seen | {"after_s": round(seconds, 1), "then": "answers are the same"}

    def scheduler_killed(self) -> dict:
        self.cluster.scheduler.kill()
        status, answer, seconds = self.ask(self.there, 1, QUESTIONS[0])
        seen = {"status": status, "code": answer.get("code"), "detail": answer.get("detail")}
        return seen | {"after_s": round(seconds, 1)}


def agree(ours: dict, theirs: dict) -> bool:
    """Equal columns, and equal rows in equal order. Sums of floats depend, in their last digits, on the order that
    they are added in; everything else is exact."""
    if ours.get("columns") != theirs.get("columns") or len(ours["rows"]) != len(theirs["rows"]):
        return False
    floats = [column["type"].startswith(("float", "double")) for column in ours["columns"]]

    def equal(one: object, other: object, is_float: bool) -> bool:
        if is_float and one is not None and other is not None:
            return math.isclose(one, other, rel_tol=1e-9)
        return one == other

    pairs = zip(ours["rows"], theirs["rows"], strict=True)
    return all(all(map(equal, one, other, floats)) for one, other in pairs)


def brief(answer: dict) -> str:
    return json.dumps(answer, default=str)[:1500]


def until(holds: Callable[[], bool], seconds: float, what: str) -> float:
    """Seconds until it held."""
    begin = time.perf_counter()
    while True:
        with contextlib.suppress(OSError):
            if holds():
                return time.perf_counter() - begin
        if time.perf_counter() - begin > seconds:
            raise SystemExit(f"waited {seconds} s for {what}")
        time.sleep(0.05)


def is_open(port: int) -> bool:
    with contextlib.suppress(OSError):
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    return False


if __name__ == "__main__":
    main()
