#!/usr/bin/env python3
"""Stands in for a model of language in tests: a server that speaks chat completions, and writes the same query
whatever it is asked. `language_model.py PORT`; `POST /mode/WORD` changes what it does:

well      writes the revenue of each region, over the table that the question names, else the first it is shown
slow      the same, seconds later
garbage   answers with what is no completion
costly    the same as well, and says that it cost as many tokens as nobody may spend
"""

import http.server
import json
import re
import sys
import time

SLOW = 3


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path.startswith("/mode/"):
            self.server.mode = self.path.removeprefix("/mode/")
            return self.reply({"mode": self.server.mode})
        if self.server.mode == "garbage":
            return self.reply("<html><body>It works!</body></html>")
        if self.server.mode == "slow":
            time.sleep(SLOW)
        tables, question = (message["content"] for message in json.loads(body)["messages"][:2])
        known = re.findall(r"CREATE TABLE (\w+) \(", tables)
        named = [table for table in known if table in question]
        sql = f"SELECT region, SUM(revenue) AS total FROM {(named or known)[0]} GROUP BY region"
        tokens = 50_000_000 if self.server.mode == "costly" else 100
        return self.reply({
            "choices": [{"message": {"role": "assistant", "content": json.dumps({"sql": sql})}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": tokens, "completion_tokens": 10},
        })

    def reply(self, content):
        body = content.encode() if isinstance(content, str) else json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def main():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
    server.mode = "well"
    server.serve_forever()


if __name__ == "__main__":
    main()
