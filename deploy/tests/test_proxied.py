"""Two replicas behind NGINX: what clients see of it, and of the death of one replica."""

import calendar
import collections
import concurrent.futures
import http.client
import json
import socket
import ssl
import threading
import time
import unittest
import uuid
import warnings

import language_model
from programs import PASSWORD, SALES, Client, FullSetUp, everything, wait_until


def setUpModule():
    global full, owner
    full = FullSetUp(model=True)
    unittest.addModuleCleanup(full.close)
    owner = full.client().sign_up()
    assert owner.upload("sales.csv", SALES).status in (200, 201, 202)


class Proxied(unittest.TestCase):
    def test_from_sign_up_to_the_answer(self):
        answer = owner.ask("revenue by region").json
        self.assertEqual(answer["status"], "answered", answer)
        self.assertEqual(sorted(row[0] for row in answer["rows"]), ["North", "South"])
        self.assertEqual(sum(float(row[1]) for row in answer["rows"]), 273.75)

    def test_from_sign_up_to_the_report(self):
        reader = full.client().sign_up()
        self.assertIn(reader.upload("sales.csv", books(), timeout=300).status, (200, 201, 202))
        answer = reader.post("/report", {"kind": "sales", "today": "2026-01-10"})
        self.assertIn(answer.status, (200, 202), answer.body)
        report = f"/reports/{answer.json['id']}"
        job = wait_until(lambda: reader.job_ended(answer.json["id"]), what="the report's job")
        self.assertEqual((job["kind"], job["status"]), ("report", "succeeded"), job)
        made = reader.get(report).json
        self.assertIn("South", [finding["subject"].get("member") for finding in made["findings"]])
        for ending, begins, ends in FILES:
            file = reader.get(f"{report}.{ending}")
            self.assertEqual(file.status, 200, ending)
            self.assertTrue(file.body.startswith(begins) and ends in file.body[-1200:], ending)
            self.assertEqual(owner.get(f"{report}.{ending}").status, 404)

    def test_a_question_tells_its_stages_as_they_are_reached(self):
        # The model takes its time, so that the answer comes long after the first event.
        full.model.will("slow")
        self.addCleanup(full.model.will, "well")
        connection = http.client.HTTPSConnection("localhost", full.nginx.port, context=full.nginx.trust, timeout=60)
        self.addCleanup(connection.close)
        connection.request("POST", "/query", json.dumps({"question": "what does each corner of the world bring home"}), {
            "Authorization": f"Bearer {owner.token}", "Content-Type": "application/json", "Accept": "text/event-stream"})
        began, answer, told = time.monotonic(), connection.getresponse(), []
        self.assertIn("text/event-stream", answer.headers["Content-Type"])
        while line := answer.readline():
            if line.startswith(b"event:"):
                told.append((line.split(b":", 1)[1].strip().decode(), time.monotonic() - began))
            elif line.startswith(b"data:") and told[-1][0] == "answer":
                last = json.loads(line.split(b":", 1)[1])
        names = [name for name, _ in told]
        self.assertEqual((names[0], names[-1]), ("stage", "answer"), told)
        self.assertGreater(told[-1][1] - told[0][1], language_model.SLOW / 2, told)
        self.assertEqual((last["status"], last["source"], last["row_count"]), ("answered", "model", 2), last)

    def test_a_replica_dies_while_reports_are_made(self):
        reader, alone = full.client().sign_up(), full.client().sign_up()
        for person in (reader, alone):
            self.assertIn(person.upload("sales.csv", books(), timeout=300).status, (200, 201, 202))
        made, dying = Reports(reader), Client(full.replicas[0].url, token=alone.token)
        reports = lambda person: [job for job in everything(person, "/jobs") if job["kind"] == "report"]
        with concurrent.futures.ThreadPoolExecutor(5) as pool:
            work = [pool.submit(made.make) for _ in range(4)]
            time.sleep(2)
            # One that is asked of that replica itself, so that it surely dies with a report.
            lost = pool.submit(dying.post, "/report", {"kind": "sales", "today": "2026-01-10"})
            wait_until(lambda: reports(alone), what="the report's job")
            full.replicas[0].kill()
            self.assertIsInstance(lost.exception(), (OSError, http.client.HTTPException))
            time.sleep(4)
            full.restart(0)
            try:
                wait_until(made.is_enough, seconds=120, what="enough reports")
            finally:
                made.over.set()
            for one in work:
                one.result()
        self.assertEqual(made.failed, [])
        # Those that the replica died with are made by the other one, though nobody waits for them any more.
        for person in (reader, alone):
            for job in reports(person):
                end = wait_until(lambda: person.job_ended(job["id"]), seconds=120, what="every job's end")
                self.assertEqual(end["status"], "succeeded", end)
        listed = {report["id"] for report in everything(reader, "/reports")}
        self.assertEqual(set(made.acknowledged) - listed, set())
        for report in listed - set(made.acknowledged):
            self.assertEqual(made.fault(report), None)
        [anew] = everything(alone, "/reports")
        self.assertEqual(Reports(alone).fault(anew["id"]), None)
        self.assertTrue(any("report.resumed" in replica.text() for replica in full.replicas))
        print(f"one replica killed while reports were made: {len(made.acknowledged)} asked for and made, {len(listed) - len(made.acknowledged)} "
              f"of them twice, and one that only it knew of; {made.cut} answers cut short and asked for again; every file whole")

    def test_tls_is_new_and_http_is_sent_there(self):
        for version, expected in [(ssl.TLSVersion.TLSv1_2, "TLSv1.2"), (ssl.TLSVersion.TLSv1_3, "TLSv1.3")]:
            trust = ssl.create_default_context(cafile=full.path / "fullchain.pem")
            trust.minimum_version = trust.maximum_version = version
            trust.set_alpn_protocols(["h2", "http/1.1"])
            with socket.create_connection(("127.0.0.1", full.nginx.port)) as raw:
                with trust.wrap_socket(raw, server_hostname="localhost") as secured:
                    self.assertEqual(secured.version(), expected)
                    self.assertEqual(secured.selected_alpn_protocol(), "h2")
        old = ssl.create_default_context(cafile=full.path / "fullchain.pem")
        old.set_ciphers("DEFAULT@SECLEVEL=0")
        with warnings.catch_warnings(action="ignore"):
            old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
        with self.assertRaises(ssl.SSLError), socket.create_connection(("127.0.0.1", full.nginx.port)) as raw:
            old.wrap_socket(raw, server_hostname="localhost")
        plain = http.client.HTTPConnection("127.0.0.1", full.nginx.plain_port)
        plain.request("POST", "/query?a=b", headers={"Host": "books.example.com"})
        answer = plain.getresponse()
        self.assertEqual((answer.status, answer.headers["Location"]), (308, "https://books.example.com/query?a=b"))

    def test_requests_are_shared_and_named(self):
        for _ in range(20):
            answer = owner.get("/tables")
            self.assertEqual(answer.status, 200)
            self.assertEqual(answer.headers.get_all("Strict-Transport-Security"), ["max-age=31536000"])
            self.assertEqual(len(answer.headers["X-Request-Id"]), 32)
        self.assertEqual(owner.get("/tables", headers={"X-Request-Id": "mine-1"}).headers["X-Request-Id"], "mine-1")
        for replica in full.replicas:
            self.assertIn('route="/tables"', replica.metrics())

    def test_what_clients_write_of_themselves_is_not_believed(self):
        name = f"forged-{uuid.uuid4()}"
        owner.get("/healthz", headers={"X-Forwarded-For": "192.0.2.66", "X-Request-Id": name})
        lines = [line for replica in full.replicas for line in replica.text().splitlines() if name in line]
        self.assertEqual([json.loads(line)["client"] for line in lines], ["127.0.0.1"], lines)
        self.assertEqual([json.loads(line)["scheme"] for line in lines], ["https"])

    def test_metrics_are_closed(self):
        for path in ("/metrics", "/metrics?x", "//metrics", "/%6detrics"):
            answer = owner.get(path)
            self.assertEqual(answer.status, 404, path)
            self.assertNotIn(b"pacioli_", answer.body)

    def test_what_is_public_is_kept_and_nothing_else(self):
        stranger = full.client()
        first, again = stranger.get("/openapi.json"), stranger.get("/openapi.json")
        self.assertEqual((first.status, again.status, first.body), (200, 200, again.body))
        kept = {}
        owner.get("/tables"), owner.get("/tables")
        time.sleep(0.2)
        for line in (full.path / "access.log").read_text().splitlines():
            entry = json.loads(line)
            kept.setdefault(entry["path"], []).append(entry["cache"])
        self.assertIn("HIT", kept["/openapi.json"])
        self.assertEqual(set(kept["/tables"]), {""})

    def test_a_large_file_passes_and_a_large_body_does_not(self):
        row = b"2025-01-14,North,Saffron,3,120.50\n"
        content = b"date,region,product,quantity,revenue\n" + row * 40_000
        other = full.client().sign_up()
        self.assertIn(other.upload("large.csv", content, timeout=300).status, (200, 201, 202))
        answer = owner.post("/query", {"question": "x" * 2_000_000})
        self.assertEqual((answer.status, answer.json["code"]), (413, "too_large"))

    def test_progress_comes_as_it_happens(self):
        jobs = owner.get("/jobs").json["items"]
        connection = http.client.HTTPSConnection("localhost", full.nginx.port, context=full.nginx.trust)
        connection.request("GET", f"/jobs/{jobs[0]['id']}",
                           headers={"Authorization": f"Bearer {owner.token}", "Accept": "text/event-stream"})
        answer = connection.getresponse()
        self.assertIn("text/event-stream", answer.headers["Content-Type"])
        self.assertTrue(answer.readline().startswith((b"event:", b"data:", b"id:", b":", b"retry:")))

    def test_one_replica_dies_and_nobody_notices(self):
        told = Load(owner)
        with concurrent.futures.ThreadPoolExecutor(12) as pool:
            work = [pool.submit(told.read), pool.submit(told.read), pool.submit(told.read), pool.submit(told.question),
                    pool.submit(told.question), pool.submit(told.write), pool.submit(told.write)]
            time.sleep(2)
            full.replicas[1].kill()
            time.sleep(4)
            full.restart(1)
            time.sleep(3)
            try:
                wait_until(told.is_enough, seconds=120, what="enough requests")
            finally:
                told.over.set()
            for one in work:
                one.result()
        self.assertEqual(told.failed, [], f"of {told.count}")
        people = [person["email"] for person in everything(owner, "/users")]
        self.assertEqual([email for email in told.acknowledged if people.count(email) != 1], [])
        print(f"one replica killed under load: {dict(told.count)}, none failed; "
              f"{len(told.acknowledged)} writes acknowledged, none lost; {told.repeated} of them sent again")


