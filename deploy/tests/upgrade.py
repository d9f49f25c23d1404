#!/usr/bin/env python3
"""Does a newer program open what an older one kept?

    upgrade.py make OLD-BINARY FOLDER     # keeps a company's books, embedded and on MongoDB
    upgrade.py check NEW-BINARY FOLDER    # opens a copy of them, and finds everything as it was

`kept.tar.gz` beside this file is what the last release kept; test_upgrade.py opens it with what was built now.
"""

import contextlib
import json
import pathlib
import shutil
import sys

from programs import PASSWORD, SALES, Client, Folder, Mongo, Pacioli

QUESTIONS = ["revenue by region", "total revenue in January 2025", "top 1 product by quantity"]
# Both are of tests only.
SECRETS = {"JWT_SECRET": "kK2vTq8nR4wYx1bLzP6mHs9dGf3jCa7eUoXiN5tQ", "PACIOLI_SECRETS__ENCRYPTION_KEY": "hZ8rWm4cV1yKq6tJp3xLs9nBd2gFa7eUoXiN5bQk"}
CONNECTION = {"name": "Trading", "kind": "postgresql", "secret": "pepper and saffron",
              "settings": {"host": "db.example.com", "database": "trading", "user": "reader"}}
# An address that needs no name server; nothing is sent there.
WEBHOOK = {"name": "The ledger's", "url": "https://93.184.216.34/hooks/pacioli"}
MEANING = {"version": 0, "metrics": {"turnover": {"expression": "sum(sales.revenue)", "unit": "EUR"}}}


def begin(client):
    """Something of every kind that is kept."""
    def made(answer):
        assert answer.status in (200, 201), answer.body
        return answer.json

    made(client.upload("sales.csv", SALES))
    made(client.send("PATCH", "/semantics", MEANING))
    asked = made(client.ask(QUESTIONS[0]))
    made(client.post("/verified", {"query_id": asked["query_id"]}))
    made(client.post(f"/queries/{asked['query_id']}/feedback", {"verdict": "wrong", "comment": "East is missing."}))
    question = made(client.post("/questions", {"name": "Regions", "query_id": asked["query_id"]}))["id"]
    made(client.post("/dashboards", {"name": "Sales", "tiles": [{"question_id": question}]}))
    made(client.post("/report", {"kind": "sales", "period": "2025", "formats": ["pdf"]}))
    made(client.post("/webhooks", WEBHOOK))
    made(client.post("/subscriptions", {"name": "Every Monday", "question_id": question, "recipients": [client.email],
                                        "schedule": {"cron": "0 7 * * 1", "time_zone": "Europe/Rome"}}))
    made(client.post("/connections", CONNECTION))
    made(client.post("/auth/add-user", {"full_name": "Maria Rossi", "email": f"maria-{client.email}", "password": PASSWORD}))


def seen(client):
    """Everything that must be the same afterwards."""
    answers = [client.ask(question).json for question in QUESTIONS]
    listed = {kind: client.get(f"/{kind}").json["items"]
              for kind in ("questions", "dashboards", "reports", "webhooks", "subscriptions", "verified", "feedback", "jobs")}
    report = client.get(f"/reports/{listed['reports'][0]['id']}").json
    return {
        "answers": [{member: answer[member] for member in ("status", "rows", "columns")} for answer in answers],
        "tables": [[table["name"], table["rows"]] for table in client.get("/tables").json["items"]],
        "people": sorted(person["email"] for person in client.get("/users").json["items"]),
        "connections": [one["name"] for one in client.get("/connections").json["items"]],
        "company": client.get("/company").json["company_name"],
        "semantics": client.get("/semantics").json["declared"],
        "listed": {kind: sorted(one.get("name") or one.get("question") or one["id"] for one in items) for kind, items in listed.items()},
        "saved answers": [client.post(f"/questions/{one['id']}/run", {}).json["rows"] for one in listed["questions"]],
        "tiles": [len(one["tiles"]) for one in listed["dashboards"]],
        "report": [report["headline"], [finding["fact"] for finding in report["findings"]]],
        "paper": client.get(f"/reports/{report['id']}.pdf").status,
        # The oldest: reading and logging in come after them.
        "audit": [event["action"] for event in client.get("/audit?limit=100").json["items"]][-4:],
    }


@contextlib.contextmanager
def embedded(binary, kept):
    with contextlib.closing(Folder()) as folder:
        yield folder.run(Pacioli(folder.path, "server", SECRETS, data=kept / "embedded", binary=binary))


@contextlib.contextmanager
def on_mongo(binary, kept, restore):
    """The database itself is kept as text, so that any MongoDB-compatible server can hold it again."""
    import pymongo
    from bson import json_util
    with contextlib.closing(Folder()) as folder:
        mongo = folder.run(Mongo(folder.path))
        database = pymongo.MongoClient(mongo.url)["pacioli"]
        if restore:
            for name, documents in json_util.loads((kept / "mongo.json").read_text()).items():
                if documents:
                    database[name].insert_many(documents)
        server = Pacioli(folder.path, "server", {**SECRETS, "MONGODB_URI": mongo.url}, data=kept / "shared", binary=binary)
        yield folder.run(server)
        if not restore:
            names = [name for name in database.list_collection_names() if not name.startswith("system.")]
            (kept / "mongo.json").write_text(json_util.dumps({name: list(database[name].find()) for name in sorted(names)}))


def make(binary, kept):
    kept.mkdir(parents=True)
    expected = {}
    for name, server in (("embedded", embedded(binary, kept)), ("mongo", on_mongo(binary, kept, False))):
        with server as running:
            client = Client(running.url).sign_up()
            begin(client)
            expected[name] = {"email": client.email, **seen(client)}
            running.stop()
    for left in ("spool", "scratch"):
        for place in ("embedded", "shared"):
            shutil.rmtree(kept / place / left, ignore_errors=True)
    (kept / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")


def check(binary, kept):
    expected = json.loads((kept / "expected.json").read_text())
    with contextlib.closing(Folder()) as folder:
        copy = shutil.copytree(kept, folder.path / "kept")
        for name, server in (("embedded", embedded(binary, copy)), ("mongo", on_mongo(binary, copy, True))):
            with server as running:
                client, then = Client(running.url), dict(expected[name])
                answer = client.post("/auth/login", {"username": then.pop("email"), "password": PASSWORD})
                assert answer.status == 200, (name, answer.status, answer.body)
                client.token = answer.json["access_token"]
                now = seen(client)
                assert now == then, f"{name}\nthen {json.dumps(then)}\nnow  {json.dumps(now)}"
                print(f"{name}: {len(QUESTIONS)} answers, {len(now['tables'])} tables, {len(now['people'])} people and {sum(map(len, now['listed'].values()))} other things as they were")


if __name__ == "__main__":
    command, program, place = sys.argv[1:]
    {"make": make, "check": check}[command](pathlib.Path(program).resolve(), pathlib.Path(place).resolve())
