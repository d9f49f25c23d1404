#!/usr/bin/env python3
"""Measures Pacioli beside its comparison programs, in one run, and prints ratios. See README.md.

The programs take turns (A B C A B C …), so that whatever else the machine does falls on all of them;
each figure is the median over the rounds, each ratio the median of the rounds' ratios.
"""

import argparse
import contextlib
import json
import os
import platform
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import outlook
import programs
import warehouse
from load import Load, bearer, finish_wrk, hash_rate, logins, start_wrk, steady_reads, wrk
from processes import Program
from programs import BENCH, COST, LOGINS, PROTECTED, READING, RELEASE

HASHING_THREADS = 1
READS_PER_SECOND = 50


def main() -> None:
    options = arguments()
    # Told to stop, it stops the servers first.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
    programs.build()
    results = {"machine": machine()}
    with tempfile.TemporaryDirectory(prefix="pacioli-bench-") as folder:
        bench = Bench(Path(folder), options)
        parts = {
            "start": bench.starts,
            "protected_route": bench.protected_route,
            "logins": bench.logins,
            "storm": bench.storm,
            "tpch": bench.tpch,
            "erp": bench.erp,
            "csv": bench.csv,
            "growth": bench.growth,
            "report": bench.report,
            "forecast": bench.forecast,
        }
        for name, measure in parts.items():
            if not options.only or name in options.only:
                print(f"measuring {name} …", flush=True)
                results[name] = measure()
    report(results)
    options.json.write_text(json.dumps(results, indent=1) + "\n")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="turns of each program")
    parser.add_argument("--seconds", type=float, default=5, help="of load in one turn")
    parser.add_argument("--only", action="append", help="start, protected_route, logins, storm, tpch, erp, csv, growth, report or forecast")
    parser.add_argument("--scale", type=float, default=1, help="of TPC-H")
    parser.add_argument("--lines", type=int, default=5_000_000, help="order lines that questions are asked and reports made over")
    parser.add_argument("--series", type=int, default=10_000, help="that are forecast")
    parser.add_argument("--megabytes", type=int, default=1000, help="of the CSV file that is loaded")
    parser.add_argument("--json", type=Path, default=BENCH / "results.json", help="where figures go")
    return parser.parse_args()


def machine() -> dict:
    cpus = Path("/proc/cpuinfo").read_text()
    model = next((line.split(": ")[1] for line in cpus.splitlines() if "model name" in line), "")
    load = [round(value, 2) for value in os.getloadavg()]
    return {"cpu": model, "cores": os.cpu_count(), "kernel": platform.release(), "load_average": load}


def cpu_halves() -> tuple[set[int], set[int]]:
    """One CPU for the server, another for who drives it, where there are two."""
    cpus = sorted(os.sched_getaffinity(0))
    return {cpus[0]}, {cpus[-1]}


def two_cpus() -> set[int]:
    return set(sorted(os.sched_getaffinity(0))[:2])


