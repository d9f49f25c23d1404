#!/usr/bin/env python3
"""Writes the Postman collection and its environment from docs/openapi.json; with --check, only says whether
they are up to date.

Every operation is a request with an example body and tests. Those of JOURNEY run in its order, as a person
would, and hand what they made to the next; all others follow, and must answer as they are documented.
"""

import json
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
DOCUMENT = json.loads((HERE.parents[1] / "docs/openapi.json").read_text())
PASSWORD, NEXT_PASSWORD = "a rather long password 1494", "another rather long one 1509"
NOBODY = "00000000-0000-4000-8000-000000000000"
TOKENS = {"access_token": "access_token", "refresh_token": "refresh_token"}
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
    ("run_sql", {"body": {"sql": "SELECT region, sum(revenue) FROM sales GROUP BY region"}}),
    ("push_rows", {"path": {"name": "pushed"}, "query": {"key": "id"}, "raw": ("application/x-ndjson", '{"id": 1, "amount": 2.5}\n')}),
    ("get_semantics", {}),
    ("list_findings", {}),
    ("list_audit", {}),
    ("list_sessions", {}),
]
# What ends something comes last, in this order.
LEAVING = [
    ("delete_table", {"path": {"name": "table"}}),
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
    documented = sorted(int(status) for status in operation["responses"])
    success = [status for status in documented if status < 300]
    wanted = how.get("expect_status") or (success if how.get("journey") else documented)
    lines = [
        f'pm.test("answers {" or ".join(map(str, wanted)) if how.get("journey") else "as documented"}", () => '
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
            variables[parameter] = "nobody" if parameter != "name" else "table"
        elif variable not in VARIABLES:
            variables[parameter] = None
    for parameter, variable in variables.items():
        value = f"{{{{{variable}}}}}" if variable else how["path"][parameter]
        path = path.replace(f"{{{parameter}}}", value)
    query = [{"key": key, "value": value} for key, value in how.get("query", {}).items()]
    url = {"raw": "{{base_url}}" + path + ("?" + "&".join(f"{one['key']}={one['value']}" for one in query) if query else ""),
           "host": ["{{base_url}}"], "path": path.strip("/").split("/"), **({"query": query} if query else {})}
    kind, sent = body(operation, how)
    request = {"method": method.upper(), "url": url, "header": [{"key": "Content-Type", "value": kind}] if kind else [],
               "description": operation.get("description") or operation.get("summary", "")}
    if sent:
        request["body"] = sent
    if not operation.get("security"):
        request["auth"] = {"type": "noauth"}
    return {"name": operation.get("summary", name), "request": request,
            "event": [{"listen": "test", "script": script(tests(operation, how))}]}


OPERATIONS = {
    operation["operationId"]: (path, method, operation)
    for path, methods in DOCUMENT["paths"].items() for method, operation in methods.items()
}
VARIABLES = {"base_url": "http://127.0.0.1:8000", "run": "", "access_token": "", "refresh_token": "", "user_id": "", "job_id": "",
             "query_id": "", "table": "sales", "nobody": NOBODY}


def collection():
    journey = [(name, {**how, "journey": True}) for name, how in JOURNEY if name in OPERATIONS]
    leaving = [(name, {**how, "journey": True}) for name, how in LEAVING if name in OPERATIONS]
    named = {name for name, _ in journey + leaving}
    others = {}
    for name, (_, _, operation) in OPERATIONS.items():
        if name not in named:
            others.setdefault(operation["tags"][0], []).append(item(name, {}))
    start = 'if (!pm.collectionVariables.get("run")) pm.collectionVariables.set("run", String(Date.now()));'
    return {
        "info": {"name": "Pacioli", "description": "Made from docs/openapi.json by deploy/postman/generate.py; do not edit.",
                 "schema": "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"},
        "auth": {"type": "bearer", "bearer": [{"key": "token", "value": "{{access_token}}", "type": "string"}]},
        "event": [{"listen": "prerequest", "script": script([start])}],
        "variable": [{"key": key, "value": value} for key, value in VARIABLES.items() if key != "base_url"],
        "item": [{"name": "From sign-up to the answer", "item": [item(name, how) for name, how in journey]},
                 *({"name": f"More: {tag}", "item": items} for tag, items in sorted(others.items())),
                 {"name": "Leaving", "item": [item(name, how) for name, how in leaving]}],
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
