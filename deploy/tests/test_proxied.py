"""Two replicas behind NGINX: what clients see of it, and of the death of one replica."""

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

from programs import PASSWORD, SALES, Client, FullSetUp, wait_until


def setUpModule():
    global full, owner
    full = FullSetUp()
    unittest.addModuleCleanup(full.close)
    owner = full.client().sign_up()
    assert owner.upload("sales.csv", SALES).status in (200, 201, 202)


class Proxied(unittest.TestCase):
    def test_from_sign_up_to_the_answer(self):
        answer = owner.ask("revenue by region").json
        self.assertEqual(answer["status"], "answered", answer)
        self.assertEqual(sorted(row[0] for row in answer["rows"]), ["North", "South"])
        self.assertEqual(sum(float(row[1]) for row in answer["rows"]), 273.75)

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
        people, cursor = [], ""
        while cursor is not None:
            page = owner.get(f"/users?limit=100{cursor}").json
            people += [person["email"] for person in page["items"]]
            cursor = f"&cursor={page['next_cursor']}" if page.get("next_cursor") else None
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
