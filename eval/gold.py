#!/usr/bin/env python3
"""Runs the gold queries of a question file with SQLite: gold.py DIR QUESTIONS EXPECTED

DIR is what companies.py wrote. One JSON object a line comes out: what should become of the question, and
the rows that are right. An engine of its own checks Pacioli's: SQLite knows nothing of DataFusion.
"""

import json
import pathlib
import sqlite3
import sys


def rows(databases, question, query):
    name = question["db_id"]
    place = databases / "gold" / f"{name}.sqlite"
    place = place if place.is_file() else databases / f"{name}.sqlite"
    with sqlite3.connect(f"file:{place}?mode=ro", uri=True) as db:
        return [list(row) for row in db.execute(query)]


def expected(databases, question):
    line = {"id": question["id"], "grade": question["grade"]}
    if "expect" in question:
        line["expect"] = question["expect"].split(",")
    if "group" in question:
        line["group"] = question["group"]
    answers = [rows(databases, question, query) for query in question.get("gold", [])]
    return line | {"rows": answers[0] if answers else [], "or": answers[1:], "ordered": question.get("ordered", False)}


def main():
    databases, questions, out = map(pathlib.Path, sys.argv[1:4])
    with open(out, "w", encoding="utf-8") as file:
        for line in questions.read_text(encoding="utf-8").splitlines():
            print(json.dumps(expected(databases, json.loads(line)), ensure_ascii=False), file=file)


if __name__ == "__main__":
    main()
