#!/usr/bin/env python3
"""Uploads a CSV file of a given size, made up as it is sent, and prints how much memory the server took.

    bench/large_upload.py target/release/pacioli --megabytes 2200 --limit-mb 500

Ends with 1 where the server's peak (VmHWM) is above the limit, or a row is missing.
"""

import argparse
import http.client
import json
import os
import re
import subprocess
import sys
import tempfile
import time

BOUNDARY = "pacioli-large-upload"
HEADER = b"order_id,customer,ordered_on,amount,note\n"


def lines(size):
    """Chunks of rows, `size` bytes or a little more in all, and how many rows each holds."""
    sent, row = len(HEADER), 0
    while sent < size:
        chunk = []
        for _ in range(10_000):
            row += 1
            chunk.append(
                b"%d,Customer %d,2024-%02d-%02d,%d.%02d,%s\n"
                % (row, row % 5003, row % 12 + 1, row % 28 + 1, row % 90_000, row % 100, b"x" * (row % 60))
            )
        data = b"".join(chunk)
        sent += len(data)
        yield data, len(chunk)


def serve(binary, folder):
    environment = {
        "PACIOLI_AUTH__BCRYPT_COST": "10",
        "PACIOLI_LIMITS__ENABLED": "false",
        "PACIOLI_SERVER__METRICS_LISTEN": "127.0.0.1:0",
        "PATH": os.environ.get("PATH", ""),
    }
    arguments = [binary, "serve", "--listen", "127.0.0.1:0", "--data-dir", "data"]
    server = subprocess.Popen(
        arguments, cwd=folder, env=environment, stderr=subprocess.STDOUT, stdout=subprocess.PIPE, text=True
    )
    for line in server.stdout:
        found = re.match(r"pacioli is ready at http://([\w.:]+)", line)
        if found:
            return server, found.group(1)
    sys.exit("the server did not start")


def call(address, method, path, token=None, body=None):
    connection = http.client.HTTPConnection(address, timeout=60)
    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    connection.request(method, path, json.dumps(body) if body else None, headers)
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())


def sign_up(address):
    body = {
        "full_name": "Some Owner",
        "email": "owner@example.com",
        "password": "a long passphrase of no meaning",
        "company_name": "Some Company",
    }
    status, answer = call(address, "POST", "/auth/signup", body=body)
    if status != 201:
        sys.exit(f"signing up: {status} {answer}")
    return answer["access_token"]


def log_in(address):
    connection = http.client.HTTPConnection(address, timeout=60)
    form = "username=owner%40example.com&password=a+long+passphrase+of+no+meaning"
    connection.request("POST", "/auth/login", form, {"Content-Type": "application/x-www-form-urlencoded"})
    return json.loads(connection.getresponse().read())["access_token"]


def upload(address, token, size):
    """Sends the file with chunked encoding; answers the job and how many rows were sent."""
    connection = http.client.HTTPConnection(address, timeout=900)
    rows = 0

    def body():
        nonlocal rows
        disposition = 'form-data; name="file"; filename="orders.csv"'
        yield f"--{BOUNDARY}\r\nContent-Disposition: {disposition}\r\n\r\n".encode() + HEADER
        for data, count in lines(size):
            rows += count
            yield data
        yield f"\r\n--{BOUNDARY}--\r\n".encode()

    headers = {
        "Authorization": f"Bearer {token}",
        "Content-Type": f"multipart/form-data; boundary={BOUNDARY}",
    }
    connection.request("POST", "/uploads", body(), headers, encode_chunked=True)
    answer = connection.getresponse()
    content = json.loads(answer.read())
    if answer.status not in (201, 202):
        sys.exit(f"uploading: {answer.status} {content}")
    return content["job_id"], rows


def peak_mb(server):
    with open(f"/proc/{server.pid}/status", encoding="ascii") as status:
        return int(re.search(r"VmHWM:\s+(\d+) kB", status.read()).group(1)) / 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binary")
    parser.add_argument("--megabytes", type=int, default=2200)
    parser.add_argument("--limit-mb", type=int, default=500)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        server, address = serve(os.path.abspath(options.binary), folder)
        try:
            token = sign_up(address)
            before = peak_mb(server)
            start = time.monotonic()
            job, rows = upload(address, token, options.megabytes << 20)
            sent = time.monotonic()
            while True:
                status, answer = call(address, "GET", f"/jobs/{job}", token)
                if status == 401:
                    token = log_in(address)
                elif answer["status"] not in ("queued", "running"):
                    break
                time.sleep(1)
            loaded = time.monotonic()
            peak = peak_mb(server)
            print(
                f"{options.megabytes} MB, {rows} rows: sent in {sent - start:.1f} s, loaded in "
                f"{loaded - sent:.1f} s more; peak {peak:.0f} MB ({before:.0f} MB before)"
            )
            holds = answer["status"] == "succeeded" and answer["progress"]["rows"] == rows
            if not holds:
                print(json.dumps(answer))
            sys.exit(0 if holds and peak <= options.limit_mb else 1)
        finally:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    main()
