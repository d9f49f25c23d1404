#!/usr/bin/env python3
"""Public question sets in the form of our own: public.py SETS OUT [NAME...]

SETS is a folder of public sets (`../shared/eval`); OUT gets NAME.jsonl and NAME_expected.jsonl for each of those that
have no expected rows of their own. Gold queries run in SQLite; a question whose query does not is left out.
"""

import json
import pathlib
import sqlite3
import sys

# Longer answers say little, and their comparison takes long.
MOST_ROWS = 5000


def lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def ambrosia(sets):
    """What can be read in several ways, and must be asked back; all readings would be right to offer."""
    for one in lines(sets / "ambrosia" / "ambrosia.jsonl"):
        yield one["id"], one["db_id"], one["ambiguous_question"], [reading["query"] for reading in one["interpretations"]], "ask"


def ambrosia_readings(sets):
    """The same, said so that one reading is left: to be answered."""
    for one in lines(sets / "ambrosia" / "ambrosia.jsonl"):
        for at, reading in enumerate(one["interpretations"]):
            yield f"{one['id']}-{at}", one["db_id"], reading["text"], [reading["query"]], "answer"


def defog(sets):
    for one in lines(sets / "defog" / "defog.jsonl"):
        question = " ".join([one["question"], one["instructions"]]).strip()
        yield one["id"], one["db_id"], question, one["gold"], "answer"


def unanswerable(sets):
    """What the tables do not hold: to be refused, or asked back."""
    for one in lines(sets / "defog" / "idk_unanswerable.jsonl"):
        yield one["id"], one["db_id"], one["question"], [], "refuse,ask"


def kaggle_dbqa(sets):
    for path in sorted((sets / "kaggle-dbqa").glob("*.jsonl")):
        for one in lines(path):
            yield f"{path.stem}-{one['id']}", one["db_id"], one["question"], [one["query"]], "answer"


# How each is read, and where its databases are.
SETS = {
    "ambrosia": (ambrosia, "ambrosia/sqlite"),
    "ambrosia_readings": (ambrosia_readings, "ambrosia/sqlite"),
    "defog": (defog, "defog/sqlite"),
    "unanswerable": (unanswerable, "defog/sqlite"),
    "kaggle_dbqa": (kaggle_dbqa, "kaggle-dbqa"),
}


def rows(database, query):
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as db:
        db.text_factory = lambda text: text.decode("utf-8", "replace")
        return [list(row) for row in db.execute(query).fetchmany(MOST_ROWS + 1)]


def right(database, queries):
    answers = []
    for query in queries:
        try:
            answers.append(rows(database, query))
        except sqlite3.Error:
            continue
    return [answer for answer in answers if len(answer) <= MOST_ROWS]


def write(sets, name, out):
    """Writes both files of a set, and says how many questions were left out."""
    read, folder = SETS[name]
    questions, expected, left_out = [], [], 0
    for number, db_id, question, gold, expect in read(sets):
        answers = right(sets / folder / f"{db_id}.sqlite", gold)
        if gold and not answers:
            left_out += 1
            continue
        questions.append({"id": number, "db_id": db_id, "question": question})
        line = {"id": number, "rows": answers[0] if answers else [], "or": answers[1:], "ordered": "order by" in (gold or [""])[0].lower()}
        # With a grade, further columns do no harm, as with our own questions.
        expected.append(line | {"grade": "public", "expect": expect.split(",")})
    for path, written in [(out / f"{name}.jsonl", questions), (out / f"{name}_expected.jsonl", expected)]:
        path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in written), encoding="utf-8")
    return left_out


def main():
    sets, out = map(pathlib.Path, sys.argv[1:3])
    out.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[3:] or SETS:
        print(f"{name}: {write(sets, name, out)} questions left out")


if __name__ == "__main__":
    main()