class Bench:
    """The measurements; each starts the servers it needs and stops them."""

    def __init__(self, folder: Path, options: argparse.Namespace) -> None:
        self.folder, self.rounds, self.seconds = folder, options.rounds, options.seconds
        self.options = options
        self.started = 0

    def fresh_folder(self) -> Path:
        self.started += 1
        return self.folder / str(self.started)

    @contextlib.contextmanager
    def running(self, *servers: Program) -> Iterator[None]:
        try:
            for server in servers:
                server.start()
            yield
        finally:
            for server in servers:
                server.stop()

    @contextlib.contextmanager
    def fastapi(self, cpus: set[int]) -> Iterator[tuple[Program, Program]]:
        """The original's stack with everybody signed up, with and without its middleware. Its
        database keeps off the CPU."""
        database, uri = programs.mongo(self.fresh_folder(), {max(os.sched_getaffinity(0))})
        servers = [programs.fastapi(self.fresh_folder(), cpus, uri, lean) for lean in (False, True)]
        try:
            with self.running(*servers):
                programs.sign_up_everybody(servers[0])
                yield tuple(servers)
        finally:
            database.terminate()
            database.wait(30)

    @contextlib.contextmanager
    def pacioli(self, cpus: set[int]) -> Iterator[Program]:
        server = programs.pacioli(self.fresh_folder(), cpus, HASHING_THREADS)
        with self.running(server):
            programs.sign_up_everybody(server)
            yield server

    def tpch(self) -> dict:
        return warehouse.tpch(self.folder, two_cpus(), self.rounds, self.options.scale)

    def erp(self) -> dict:
        return warehouse.erp(self.folder, two_cpus(), self.rounds, self.options.lines)

    def csv(self) -> dict:
        return warehouse.csv(self.folder, two_cpus(), self.rounds, self.options.megabytes)

    def growth(self) -> dict:
        return warehouse.growth(self.folder, two_cpus(), self.rounds)

    def report(self) -> dict:
        return outlook.reports(self.folder, two_cpus(), self.rounds, self.options.lines)

    def forecast(self) -> dict:
        return outlook.forecasts(self.folder, two_cpus(), self.rounds, self.options.series)

    def starts(self) -> dict:
        """From spawning to the first 200, with an empty data folder and with a used one; and the
        memory of the idle server."""
        first, again, resident = [], [], []
        for _ in range(self.rounds):
            server = programs.pacioli(self.fresh_folder(), two_cpus(), HASHING_THREADS)
            try:
                first.append(server.start())
                server.stop()
                again.append(server.start())
                time.sleep(2)
                resident.append(server.resident_bytes())
            finally:
                server.stop()
        return {
            "first_start_s": median(first),
            "next_start_s": median(again),
            "idle_resident_mb": median(resident) / 1e6,
            "binary_mb": (RELEASE / "pacioli").stat().st_size / 1e6,
        }

    def protected_route(self) -> dict:
        """CPU time for one answer of the protected route."""
        server_cpu, client_cpu = cpu_halves()
        bare, floor = (make(self.folder, server_cpu) for make in (programs.bare, programs.floor))
        loads: dict[str, list[Load]] = {}
        rust = self.running(bare, floor)
        with rust, self.pacioli(server_cpu) as ours, self.fastapi(server_cpu) as (theirs, lean):
            for round_number in range(self.rounds + 1):
                token, their_token = programs.log_in(ours), programs.log_in(theirs)
                programs.check_same_answer([(ours, token), (floor, token), (theirs, their_token)])
                turns = [
                    ("bare", bare, PROTECTED, token),
                    ("floor", floor, PROTECTED, token),
                    ("pacioli", ours, PROTECTED, token),
                    ("fastapi", theirs, PROTECTED, their_token),
                    ("fastapi_lean", lean, PROTECTED, their_token),
                    ("fastapi_reading_the_user", theirs, READING, their_token),
                ]
                for name, server, path, bearer_token in turns:
                    load = wrk(server, path, self.seconds, client_cpu, *bearer(bearer_token))
                    if round_number > 0:  # the first round warms up
                        loads.setdefault(name, []).append(load)
                os.truncate(ours.log, 0)
        return costs(loads)

    def logins(self) -> dict:
        """Logins a second, and the rate of bcrypt alone on as many threads."""
        cpus, span = two_cpus(), str(self.seconds * 2)
        threads = str(HASHING_THREADS)
        hash_program = str(RELEASE / "hash")
        raw = {
            "bcrypt_crate": [hash_program, "crate", str(COST), threads, span],
            "pacioli_bcrypt": [hash_program, "lanes", str(COST), threads, span],
            "libxcrypt": [sys.executable, str(BENCH / "libxcrypt.py"), str(COST), span],
        }
        loads: dict[str, list[Load]] = {}
        with self.pacioli(cpus) as ours, self.fastapi(cpus) as (theirs, _):
            for _ in range(self.rounds):
                for name, command in raw.items():
                    loads.setdefault(name, []).append(hash_rate(command, cpus))
                for name, server in (("pacioli", ours), ("fastapi", theirs)):
                    load = wrk(server, "/auth/login", float(span), cpus, *logins(LOGINS), connections=8)
                    loads.setdefault(name, []).append(load)
        return costs(loads)

    def storm(self) -> dict:
        """How long 50 reads a second take, in quiet and while four people log in without pause."""
        results = {}
        cpus = two_cpus()
        with self.pacioli(cpus) as ours, self.fastapi(cpus) as (theirs, _):
            turns = [
                ("pacioli", ours, "/auth/login"),
                ("fastapi", theirs, "/auth/login"),
                ("fastapi_on_the_loop", theirs, "/auth/login-on-the-loop"),
            ]
            for _ in range(self.rounds):
                for name, server, path in turns:
                    quiet, stormy = self.quiet_and_storm(server, path)
                    results.setdefault(name, []).append((quiet, stormy))
        return {
            name: {
                "quiet_p99_ms": median(quiet for quiet, _ in rounds),
                "storm_p99_ms": median(stormy for _, stormy in rounds),
                "ratio": median(stormy / quiet for quiet, stormy in rounds),
            }
            for name, rounds in results.items()
        }

    def quiet_and_storm(self, server: Program, login_path: str) -> tuple[float, float]:
        span = self.seconds * 3
        token = programs.log_in(server)
        quiet = p99(steady_reads(server, PROTECTED, token, READS_PER_SECOND, span))
        storm = start_wrk(server, login_path, span + 2, two_cpus(), *logins(LOGINS), connections=4)
        time.sleep(1)
        stormy = p99(steady_reads(server, PROTECTED, token, READS_PER_SECOND, span))
        finish_wrk(storm)
        return quiet, stormy


