"""Who asks. Operations that end sessions get one of their own each time, so that none has to be left out."""

import os

import requests
import schemathesis

ENDS_SESSIONS = {"log_out", "log_out_everywhere", "revoke_session"}


def log_in(base, email):
    form = {"username": email, "password": os.environ["PACIOLI_PASSWORD"]}
    answer = requests.post(f"{base}/auth/login", data=form, timeout=30)
    answer.raise_for_status()
    return answer.json()["access_token"]


def leaver(base):
    """Somebody of another company, for what would end the sessions of everybody else's requests."""
    body = {
        "full_name": "Some Leaver",
        "email": "leaver@example.com",
        "password": os.environ["PACIOLI_PASSWORD"],
        "company_name": "Company of leavers",
    }
    answer = requests.post(f"{base}/auth/signup", json=body, timeout=30)
    if answer.status_code not in (201, 409):
        answer.raise_for_status()
    return log_in(base, body["email"])


@schemathesis.auth(refresh_interval=None)
class Tokens:
    """The owner's token, renewed when it has ended; a new one of the leaver's where it will be ended."""

    def __init__(self):
        self.kept = None

    def get(self, case, context):
        base = case.operation.base_url.rstrip("/")
        operation_id = case.operation.definition.raw.get("operationId")
        if operation_id in ENDS_SESSIONS:
            return leaver(base)
        if self.kept is not None:
            headers = {"Authorization": f"Bearer {self.kept}"}
            good = requests.get(f"{base}/auth/protected-route", headers=headers, timeout=30).ok
            self.kept = self.kept if good else None
        if self.kept is None:
            self.kept = log_in(base, os.environ["PACIOLI_EMAIL"])
        return self.kept

    def set(self, case, data, context):
        case.headers["Authorization"] = f"Bearer {data}"
