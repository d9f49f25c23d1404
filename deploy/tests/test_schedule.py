"""A report falls due where two servers look for what is due: one mail goes out, also where one of the two died before."""

import contextlib
import datetime
import time
import unittest

from aiosmtpd.controller import Controller

from programs import FullSetUp, free_port, wait_until
from test_proxied import books

# How often each server looks for what is due, in seconds.
LOOK = 2


class Sink:
    """Takes all mail: to whom, and when it came."""

    def __init__(self):
        self.taken = []

    async def handle_DATA(self, _server, _session, envelope):
        self.taken += [(to, time.time(), envelope.content) for to in envelope.rcpt_tos]
        return "250 taken"


class Schedule(unittest.TestCase):
    def test_a_report_that_falls_due_is_mailed_once(self):
        sink, port = Sink(), free_port()
        server = Controller(sink, hostname="127.0.0.1", port=port)
        server.start()
        self.addCleanup(server.stop)
        mail = {"PACIOLI_MAIL__HOST": "127.0.0.1", "PACIOLI_MAIL__PORT": str(port), "PACIOLI_MAIL__SECURITY": "none",
                "PACIOLI_MAIL__FROM": "Pacioli <books@example.com>"}
        # Both fall due in the same minute, so that one is waited for.
        whole, bereft = (self.enterContext(contextlib.closing(FullSetUp(**mail))) for _ in range(2))
        owners = [setup.client().sign_up() for setup in (whole, bereft)]
        for owner in owners:
            owner.upload("sales.csv", books(datetime.date.today().year))
        # Else the minute might be over before both are subscribed.
        wait_until(lambda: time.time() % 60 < 54, what="the next minute")
        due = time.time() // 60 * 60 + 60
        for owner in owners:
            self.subscribe(owner, due)
        bereft.replicas[0].kill()
        wait_until(lambda: {owner.email for owner in owners} <= {to for to, _, _ in sink.taken}, seconds=100, what="the mails")
        # Everybody has looked once more, and again.
        time.sleep(2 * LOOK + 1)
        self.assertEqual(sorted(to for to, _, _ in sink.taken), sorted(owner.email for owner in owners))
        for owner in owners:
            self.delivered_once(owner)
        for to, came, content in sink.taken:
            self.assertGreaterEqual(came, due)
            self.assertIn(b"application/pdf", content)
        waits = ", ".join(f"{came - due:.1f} s" for _, came, _ in sink.taken)
        print(f"one report due, two servers: one mail each, with and without the other server, after {waits}")

    def subscribe(self, owner, due):
        at = datetime.datetime.fromtimestamp(due, datetime.UTC)
        made = owner.post("/subscriptions", {
            "name": "The month", "report": {"kind": "sales"}, "recipients": [owner.email], "attachments": ["pdf"],
            "schedule": {"cron": f"{at.minute} {at.hour} * * *", "time_zone": "UTC"},
        })
        self.assertEqual(made.status, 201, made.body)
        self.assertEqual(datetime.datetime.fromisoformat(made.json["next_at"]), at)

    def delivered_once(self, owner):
        deliveries, reports = (owner.get(path).json["items"] for path in ("/deliveries", "/reports"))
        told = [(one["status"], one["attempts"], one["report_id"]) for one in deliveries]
        self.assertEqual(told, [("delivered", 1, reports[0]["id"])])
        self.assertEqual(len(reports), 1)


if __name__ == "__main__":
    unittest.main()
