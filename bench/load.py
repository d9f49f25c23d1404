"""Putting load on a server: wrk for as much as it takes, and a steady stream of reads."""

import asyncio
import os
import re
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from processes import Program, spawn

LOGIN_SCRIPT = Path(__file__).with_name("login.lua")


@dataclass
class Load:
    """Requests or hashes, and what they cost."""

    requests: int
    per_second: float
    cpu_us: float  # CPU time of one on the side that serves, in millionths of a second


def wrk(program: Program, path: str, seconds: float, cpus: set[int], *extra: str, connections=16) -> Load:
    """Drives one path as hard as it goes."""
    before = program.cpu_seconds()
    output = finish_wrk(start_wrk(program, path, seconds, cpus, *extra, connections=connections))
    cpu = program.cpu_seconds() - before
    requests = int(re.search(r"(\d+) requests in", output).group(1))
    per_second = float(re.search(r"Requests/sec:\s+([\d.]+)", output).group(1))
    if requests == 0:
        raise SystemExit(f"{program.name} answered nothing on {path}:\n{output}")
    return Load(requests, per_second, cpu / requests * 1e6)


def start_wrk(program, path, seconds, cpus, *extra, connections) -> subprocess.Popen:
    # wrk takes whole seconds and options before the address, a script's arguments behind it.
    options, arguments = split_at_dashes(list(extra))
    command = ["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--timeout", "60s"]
    command += [*options, program.url(path), *arguments]
    return spawn(command, cpus, stdout=subprocess.PIPE, text=True)


def split_at_dashes(extra: list[str]) -> tuple[list[str], list[str]]:
    at = extra.index("--") if "--" in extra else len(extra)
    return extra[:at], extra[at:]


def finish_wrk(process: subprocess.Popen) -> str:
    output = process.communicate()[0]
    if process.returncode or "Non-2xx" in output or "Socket errors" in output:
        raise SystemExit(f"wrk saw failures, so its figures mean nothing:\n{output}")
    return output


def bearer(token: str) -> list[str]:
    return ["-H", f"Authorization: Bearer {token}"]


def logins(accounts: list[tuple[str, str]]) -> list[str]:
    """Makes wrk log in as these people, given by address and password."""
    forms = [urlencode({"username": email, "password": password}) for email, password in accounts]
    return ["-s", str(LOGIN_SCRIPT), "--", *forms]


def steady_reads(program: Program, path: str, token: str, per_second: int, seconds: float) -> list[float]:
    """Sends reads at fixed moments whether or not the ones before were answered; gives the times
    from the moment each was due to its answer, in seconds, sorted."""
    request = (
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{program.port}\r\n"
        f"Authorization: Bearer {token}\r\n\r\n"
    ).encode()
    return sorted(asyncio.run(_steady(program.port, request, per_second, round(per_second * seconds))))


async def _steady(port: int, request: bytes, per_second: int, count: int) -> list[float]:
    idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
    begin = time.perf_counter() + 0.1

    async def one(number: int) -> float:
        due = begin + number / per_second
        await asyncio.sleep(due - time.perf_counter())
        # A connection of an earlier read where one is free, as a browser or a proxy would; and another
        # one where the server has closed it meanwhile.
        while True:
            reused = bool(idle)
            reader, writer = idle.pop() if idle else await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(request)
                head = await reader.readuntil(b"\r\n\r\n")
                break
            except (asyncio.IncompleteReadError, ConnectionError):
                if not reused:
                    raise
        length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
        if not head.startswith(b"HTTP/1.1 200") or length is None:
            raise SystemExit(f"a read was answered with {head!r}")
        await reader.readexactly(int(length.group(1)))
        took = time.perf_counter() - due
        idle.append((reader, writer))
        return took

    times = await asyncio.gather(*(one(number) for number in range(count)))
    for _, writer in idle:
        writer.close()
    return times


def hash_rate(command: list[str], cpus: set[int]) -> Load:
    """What a program costs that hashes and prints how many hashes it made, in all and a second."""
    process = spawn(command, cpus, stdout=subprocess.PIPE, text=True)
    output = process.stdout.read()
    _, process.returncode, used = os.wait4(process.pid, 0)
    if process.returncode:
        raise SystemExit(f"{command} failed")
    hashes, per_second = output.split()
    return Load(int(hashes), float(per_second), (used.ru_utime + used.ru_stime) / int(hashes) * 1e6)
