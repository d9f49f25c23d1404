#!/usr/bin/env python3
"""Do reports find what was planted in the demo company's books?

    bench/planted.py target/release/pacioli --seeds 5

Writes the demo for several seeds, loads it, asks for reports over the month and the quarter that each planted event
begins in, the quarter after and the year, and looks for a finding about the event's own customer, product, category or
region whose kind and days could be the event's. Prints, by kind of event, how many were found, and by which reports.
"""

import argparse
import csv
import datetime
import os
import subprocess
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path

from warehouse import Books

# Whose reports should tell of it.
KINDS = {
    "lost_customer": ["overview", "sales", "customers"],
    "bulk_order": ["overview", "sales", "customers"],
    "late_payer": ["overview", "receivables_payables", "customers"],
    "regional_slump": ["overview", "sales", "customers"],
    "promotion": ["overview", "sales", "products"],
    "price_rise": ["overview", "sales", "products"],
    "cost_rise": ["overview", "products", "purchasing"],
    "supply_stop": ["overview", "products", "inventory"],
    "faulty_batch": ["overview", "sales", "products"],
}
# What tells of one member that something moved; who is always large or small is no event.
MOVES = {"change", "trend", "change_point", "outlier_point", "outlier_member", "burst"}


def windows(first: datetime.date) -> list[str]:
    quarter = (first.month - 1) // 3 + 1
    following = (first.year, quarter + 1) if quarter < 4 else (first.year + 1, 1)
    named = [f"{first.year}-{first.month:02}", f"{first.year}-Q{quarter}", f"{following[0]}-Q{following[1]}", str(first.year)]
    # The books end with 2025.
    return [name for name in named if int(name[:4]) <= 2025]


def report(books: Books, kind: str, period: str) -> dict:
    answer = books.ask("POST", "/report", {"kind": kind, "period": period})[1]
    while "findings" not in answer:
        time.sleep(0.1)
        answer = books.ask("GET", f"/reports/{answer.get('report_id') or answer['id']}")[1]
    return answer


def tells(finding: dict, event: dict) -> bool:
    fact = finding["fact"]
    if finding["subject"].get("member") != event["subject"] or fact["kind"] not in MOVES:
        return False
    # What is dated must be dated within the event, give or take the month it begins or ends in.
    at = fact.get("at")
    return at is None or event["first_day"][:7] <= at[:7] <= (datetime.date.fromisoformat(event["last_day"]) + datetime.timedelta(31)).isoformat()[:7]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary", type=Path)
    parser.add_argument("--seeds", type=int, default=5)
    arguments = parser.parse_args()
    planted, found, by = Counter(), Counter(), defaultdict(Counter)
    for seed in range(1, arguments.seeds + 1):
        with tempfile.TemporaryDirectory() as place:
            demo = Path(place, "demo")
            subprocess.run([arguments.binary, "demo", "--seed", str(seed), demo], check=True, stdout=subprocess.DEVNULL)
            events = list(csv.DictReader((demo / "truth" / "planted_events.csv").open()))
            with Books(Path(place, "books"), os.sched_getaffinity(0), binary=arguments.binary.resolve()) as books:
                books.sign_up()
                for file in sorted(demo.glob("*.csv")):
                    books.upload(file)
                made: dict = {}
                for event in events:
                    planted[event["kind"]] += 1
                    first, hits = datetime.date.fromisoformat(event["first_day"]), []
                    for kind in KINDS[event["kind"]]:
                        for period in windows(first):
                            if (kind, period) not in made:
                                made[kind, period] = report(books, kind, period)["findings"]
                            hits += [kind] * any(tells(finding, event) for finding in made[kind, period])
                    found[event["kind"]] += bool(hits)
                    by[event["kind"]].update(set(hits))
    for kind, count in planted.items():
        told = ", ".join(f"{name} {times}" for name, times in by[kind].most_common())
        print(f"{kind:16} {found[kind]} of {count}   {told}")
    print(f"{'all':16} {sum(found.values())} of {sum(planted.values())}")


if __name__ == "__main__":
    main()