class Load:
    """What many people do at once, and what came of it."""

    def __init__(self, client):
        self.client, self.over, self.lock = client, threading.Event(), threading.Lock()
        self.failed, self.acknowledged, self.count, self.repeated = [], [], collections.Counter(), 0

    def note(self, kind, answer):
        with self.lock:
            self.count[kind] += 1
            if answer.status != 200:
                self.failed.append((kind, answer.status, answer.body[:300]))

    def is_enough(self):
        return self.count["read"] > 50 and self.count["question"] > 10 and len(self.acknowledged) > 5

    def read(self):
        while not self.over.is_set():
            self.note("read", self.client.get("/tables"))

    def question(self):
        number = 0
        while not self.over.is_set():
            number += 1
            answer = self.client.ask(f"revenue by region where quantity is above {number % 3}")
            self.note("question", answer)

    def write(self):
        """Adds people, each under a key: what was not acknowledged is sent again, as clients do."""
        while not self.over.is_set():
            email, key = f"{uuid.uuid4().hex}@example.com", {"Idempotency-Key": str(uuid.uuid4())}
            body = {"full_name": "Maria Rossi", "email": email, "password": PASSWORD}
            while (answer := self.attempt(body, key)) is None or answer.status >= 500 or answer.status == 409:
                self.repeated += 1
                time.sleep(0.2)
            with self.lock:
                self.count["write"] += 1
                (self.acknowledged if answer.status == 201 else self.failed).append(
                    email if answer.status == 201 else ("write", answer.status, answer.body))

    def attempt(self, body, key):
        try:
            return self.client.post("/auth/add-user", body, headers=key)
        except OSError:
            return None


