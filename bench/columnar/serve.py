"""DuckDB and Polars over the same Parquet files, asked over standard input: for a line
{"program": …, "sql": …} comes a line {"seconds": …, "cpu": …, "rows": …} or {"error": …}.

Arguments: a JSON object of table names and files, the number of threads, and a folder.
"""

import json
import os
import resource
import sys
import time
from decimal import Decimal

tables, threads, folder = json.loads(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
os.environ["POLARS_MAX_THREADS"] = str(threads)

import duckdb  # noqa: E402  (Polars reads its number of threads when it is imported)
import polars  # noqa: E402


def duck(statements: list[str], database: str = ":memory:") -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(database, config={"threads": threads, "temp_directory": folder})
    for statement in statements:
        connection.execute(statement)
    return connection


over_parquet = duck([f"CREATE VIEW {name} AS FROM read_parquet('{file}')" for name, file in tables.items()])
own_tables = duck(
    [f"CREATE TABLE {name} AS FROM read_parquet('{file}')" for name, file in tables.items()],
    os.path.join(folder, "own.duckdb"),
)
frames = polars.SQLContext({name: polars.scan_parquet(file) for name, file in tables.items()})


def load_csv(file: str) -> list:
    """A CSV file as a table and as Parquet."""
    target = os.path.join(folder, "loaded.parquet")
    connection = duck([])
    connection.execute(f"CREATE TABLE loaded AS FROM read_csv('{file}')")
    connection.execute(f"COPY loaded TO '{target}' (FORMAT parquet, COMPRESSION zstd)")
    return connection.execute("SELECT count(*) FROM loaded").fetchall()


PROGRAMS = {
    "duckdb_parquet": lambda sql: over_parquet.execute(sql).fetchall(),
    "duckdb_tables": lambda sql: own_tables.execute(sql).fetchall(),
    "polars": lambda sql: frames.execute(sql).collect().rows(),
    "load_csv": load_csv,
}


def plain(value: object) -> object:
    return float(value) if isinstance(value, Decimal) else value


def cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


print("ready", flush=True)
for line in sys.stdin:
    asked = json.loads(line)
    begin, cpu = time.perf_counter(), cpu_seconds()
    try:
        rows = PROGRAMS[asked["program"]](asked["sql"])
        answer = {"seconds": time.perf_counter() - begin, "cpu": cpu_seconds() - cpu}
        answer["rows"] = [[plain(cell) for cell in row] for row in rows]
    except Exception as error:  # whatever it cannot run is said, not left out
        answer = {"error": str(error).splitlines()[0]}
    print(json.dumps(answer, default=str), flush=True)
