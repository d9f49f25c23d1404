"""Who asks. Operations that end sessions get one of their own each time, so that none has to be left out."""

import json
import os

import requests
import schemathesis

ENDS_SESSIONS = {"log_out", "log_out_everywhere", "revoke_session"}
PASSWORD = os.environ["PACIOLI_PASSWORD"]


def log_in(base, email):
    """A token; none where the account is closed or has another password by now."""
    form = {"username": email, "password": PASSWORD}
    answer = requests.post(f"{base}/auth/login", data=form, timeout=30)
    return answer.json()["access_token"] if answer.ok else None


def sign_up(base, email):
    """A token of somebody who is the owner of a company, made where there is none."""
    body = {"full_name": "Some Owner", "email": email, "password": PASSWORD, "company_name": "Company"}
    answer = requests.post(f"{base}/auth/signup", json=body, timeout=30)
    return answer.json()["access_token"] if answer.ok else log_in(base, email)


@schemathesis.serializer("application/x-ndjson", "application/vnd.apache.arrow.stream", "application/toml", "text/toml")
def as_they_are(context, value):
    """Bodies that are bytes or text already; anything else as JSON, which is then a bad body of its kind."""
    if isinstance(value, (bytes, bytearray)):
        return bytes(value)
    return (value if isinstance(value, str) else json.dumps(value, default=str)).encode(errors="replace")


@schemathesis.auth(refresh_interval=None)
class Tokens:
    """The owner's token, renewed when it has ended. An owner may make somebody else one, and then close
    or delete the own account: the next owner is another company's."""

    def __init__(self):
        self.owner = os.environ["PACIOLI_EMAIL"]
        self.successors = 0
        self.token = None

    def get(self, case, context):
        base = case.operation.base_url.rstrip("/")
        if case.operation.definition.raw.get("operationId") in ENDS_SESSIONS:
            return sign_up(base, "leaver@example.com")
        if not self.is_good(base):
            self.token = log_in(base, self.owner)
        while self.token is None:
            self.successors += 1
            assert self.successors < 100, "nobody can sign up or log in any more"
            self.owner = f"successor{self.successors}@example.com"
            self.token = sign_up(base, self.owner)
        return self.token

    def is_good(self, base):
        headers = {"Authorization": f"Bearer {self.token}"}
        return self.token and requests.get(f"{base}/auth/me", headers=headers, timeout=30).ok

    def set(self, case, data, context):
        case.headers["Authorization"] = f"Bearer {data}"