# Endings of a report's files, how they begin, and what stands at their end.
FILES = [("pdf", b"%PDF-", b"%%EOF"), ("html", b"<!doctype html>", b"</html>"), ("xlsx", b"PK", b"PK\x05\x06"),
         ("csv", b"#,", b"\n"), ("zip", b"PK", b"PK\x05\x06")]


def books(last=2025):
    """Three years of sales in four regions; the South orders a third from July of the last one on."""
    lines = ["sale_date,region,product,revenue_eur"]
    for year in (last - 2, last - 1, last):
        for month in range(1, 13):
            for day in range(1, calendar.monthrange(year, month)[1] + 1, 5):
                for place, region in enumerate(["North", "South", "East", "West"]):
                    cents = 90_000 + (day * 37 + month * 101 + place * 53 + year * 11) % 17 * 1_000
                    cents = cents // 3 if region == "South" and (year, month) >= (last, 7) else cents
                    lines.append(f"{year}-{month:02}-{day:02},{region},{['Lamp', 'Desk'][(day + place) % 2]},{cents / 100:.2f}")
    return "\n".join(lines).encode() + b"\n"


class Reports:
    """Reports that are asked for again and again, and what came of them."""

    def __init__(self, client):
        self.client, self.over, self.lock = client, threading.Event(), threading.Lock()
        self.failed, self.acknowledged, self.cut = [], [], 0

    def is_enough(self):
        return len(self.acknowledged) > 15

    def make(self):
        number = 0
        while not self.over.is_set():
            number += 1
            # Half of them of kinds of their own, so that not all is answered from what was computed before.
            body = {"kind": ["sales", "overview"][number % 2], "today": f"2026-01-{number % 28 + 1:02}"}
            report = self.asked(body)
            fault = self.fault(report)
            with self.lock:
                (self.failed if fault else self.acknowledged).append(fault or report)

    def asked(self, body):
        """The report's id. Where the replica dies with it the other one makes it, and nobody is told of a failure."""
        answer = self.whole(lambda: self.client.post("/report", body))
        assert answer.status in (200, 202), (answer.status, answer.body)
        if answer.status == 202:
            job = wait_until(lambda: self.client.job_ended(answer.json["id"]), seconds=90, what="a report's job")
            assert job["status"] == "succeeded", job
        return answer.json["id"]

    def whole(self, ask):
        """The answer; where the replica died in the middle of sending it, which HTTP says, it is asked for again."""
        while True:
            try:
                return ask()
            except (OSError, http.client.IncompleteRead):
                self.cut += 1

    def fault(self, report):
        """What is wrong with a report or one of its files."""
        answer = self.whole(lambda: self.client.get(f"/reports/{report}"))
        if answer.status != 200 or "findings" not in answer.json:
            return (report, answer.status, answer.body[:300])
        for ending, begins, ends in FILES:
            file = self.whole(lambda: self.client.get(f"/reports/{report}.{ending}"))
            if file.status != 200 or not file.body.startswith(begins) or ends not in file.body[-1200:]:
                return (report, ending, file.status, file.body[-300:])
        return None


class Limited(unittest.TestCase):
    def test_guessing_is_slowed_down(self):
        limited = FullSetUp(rates=True)
        self.addCleanup(limited.close)
        connection = http.client.HTTPSConnection("localhost", limited.nginx.port, context=limited.nginx.trust)
        self.addCleanup(connection.close)
        for _ in range(300):
            connection.request("POST", "/auth/refresh", b'{"refresh_token":"guessed"}', {"Content-Type": "application/json"})
            answer = connection.getresponse()
            body = answer.read()
            if answer.status == 429:
                break
        self.assertEqual((answer.status, json.loads(body)["code"]), (429, "rate_limited"))
        self.assertEqual(answer.headers["Content-Type"], "application/problem+json")
        self.assertTrue(answer.headers["Retry-After"])
        self.assertEqual(Client(limited.nginx.url, limited.nginx.trust).get("/healthz").status, 200)


if __name__ == "__main__":
    unittest.main()