def p99(times: list[float]) -> float:
    return times[min(len(times) - 1, len(times) * 99 // 100)] * 1e3


def costs(loads: dict[str, list[Load]]) -> dict:
    """The medians of each, and the medians of the rounds' ratios: what Pacioli cost and did, by
    what the other cost and did in the same round."""
    results: dict = {}
    for name, rounds in loads.items():
        pairs = list(zip(loads["pacioli"], rounds, strict=True))
        results[name] = {
            "cpu_us": median(load.cpu_us for load in rounds),
            "per_second": median(load.per_second for load in rounds),
            "cpu_of_pacioli": median(ours.cpu_us / other.cpu_us for ours, other in pairs),
            "rate_of_pacioli": median(ours.per_second / other.per_second for ours, other in pairs),
        }
    return results


def report(results: dict) -> None:
    print(f"\n{json.dumps(results['machine'])}\n")
    if route := results.get("protected_route"):
        table(
            ["GET /auth/protected-route", "CPU µs each", "answers/s", "Pacioli's CPU ÷ its CPU"],
            [[name, f"{row['cpu_us']:.1f}", f"{row['per_second']:.0f}", f"{row['cpu_of_pacioli']:.3f}"] for name, row in route.items()],
        )
    if login := results.get("logins"):
        table(
            [f"bcrypt, cost {COST}, {HASHING_THREADS} thread", "CPU ms each", "a second", "Pacioli's logins/s ÷ its rate"],
            [[name, f"{row['cpu_us'] / 1e3:.1f}", f"{row['per_second']:.1f}", f"{row['rate_of_pacioli']:.3f}"] for name, row in login.items()],
        )
    if storm := results.get("storm"):
        table(
            ["50 reads/s", "p99 quiet, ms", "p99 during 4 logins, ms", "ratio"],
            [[name, f"{row['quiet_p99_ms']:.2f}", f"{row['storm_p99_ms']:.2f}", f"{row['ratio']:.1f}"] for name, row in storm.items()],
        )
    warehouse.report(results, table)
    outlook.show(results, table)
    if start := results.get("start"):
        table(["Pacioli", ""], [[name, f"{value:.3f}"] for name, value in start.items()])
    table(["target", "measured", "met"], list(targets(results)))


def table(header: list[str], rows: list[list[str]]) -> None:
    for row in [header, ["---"] * len(header), *rows]:
        print("| " + " | ".join(row) + " |")
    print()


def targets(results: dict) -> Iterator[list[str]]:
    """What Pacioli is held to."""
    path_limits = [
        ("CPU of the protected route ≤ 1.6 × axum + JWT", ("protected_route", "floor", "cpu_of_pacioli"), "most", 1.6),
        ("CPU of the protected route ≤ 1/15 of FastAPI", ("protected_route", "fastapi", "cpu_of_pacioli"), "most", 1 / 15),
        ("logins ≥ 95 % of the bcrypt crate", ("logins", "bcrypt_crate", "rate_of_pacioli"), "least", 0.95),
        ("logins ≥ 95 % of libxcrypt", ("logins", "libxcrypt", "rate_of_pacioli"), "least", 0.95),
        ("p99 of reads in a storm < 4 × quiet", ("storm", "pacioli", "ratio"), "most", 4.0),
        ("start to the first 200 < 0.3 s", ("start", "first_start_s"), "most", 0.3),
        ("idle memory < 60 MB", ("start", "idle_resident_mb"), "most", 60.0),
        ("TPC-H ≤ 1.3 × DuckDB on the same Parquet", ("tpch", "ratios", "duckdb_parquet"), "most", 1.3),
        ("questions, computed anew: p95 < 500 ms", ("erp", "fresh_p95_ms"), "most", 500.0),
        ("questions, kept: p95 < 10 ms", ("erp", "cached_p95_ms"), "most", 10.0),
        ("loading a CSV ≥ half of DuckDB's speed", ("csv", "speed_of_pacioli"), "least", 0.5),
        ("memory of the server meanwhile < 500 MB", ("csv", "server_peak_mb"), "most", 500.0),
        ("overview report ≤ 5 s", ("report", "json_s"), "most", 5.0),
        ("its PDF ≤ 1 s more", ("report", "pdf_s"), "most", 1.0),
        ("its workbook ≤ 1 s more", ("report", "xlsx_s"), "most", 1.0),
        ("memory of the server meanwhile < 1 GB", ("report", "server_peak_mb"), "most", 1000.0),
        ("memory of a worker meanwhile < 1 GB", ("report", "worker_peak_mb"), "most", 1000.0),
        ("forecasts ≤ the time of statsforecast", ("forecast", "time_of_pacioli"), "most", 1.0),
        ("no worse than the seasonal naive on ≥ 70 %", ("forecast", "part_no_worse_than_naive"), "least", 0.7),
        ("80 % intervals cover ≥ 75 %", ("forecast", "coverage_of_80_percent"), "least", 0.75),
        ("80 % intervals cover ≤ 85 %", ("forecast", "coverage_of_80_percent"), "most", 0.85),
    ]
    for words, path, kind, limit in path_limits:
        value = results
        for part in path:
            value = value.get(part, {})
        if value != {}:
            met = value <= limit if kind == "most" else value >= limit
            yield [words, f"{value:.3f}", "yes" if met else "NO"]


if __name__ == "__main__":
    main()
