#!/usr/bin/env python3
"""Writes the Postman collection and its environment from docs/openapi.json; with --check, only says whether
they are up to date.

Every operation is a request with an example body and tests. Those of JOURNEY and LEAVING run in their order, as a
person would, and hand what they made to the next; ABSENT ask for what is not there. All must be in one of the three.
"""

import json
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
DOCUMENT = json.loads((HERE.parents[1] / "docs/openapi.json").read_text())
PASSWORD, NEXT_PASSWORD = "a rather long password 1494", "another rather long one 1509"
NOBODY = "00000000-0000-4000-8000-000000000000"
TOKENS = {"access_token": "access_token", "refresh_token": "refresh_token"}
DECLARED = '{"version": {{meaning}}, "metrics": {"turnover": {"expression": "sum(sales.revenue)", "unit": "EUR"}}}'
LOGIN = {"form": {"username": "luca+{{run}}@example.com", "password": PASSWORD}}

# Operation -> what differs from the document's own example, what must come of it (else: success), and what
# is kept of the answer, as {variable: path in the body}.
JOURNEY = [
    ("healthz", {}),
    ("readyz", {}),
    ("sign_up", {"body": {"full_name": "Luca Pacioli", "email": "luca+{{run}}@example.com", "password": PASSWORD,
                          "company_name": "Venetian Trading"}, "save": TOKENS}),
    ("log_in", {**LOGIN, "save": TOKENS}),
    ("refresh", {"body": {"refresh_token": "{{refresh_token}}"}, "save": TOKENS}),
    ("who_am_i", {}),
    ("my_profile", {}),
    ("update_profile_superuser", {"body": {"full_name": "Luca Bartolomeo Pacioli"}}),
    ("add_user", {"body": {"full_name": "Maria Rossi", "email": "maria+{{run}}@example.com", "password": PASSWORD},
                  "save": {"user_id": "id"}}),
    ("list_users", {}),
    ("get_user", {"path": {"id": "user_id"}}),
    ("update_user", {"path": {"id": "user_id"}, "body": {"full_name": "Maria Bianchi"}}),
    ("deactivate_user", {"path": {"id": "user_id"}}),
    ("reactivate_user", {"path": {"id": "user_id"}}),
    ("get_company", {}),
    ("update_company", {"body": {"company_name": "Venetian Trading Company"}}),
    ("upload", {"file": "sales.csv"}),
    ("list_jobs", {"save": {"job_id": "items[0].id"}}),
    ("get_job", {"path": {"id": "job_id"}}),
    ("list_tables", {}),
    ("get_table", {"path": {"name": "table"}}),
    ("ask", {"body": {"question": "revenue by region"}, "expect": ["status", "answered"], "save": {"query_id": "query_id"}}),
    ("rerun_query", {"path": {"id": "query_id"}, "expect": ["status", "answered"]}),
    ("get_query", {"path": {"id": "query_id"}}),
    ("list_queries", {}),
    ("give_feedback", {"path": {"id": "query_id"}, "body": {"verdict": "wrong", "comment": "East is missing."}}),
    ("list_feedback", {}),
    ("verify_answer", {"body": {"query_id": "{{query_id}}"}, "save": {"verified_id": "id"}}),
    ("list_verified", {}),
    ("run_sql", {"body": {"sql": "SELECT region, sum(revenue) FROM sales GROUP BY region"}}),
    ("push_rows", {"path": {"name": "pushed"}, "query": {"key": "id"}, "raw": ("application/x-ndjson", '{"id": 1, "amount": 2.5}\n')}),
    ("get_semantics", {"save": {"meaning": "version"}}),
    ("update_semantics", {"raw": ("application/json", DECLARED), "save": {"meaning": "version"}}),
    ("replace_semantics", {"headers": {"If-Match": '"{{meaning}}"'}, "raw": ("application/json", "{}")}),
    ("list_semantics_versions", {}),
    ("list_findings", {}),
    ("save_question", {"body": {"name": "Revenue by region", "query_id": "{{query_id}}"}, "save": {"question_id": "id"}}),
    ("list_questions", {}),
    ("get_question", {"path": {"id": "question_id"}}),
    ("update_question", {"path": {"id": "question_id"}, "body": {"description": "Who sells what where."}}),
    ("run_question", {"path": {"id": "question_id"}, "expect": ["status", "answered"]}),
    ("create_dashboard", {"body": {"name": "Sales", "tiles": [{"question_id": "{{question_id}}"}]}, "save": {"dashboard_id": "id"}}),
    ("list_dashboards", {}),
    ("get_dashboard", {"path": {"id": "dashboard_id"}}),
    ("update_dashboard", {"path": {"id": "dashboard_id"}, "body": {"name": "Sales by region"}}),
    ("run_dashboard", {"path": {"id": "dashboard_id"}}),
    ("create_report", {"body": {"kind": "sales", "period": "2025"}, "save": {"report_id": "id"}}),
    ("list_reports", {}),
    ("get_report", {"path": {"id": "report_id"}}),
    ("run_report_query", {"path": {"id": "report_id"}}),
    ("vote_on_finding", {"path": {"id": "report_id"}, "body": {"finding": "trend:revenue:-:-", "vote": "useful"}, "expect_status": [200, 422]}),
    ("list_votes", {}),
    ("create_subscription", {"body": {"name": "Revenue every Monday", "question_id": "{{question_id}}", "recipients": ["luca+{{run}}@example.com"],
                                      "schedule": {"cron": "0 7 * * 1", "time_zone": "Europe/Rome"}}, "save": {"subscription_id": "id"}}),
    ("list_subscriptions", {}),
    ("get_subscription", {"path": {"id": "subscription_id"}}),
    ("update_subscription", {"path": {"id": "subscription_id"}, "body": {"paused": True}}),
    ("run_subscription", {"path": {"id": "subscription_id"}}),
    ("list_deliveries", {}),
    ("create_webhook", {"body": {"name": "The ledger's", "url": "{{webhook_url}}"}, "save": {"webhook_id": "id"}}),
    ("list_webhooks", {}),
    ("create_connection", {"body": {"name": "The books", "kind": "postgresql", "secret": "not a real one", "settings": {
        "host": "127.0.0.1", "port": 1, "database": "books", "user": "reader"}}, "save": {"connection_id": "id"}}),
    ("list_connections", {}),
    ("get_connection", {"path": {"id": "connection_id"}}),
    ("update_connection", {"path": {"id": "connection_id"}, "body": {"name": "The books of Venice"}}),
    # Loopback is refused unless the operator allows it, and then nobody is there.
    ("test_connection", {"path": {"id": "connection_id"}, "expect_status": [422, 502]}),
    ("discover_connection", {"path": {"id": "connection_id"}, "expect_status": [422, 502]}),
    ("choose_tables", {"path": {"id": "connection_id"}, "body": {"tables": [{"source_table": "orders"}]}, "expect_status": [422, 502]}),
    ("run_connection", {"path": {"id": "connection_id"}, "expect_status": [409]}),
    ("list_runs", {"path": {"id": "connection_id"}}),
    ("list_audit", {}),
    ("list_sessions", {}),
]
# What nobody has, of these: not found.
ABSENT = ["cancel_job", "cancel_query", "get_run", "revoke_session", "withdraw_vote"]
# What ends something comes last, in this order.
LEAVING = [
    ("delete_subscription", {"path": {"id": "subscription_id"}}),
    ("delete_webhook", {"path": {"id": "webhook_id"}}),
    ("delete_dashboard", {"path": {"id": "dashboard_id"}}),
    ("delete_question", {"path": {"id": "question_id"}}),
    ("delete_verified", {"path": {"id": "verified_id"}}),
    ("delete_connection", {"path": {"id": "connection_id"}}),
    ("delete_table", {"path": {"name": "table"}}),
    ("reset_user_password", {"path": {"id": "user_id"}, "body": {"new_password": NEXT_PASSWORD}}),
    ("log_in", {"form": {"username": "maria+{{run}}@example.com", "password": NEXT_PASSWORD}, "save": {"employee_token": "access_token"}}),
    ("update_profile_user", {"as": "employee_token", "body": {"full_name": "Maria Verdi"}}),
    ("delete_user", {"path": {"id": "user_id"}}),
    ("change_password", {"body": {"current_password": PASSWORD, "new_password": NEXT_PASSWORD}}),
    ("log_out_everywhere", {}),
    ("log_out", {"expect_status": [401]}),
]


