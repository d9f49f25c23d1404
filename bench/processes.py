"""Starting programs, and what they use: CPU time and memory of a process and all its children."""

import http.client
import os
import re
import signal
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")

# Nothing that configures a server on this machine may reach a measured one.
ENVIRONMENT = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def spawn(command: list[str], cpus: set[int], **options) -> subprocess.Popen:
    """Starts a program on these CPUs. Affinity is inherited, so that nothing runs in between."""
    own = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cpus)
    try:
        options = {"stdin": subprocess.DEVNULL} | options
        return subprocess.Popen(command, start_new_session=True, **options)
    finally:
        os.sched_setaffinity(0, own)


def family(root: int) -> list[int]:
    """The process and everything it started."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int(stat_fields(int(entry.name))[1])
            except OSError:
                continue  # ended meanwhile
            children.setdefault(parent, []).append(int(entry.name))
    found = [root]
    for pid in found:
        found.extend(children.get(pid, []))
    return found


def stat_fields(pid: int) -> list[str]:
    """/proc/PID/stat from the third field on; the second may hold spaces."""
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()


@dataclass
class Program:
    """A server on a port of its own. `command` holds `{port}` where the port goes."""

    name: str
    command: list[str]
    cpus: set[int]
    env: dict[str, str] = field(default_factory=dict)
    folder: Path = Path(".")
    log: Path = Path(os.devnull)
    port: int = 0
    process: subprocess.Popen | None = None

    def start(self) -> float:
        """Starts it; the seconds until /healthz answered 200."""
        self.port = free_port()
        command = [part.replace("{port}", str(self.port)) for part in self.command]
        with self.log.open("ab") as log:
            begin = time.perf_counter()
            options = {"env": ENVIRONMENT | self.env, "cwd": self.folder, "stdout": log, "stderr": log}
            self.process = spawn(command, self.cpus, **options)
        while not self.is_healthy():
            if self.process.poll() is not None or time.perf_counter() - begin > 60:
                raise SystemExit(f"{self.name} did not start; its log:\n{self.log_end()}")
            time.sleep(0.001)
        return time.perf_counter() - begin

    def is_healthy(self) -> bool:
        try:
            return self.request("GET", "/healthz")[0] == 200
        except OSError:
            return False

    def request(self, method: str, path: str, body: str | None = None, headers=None) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=320)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def cpu_seconds(self) -> float:
        """User and system time so far, of children that ended too."""
        ticks = 0
        for pid in family(self.process.pid):
            ticks += sum(int(value) for value in stat_fields(pid)[11:15])
        return ticks / TICKS

    def resident_bytes(self) -> int:
        total = 0
        for pid in family(self.process.pid):
            status = Path(f"/proc/{pid}/status").read_text()
            found = re.search(r"VmRSS:\s+(\d+) kB", status)
            total += int(found.group(1)) * 1024 if found else 0
        return total

    def log_end(self) -> str:
        return self.log.read_bytes()[-2000:].decode(errors="replace") if self.log.is_file() else ""

    def stop(self) -> None:
        if self.process is None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.process = None
