"""Prometheus scrapes two replicas under load: every query of every dashboard gives something, every metric
is documented, and traces arrive at a collector."""

import concurrent.futures
import http.server
import json
import re
import shutil
import threading
import time
import unittest
import urllib.parse
import urllib.request

from programs import DEPLOY, REPOSITORY, SALES, Client, FullSetUp, Program, free_port, is_open, tool, value, wait_until

# The rules refuse the first; the second they read, not surely, and the model reads it the same; the third
# it reads otherwise.
FOR_THE_MODEL = ["what does each corner of the world bring home", "totl revenu by regoin in table {}", "totl quantty by regoin in table {}"]


class Collector(http.server.BaseHTTPRequestHandler):
    """Takes traces as OTLP says it: protobuf over HTTP, answered in kind."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append((self.path, self.headers["Content-Type"], body))
        self.send_response(200)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


class Hook(Collector):
    """Takes webhooks, but for those at /gone."""

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(410 if self.path == "/gone" else 204)
        self.end_headers()


ORDER = """<EntityType Name="Order"><Key><PropertyRef Name="ID"/></Key><Property Name="ID" Type="Edm.Int64" Nullable="false"/>
<Property Name="Amount" Type="Edm.Decimal" Scale="2"/></EntityType>"""
METADATA = f"""<?xml version="1.0" encoding="utf-8"?>
<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>
<Schema Namespace="Books" xmlns="http://docs.oasis-open.org/odata/ns/edm">{ORDER}<EntityContainer Name="Container">
<EntitySet Name="Orders" EntityType="Books.Order"/><EntitySet Name="Locked" EntityType="Books.Order"/>
</EntityContainer></Schema></edmx:DataServices></edmx:Edmx>"""


class Service(Collector):
    """An OData service of two sets: of Orders it gives what there are, to Locked nobody may come."""

    def do_GET(self):
        orders = [{"ID": number, "Amount": number / 4} for number in range(100)]
        status, kind, body = {
            "/$metadata": (200, "application/xml", METADATA),
            "/Orders": (200, "application/json", json.dumps({"value": orders})),
        }.get(self.path.split("?")[0], (403, "application/json", '{"error": {"code": "403", "message": "Not yours."}}'))
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())


def listening(handler):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.received = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    unittest.addModuleCleanup(server.server_close)
    unittest.addModuleCleanup(server.shutdown)
    return server


def setUpModule():
    global full, prometheus, collector, hooks, service
    collector, hooks, service = listening(Collector), listening(Hook), listening(Service)
    full = FullSetUp(model=True, PACIOLI_OUTGOING__ALLOW="127.0.0.1/32", PACIOLI_LANGUAGE__LLM_MONTHLY_TOKENS="1000000", PACIOLI_TELEMETRY__OTLP_ENDPOINT=f"http://127.0.0.1:{collector.server_port}",
                     PACIOLI_LIMITS__ENABLED="true", PACIOLI_LIMITS__QUERY_PER_USER="60/1m")
    unittest.addModuleCleanup(full.close)
    prometheus = scrape(full)
    # It looks for its targets seconds after it has started.
    first = lambda: len(ask("query", query='up{job="pacioli"} == 1')["result"]) == 2
    wait_until(first, what="the first scrape of both replicas")
    load(full)


def scrape(setup):
    """deploy/prometheus as it is, but for the targets and the pace."""
    folder = setup.path / "prometheus"
    shutil.copytree(DEPLOY / "prometheus", folder)
    text = (folder / "prometheus.yml").read_text()
    targets = [f'"127.0.0.1:{replica.metrics_port}"' for replica in setup.replicas]
    for old, new in {"15s": "1s", '"pacioli-1:9464", "pacioli-2:9464"': ", ".join(targets)}.items():
        assert old in text, old
        text = text.replace(old, new)
    (folder / "prometheus.yml").write_text(text)
    port = free_port()
    program = setup.run(Program(
        [tool("prometheus"), f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
         f"--web.listen-address=127.0.0.1:{port}"], setup.path, "prometheus"))
    wait_until(lambda: is_open(port), what="prometheus")
    program.url = f"http://127.0.0.1:{port}"
    # It listens before it answers.
    wait_until(lambda: Client(program.url).get("/-/ready").status == 200, what="prometheus")
    return program


def load(setup):
    """Everything the dashboards speak of happens, over some scrapes."""
    owner = setup.client().sign_up()
    # More than one to each replica: a rate needs what a series was before.
    for number in range(3):
        owner.upload(f"before{number}.csv", SALES)

    # A company that has spent all its budget for the model: what needs it is refused.
    spender = setup.client().sign_up()
    spender.upload("before0.csv", SALES)
    setup.model.will("costly")
    assert spender.ask(FOR_THE_MODEL[0]).json["source"] == "model"
    setup.model.will("well")
    refused = lambda: [spender.ask(FOR_THE_MODEL[0]).json["status"] for _ in range(4)] == ["not_answerable"] * 4
    assert refused()
    subscriptions = [subscribed(owner, path) for path in ("/here", "/gone")]
    connections = [connected(owner, entity_set) for entity_set in ("Orders", "Locked")]

    def busy(number):
        person = setup.client()
        person.token = owner.token
        answer = person.ask(FOR_THE_MODEL[number % 3].format(f"before{number % 2}")).json
        person.post(f"/queries/{answer['query_id']}/feedback", {"verdict": ["right", "wrong"][number % 2]})
        for _ in range(4):
            person.get("/tables")
            person.ask(["total revenue of before0", "revenue by region in table before0", "gibberish zzz"][number % 3])
        if number < 2:
            reported(person)
            ran(person, connections[number], ["succeeded", "failed"][number])
            for path in subscriptions:
                person.post(f"{path}/run")
        person.post("/auth/login", {"username": owner.email, "password": "wrong one"})
        person.token = "not.a.token"
        person.get("/tables")

    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        list(pool.map(busy, range(6)))
    rows = b'{"id": 1, "amount": 2.5}\n'
    owner.send("POST", "/tables/pushed/rows?key=id", rows, {"Content-Type": "application/x-ndjson"})
    time.sleep(2)
    for number in range(3):
        owner.upload(f"after{number}.csv", SALES)
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        list(pool.map(busy, range(6)))
    assert refused()
    # Either replica may take a delivery: until one has made some after it was scraped with some.
    wait_until(lambda: delivered(owner, subscriptions), seconds=60, what="deliveries")
    wait_until(lambda: owner.ask("total revenue of before0").status == 429, seconds=60, what="the limit")
    time.sleep(2)


def reported(person):
    """A report, and each of its files."""
    report = person.post("/report", {"kind": "sales", "today": "2025-03-05"}).json
    path = f"/reports/{report['id']}"
    wait_until(lambda: person.get(path).status == 200, what="the report")
    for ending in ("html", "pdf", "xlsx", "csv", "zip"):
        assert person.get(f"{path}.{ending}").status == 200


def connected(owner, entity_set):
    """A connection that loads one set of the service; where it is."""
    settings = {"url": f"http://127.0.0.1:{service.server_port}", "access": {"kind": "open"}}
    made = owner.post("/connections", {"name": entity_set, "kind": "odata", "settings": settings})
    assert made.status == 201, made.body
    path = f"/connections/{made.json['id']}"
    chosen = owner.send("PUT", f"{path}/tables", {"tables": [{"source_table": entity_set}]})
    assert chosen.status == 200, chosen.body
    return path


def ran(person, connection, end):
    """A run of the connection, that ends so."""
    job = person.post(f"{connection}/run").json["job_id"]
    assert wait_until(lambda: person.job_ended(job), what="the run")["status"] == end


def delivered(owner, subscriptions):
    """Whether Prometheus has seen the count of deliveries grow; if not, there are two more soon."""
    for path in subscriptions:
        owner.post(f"{path}/run")
    # They are looked for every two seconds.
    time.sleep(3)
    grown = ask("query", query="sum(increase(pacioli_deliveries_total[1h]))")["result"]
    return grown and float(grown[0]["value"][1]) > 0


def subscribed(owner, path):
    """A subscription that tells a webhook; where it is."""
    hook = owner.post("/webhooks", {"name": path, "url": f"http://127.0.0.1:{hooks.server_port}{path}"}).json
    saved = owner.post("/questions", {"name": path, "question": "total revenue of before0"}).json
    made = owner.post("/subscriptions", {"name": path, "question_id": saved["id"], "webhooks": [hook["id"]],
                                         "schedule": {"every_seconds": 86400}})
    assert made.status == 201, made.body
    return f"/subscriptions/{made.json['id']}"


def ask(path, **parameters):
    with urllib.request.urlopen(f"{prometheus.url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}") as answer:
        return json.load(answer)["data"]


class Monitoring(unittest.TestCase):
    def test_both_replicas_are_scraped_and_the_rules_are_loaded(self):
        up = ask("query", query='up{job="pacioli"}')["result"]
        self.assertEqual([series["value"][1] for series in up], ["1", "1"])
        rules = [rule for group in ask("rules")["groups"] for rule in group["rules"]]
        self.assertEqual({rule["health"] for rule in rules}, {"ok"}, rules)
        self.assertEqual([rule["name"] for rule in rules if rule.get("state") == "firing"
                          and rule["labels"]["severity"] == "page"], [])

    def test_every_panel_has_data(self):
        asked = 0
        for file in sorted((DEPLOY / "grafana/dashboards").glob("*.json")):
            for panel in json.loads(file.read_text())["panels"]:
                for target in panel.get("targets", []):
                    query = target["expr"].replace("$__rate_interval", "1m")
                    with self.subTest(f"{file.name}: {panel['title']}: {query}"):
                        asked += 1
                        found = ask("query", query=query)["result"]
                        self.assertTrue(found)
                        self.assertNotEqual({series["value"][1] for series in found}, {"NaN"})
        self.assertGreater(asked, 50)
        print(f"{asked} queries of the dashboards were run")

    def test_every_metric_is_documented_and_bounded(self):
        documented = dict(re.findall(r"^\| `(\w+)` \| (\w+) \|", (REPOSITORY / "docs/METRICS.md").read_text(), re.MULTILINE))
        page = full.replicas[0].metrics()
        kinds = dict(re.findall(r"^# TYPE (\w+) (\w+)", page, re.MULTILINE))
        scraped = {name + ("_total" if kind == "counter" else ""): kind for name, kind in kinds.items()}
        self.assertEqual({name: kind for name, kind in scraped.items() if documented.get(name) != kind}, {})
        self.assertEqual([line for line in page.splitlines() if re.search(r"example\.com|[0-9a-f]{8}-[0-9a-f]{4}-", line)], [])
        self.assertLess(len(page.splitlines()), 2000)
        self.assertEqual(value(page, 'pacioli_dependency_up{dependency="store"}'), 1)

    def test_traces_arrive_and_name_the_request(self):
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
        trace, parent = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
        client = full.client()
        client.get("/healthz", headers={"traceparent": f"00-{trace}-{parent}-01", "X-Request-Id": "traced-1"})
        client.get("/healthz", headers={"traceparent": f"00-{trace}-{parent}-00", "X-Request-Id": "traced-2"})

        def spans():
            found = []
            for path, kind, body in list(collector.received):
                self.assertEqual((path, kind), ("/v1/traces", "application/x-protobuf"))
                for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                    names = {pair.key: pair.value.string_value for pair in resource.resource.attributes}
                    self.assertEqual(names["service.name"], "pacioli")
                    found += [span for scope in resource.scope_spans for span in scope.spans]
            return found

        def named(word):
            return [span for span in spans() if word in [pair.value.string_value for pair in span.attributes]]

        span = wait_until(lambda: named("traced-1"), what="the trace")[0]
        self.assertEqual((span.name, span.trace_id.hex(), span.parent_span_id.hex()), ("GET /healthz", trace, parent))
        attributes = {pair.key: pair.value.string_value or pair.value.int_value for pair in span.attributes}
        self.assertEqual((attributes["http.route"], attributes["http.response.status_code"]), ("/healthz", 200))
        self.assertEqual(named("traced-2"), [])
        names = {span.name for span in spans()}
        self.assertIn("POST /query", names)
        everything = b"".join(body for _, _, body in collector.received)
        for secret in (b"revenue by region", b"@example.com", b"Venetian"):
            self.assertNotIn(secret, everything)


if __name__ == "__main__":
    unittest.main()
