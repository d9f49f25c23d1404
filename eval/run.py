#!/usr/bin/env python3
"""Scores the translator and writes RESULTS.md: run.py PACIOLI [TRANSLATOR] [--own]

Asks our own questions of the six companies (all parts), and the development parts of the public sets
where ../shared/eval is; with --own ours alone, and what was said of the others before is kept. What stands in RESULTS.md from "## With a model" on is kept.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

import public as converted

HERE = pathlib.Path(__file__).resolve().parent
RESULTS = HERE / "RESULTS.md"
PUBLIC = HERE.parent.parent / "shared" / "eval"
KEPT = "## With a model"
PUBLIC_PART, USERS_PART = "## Public sets, development parts", "## Questions of users, one by one"
# What the everyday part came to when it was new, by rules alone: the honest guess at questions not seen.
UNMENDED = "easy 81.1 %, medium 54.7 %, hard 22.2 %, wrong when answered 13.0 %, paraphrases 72.0 %."
# The same of the newcomers, companies that nothing had been made for.
UNMENDED_NEWCOMERS = "easy 56.5 %, medium 32.4 %, hard 12.1 %, wrong when answered 27.8 %, paraphrases 77.8 %."
# The last day of the companies' books.
TODAY = "2025-12-31"
PUBLIC_SETS = [
    ("Spider, development", "spider/dev.jsonl", "spider/dev_expected.jsonl", ["spider/sqlite"]),
    ("Spider-Syn", "spider-syn/dev.jsonl", "spider-syn/dev_expected.jsonl", ["spider/sqlite"]),
    ("Spider-Realistic", "spider-realistic/realistic.jsonl", "spider-realistic/realistic_expected.jsonl", ["spider/sqlite"]),
    ("Spider-DK", "spider-dk/dk.jsonl", "spider-dk/dk_expected.jsonl", ["spider-dk/sqlite", "spider/sqlite"]),
]


def lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def evaluate(pacioli, translator, databases, questions, expected, out, *more):
    command = [pacioli, "eval", "--questions", questions, "--expected", expected, "--translator", translator, "--out", out, *more]
    for folder in databases:
        command += ["--databases", folder]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    return done.stdout.strip() if done.returncode == 0 else "could not be scored"


def own(pacioli, translator, work):
    """All parts of our own set; what was said, and what became of each question."""
    companies = work / "companies"
    subprocess.run([sys.executable, HERE / "companies.py", pacioli, companies], check=True)
    said, outcomes = {}, {}
    for part in ("dev", "everyday", "newcomers", "test"):
        questions, expected, out = HERE / "questions" / f"{part}.jsonl", work / f"{part}_expected.jsonl", work / f"{part}.jsonl"
        subprocess.run([sys.executable, HERE / "gold.py", companies, questions, expected], check=True)
        said[part] = evaluate(pacioli, translator, [companies], questions, expected, out, "--today", TODAY)
        outcomes |= {one["id"]: one for one in lines(out)}
    return said, outcomes


def cell(text, most=110):
    text = " ".join(str(text).split()).replace("|", "\\|")
    return text if len(text) <= most else text[: most - 1] + "…"


def answer(outcome):
    if outcome["status"] != "answered":
        return outcome.get("reason", "")
    rows = [" / ".join("" if value is None else str(value) for value in row) for row in outcome["rows"][:2]]
    more = len(outcome["rows"]) - len(rows)
    return "; ".join(rows) + (f"; … ({more} more rows)" if more > 0 else "") if rows else "no rows"


def listed(outcomes):
    """The questions of a user that are named, and what must be asked back or refused, with their answers."""
    table = ["| | question | should be | came to | right | answer |", "|---|---|---|---|---|---|"]
    for question in lines(HERE / "questions" / "dev.jsonl"):
        if question["id"].startswith(("q", "must-")):
            one = outcomes[question["id"]]
            wanted = question.get("expect", "answer").replace(",", " or ")
            cells = [question["id"], question["question"], wanted, one["status"].replace("_", " "), "yes" if one.get("right") else "**no**", answer(one)]
            table.append("| " + " | ".join(map(cell, cells)) + " |")
    return "\n".join(table)


def further(pacioli, translator, work):
    """The sets that come without rows of their own, a line each."""
    table = ["| | questions | right | wrong when answered | asked back | refused |", "|---|---|---|---|---|---|"]
    for name, (_, folder) in converted.SETS.items():
        converted.write(PUBLIC, name, work)
        out = work / f"{name}_out.jsonl"
        evaluate(pacioli, translator, [PUBLIC / folder], work / f"{name}.jsonl", work / f"{name}_expected.jsonl", out)
        outcomes = lines(out)
        share = lambda part, whole: f"{len(part)} of {len(whole)} ({100 * len(part) / max(len(whole), 1):.1f} %)"
        of = lambda status: [one for one in outcomes if one["status"] == status]
        right, answered = [one for one in outcomes if one.get("right")], of("answered")
        wrong = [one for one in answered if not one.get("right")]
        cells = [f"`{name}`", str(len(outcomes)), share(right, outcomes), share(wrong, answered), str(len(of("needs_clarification"))), str(len(of("not_answerable")))]
        table.append("| " + " | ".join(cells) + " |")
    return "\n".join(table)


def public(pacioli, translator, work):
    if not PUBLIC.is_dir():
        return "The public sets are not here (`../shared/eval`), so they were not scored.\n"
    parts = []
    for name, questions, expected, databases in PUBLIC_SETS:
        said = evaluate(pacioli, translator, [PUBLIC / one for one in databases], PUBLIC / questions, PUBLIC / expected, work / "public.jsonl")
        parts.append(f"### {name}\n```\n{said}\n```\n")
    parts.append(f"### Others\nWhat each is stands in `public.py`. An answer may show further columns, as with our own questions. What `ambrosia` asks can be read\nin several ways, and is right only when asked back: an answer by one of the readings counts as wrong.\n\n{further(pacioli, translator, work)}\n")
    return "\n".join(parts)


def before(start, end):
    """What RESULTS.md says between two headings: kept where it is not scored anew."""
    text = RESULTS.read_text(encoding="utf-8") if RESULTS.is_file() else ""
    return text.partition(f"{start}\n")[2].partition(end)[0] or "Not scored yet.\n"


def main():
    arguments = [one for one in sys.argv[1:] if one != "--own"]
    pacioli, translator = pathlib.Path(arguments[0]).resolve(), (arguments[1:] or ["rules"])[0]
    kept = RESULTS.read_text(encoding="utf-8").partition(KEPT) if RESULTS.is_file() else ("", "", "")
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        said, outcomes = own(pacioli, translator, work)
        if "--own" in sys.argv:
            shared = before(PUBLIC_PART, USERS_PART)
        else:
            shared = public(pacioli, translator, work)
    text = f"""# Results

Written by `make eval`; what is scored and how is in [README.md](README.md). Translator: {translator}; today is {TODAY}
for our own questions.

## Our own questions, development part
```
{said["dev"]}
```

## Our own questions, everyday wording
Written later, in other words, and scored once before anything was mended for them: {UNMENDED}
```
{said["everyday"]}
```

## Our own questions, companies that came later
Hotels and a vehicle workshop that declare nothing, and a few questions of the others; scored once before anything was mended for
them: {UNMENDED_NEWCOMERS}
```
{said["newcomers"]}
```

## Our own questions, held out
Written before anything was mended, and looked at as these figures; which fail was seen once, by mistake, and nothing was mended for it.
```
{said["test"]}
```

{PUBLIC_PART}
{shared}
{USERS_PART}
Asked of the demo company. An answer is shown by its first rows.

{listed(outcomes)}
"""
    RESULTS.write_text(text + ("\n" + "".join(kept[1:]) if kept[1] else ""), encoding="utf-8")
    print(f"development\n{said['dev']}\n\neveryday\n{said['everyday']}\n\nnewcomers\n{said['newcomers']}\n\nheld out\n{said['test']}\n\n{shared}")


if __name__ == "__main__":
    main()