def resolved(schema):
    while "$ref" in schema:
        schema = DOCUMENT["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    return schema


def example(schema, depth=0):
    """What a client could send: the schema's own example where there is one."""
    schema = resolved(schema)
    if "example" in schema:
        return schema["example"]
    for word in ("examples", "enum"):
        if schema.get(word):
            return schema[word][0]
    if "const" in schema:
        return schema["const"]
    for word in ("oneOf", "anyOf"):
        if word in schema:
            kinds = [kind for kind in schema[word] if resolved(kind).get("type") != "null"]
            return example(kinds[0], depth) if kinds else None
    if "allOf" in schema:
        merged = {}
        for part in schema["allOf"]:
            found = example(part, depth)
            merged.update(found if isinstance(found, dict) else {})
        return merged
    kind = schema.get("type")
    kind = next((one for one in kind if one != "null"), None) if isinstance(kind, list) else kind
    if kind == "object" or "properties" in schema:
        wanted = schema.get("required", []) if depth else schema.get("properties", {})
        return {name: example(schema["properties"][name], depth + 1) for name in wanted if depth < 4}
    if kind == "array":
        return [example(schema.get("items", {}), depth + 1)] if depth < 4 else []
    if kind in ("integer", "number"):
        return schema.get("minimum", 1)
    if kind == "boolean":
        return True
    return {"uuid": NOBODY, "date": "2025-06-17", "date-time": "2025-06-17T00:00:00Z"}.get(schema.get("format"), "text")


def script(lines):
    return {"type": "text/javascript", "exec": lines}


def tests(operation, how):
    """At least: the status is documented, and where it is success the members that always come are there."""
    success = sorted(status for status in map(int, operation["responses"]) if status < 300)
    wanted = how.get("expect_status") or success
    lines = [
        f'pm.test("answers {" or ".join(map(str, wanted))}", () => '
        f"pm.expect({wanted}).to.include(pm.response.code));",
        'pm.test("names the request", () => pm.response.to.have.header("X-Request-Id"));',
        'pm.test("a failure is a problem document", () => { if (pm.response.code >= 400) { '
        'pm.expect(pm.response.headers.get("Content-Type")).to.include("application/problem+json"); '
        'pm.expect(pm.response.json()).to.include.keys("code", "detail", "request_id"); } });',
    ]
    for status in success:
        body = operation["responses"][str(status)].get("content", {}).get("application/json", {}).get("schema")
        members = resolved(body).get("required") if body else None
        if members:
            lines.append(
                f'pm.test("{status} has its members", () => {{ if (pm.response.code === {status} && (pm.response.headers.get("Content-Type") || "").includes("json")) '
                f"pm.expect(pm.response.json()).to.include.keys({json.dumps(members)}); }});"
            )
    if "expect" in how:
        member, value = how["expect"]
        lines.append(f'pm.test("{member} is {value}", () => pm.expect(pm.response.json().{member}).to.equal({json.dumps(value)}));')
    for variable, path in how.get("save", {}).items():
        lines.append(f'pm.collectionVariables.set("{variable}", pm.response.json().{path});')
    return lines


def body(operation, how):
    content = operation.get("requestBody", {}).get("content", {})
    if "form" in how:
        pairs = [{"key": key, "value": value} for key, value in how["form"].items()]
        return "application/x-www-form-urlencoded", {"mode": "urlencoded", "urlencoded": pairs}
    if "file" in how or "multipart/form-data" in content:
        part = {"key": "file", "type": "file", "src": how.get("file", "sales.csv")}
        return None, {"mode": "formdata", "formdata": [part]}
    if "raw" in how:
        return how["raw"][0], {"mode": "raw", "raw": how["raw"][1]}
    if "application/json" in content:
        given = how.get("body") or content["application/json"].get("example") or example(content["application/json"]["schema"])
        text = json.dumps(given, indent=2, ensure_ascii=False)
        return "application/json", {"mode": "raw", "raw": text, "options": {"raw": {"language": "json"}}}
    return None, None


def item(name, how):
    path, method, operation = OPERATIONS[name]
    variables = {parameter["name"]: how.get("path", {}).get(parameter["name"])
                 for parameter in operation.get("parameters", []) if parameter["in"] == "path"}
    for parameter, variable in variables.items():
        if not variable:
            variables[parameter] = "nobody"
        elif variable not in VARIABLES:
            variables[parameter] = None
    for parameter, variable in variables.items():
        value = f"{{{{{variable}}}}}" if variable else how["path"][parameter]
        path = path.replace(f"{{{parameter}}}", value)
    query = [{"key": key, "value": value} for key, value in how.get("query", {}).items()]
    url = {"raw": "{{base_url}}" + path + ("?" + "&".join(f"{one['key']}={one['value']}" for one in query) if query else ""),
           "host": ["{{base_url}}"], "path": path.strip("/").split("/"), **({"query": query} if query else {})}
    kind, sent = body(operation, how)
    headers = {**({"Content-Type": kind} if kind else {}), **how.get("headers", {})}
    request = {"method": method.upper(), "url": url, "header": [{"key": key, "value": value} for key, value in headers.items()],
               "description": operation.get("description") or operation.get("summary", "")}
    if sent:
        request["body"] = sent
    if "as" in how:
        request["auth"] = {"type": "bearer", "bearer": [{"key": "token", "value": f"{{{{{how['as']}}}}}", "type": "string"}]}
    elif not operation.get("security"):
        request["auth"] = {"type": "noauth"}
    return {"name": operation.get("summary", name), "request": request,
            "event": [{"listen": "test", "script": script(tests(operation, how))}]}


OPERATIONS = {
    operation["operationId"]: (path, method, operation)
    for path, methods in DOCUMENT["paths"].items() for method, operation in methods.items()
}
SAVED = [variable for _, how in JOURNEY + LEAVING for variable in how.get("save", {})]
VARIABLES = {"base_url": "http://127.0.0.1:8000", "run": "", **dict.fromkeys(SAVED, ""), "table": "sales", "nobody": NOBODY,
             "webhook_url": "https://example.com/hooks/pacioli"}


def collection():
    groups = [("From sign-up to the answer", JOURNEY), ("What is not there", [(name, {"expect_status": [404]}) for name in ABSENT]),
              ("Leaving", LEAVING)]
    if left := OPERATIONS.keys() ^ {name for _, group in groups for name, _ in group}:
        sys.exit(f"in none of JOURNEY, ABSENT and LEAVING, or no operation: {', '.join(sorted(left))}")
    start = 'if (!pm.collectionVariables.get("run")) pm.collectionVariables.set("run", String(Date.now()));'
    return {
        "info": {"name": "Pacioli", "description": "Made from docs/openapi.json by deploy/postman/generate.py; do not edit.",
                 "schema": "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"},
        "auth": {"type": "bearer", "bearer": [{"key": "token", "value": "{{access_token}}", "type": "string"}]},
        "event": [{"listen": "prerequest", "script": script([start])}],
        "variable": [{"key": key, "value": value} for key, value in VARIABLES.items() if key != "base_url"],
        "item": [{"name": title, "item": [item(name, how) for name, how in group]} for title, group in groups],
    }


def environment():
    return {"name": "Pacioli on this machine", "_postman_variable_scope": "environment",
            "values": [{"key": "base_url", "value": VARIABLES["base_url"], "enabled": True}]}


def main():
    stale = []
    for name, made in {"collection": collection(), "environment": environment()}.items():
        file, text = HERE / f"pacioli.postman_{name}.json", json.dumps(made, indent=1, ensure_ascii=False) + "\n"
        if "--check" not in sys.argv:
            file.write_text(text)
        elif not file.exists() or file.read_text() != text:
            stale.append(file.name)
    if stale:
        sys.exit(f"not what docs/openapi.json says: {', '.join(stale)}; run deploy/postman/generate.py and commit them")


if __name__ == "__main__":
    main()
