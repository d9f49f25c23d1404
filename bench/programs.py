"""The programs that are compared: how they are built, and how they are started."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from processes import ENVIRONMENT, Program, free_port, spawn

BENCH = Path(__file__).resolve().parent
ROOT = BENCH.parent
CACHE = Path(os.environ.get("PACIOLI_CACHE") or Path.home() / ".cache" / "pacioli")
TARGET = Path(os.environ.get("CARGO_TARGET_DIR") or CACHE / "target")
TOOLS = Path(os.environ.get("PACIOLI_TOOLS") or CACHE / "tools")
# Programs that were built before are measured as they are: for trying the scripts, not for figures.
BUILT = os.environ.get("PACIOLI_BENCH_BINARIES")
RELEASE = Path(BUILT) if BUILT else TARGET / "release"

SECRET = "b3nch-Vk2w9Qz7Lr4TxHd8Np5Jm1Yc6Gf0Sa"
COST = 12
PROTECTED = "/auth/protected-route"
READING = PROTECTED + "/reading-the-user"


@dataclass(frozen=True)
class Account:
    """Someone who logs in: the same people on every server."""

    full_name: str
    email: str
    company_name: str
    password: str = "violet anchor thirteen lanterns"


PEOPLE = [Account(f"Person {n}", f"person{n}@bench.example", f"Workshop {n}") for n in range(1, 9)]
LOGINS = [(person.email, person.password) for person in PEOPLE]


def build() -> None:
    """Builds what is measured; needs wrk, and a MongoDB for the original's stack."""
    if BUILT:
        return
    for program in ("wrk", "curl"):
        if shutil.which(program) is None:
            raise SystemExit(f"{program} is missing: apt-get install {program}")
    variables = os.environ | {"CARGO_TARGET_DIR": str(TARGET)}
    release = ["cargo", "build", "--quiet", "--release", "--locked"]
    subprocess.run([*release, "-p", "pacioli-server", "--bin", "pacioli"], cwd=ROOT, env=variables, check=True)
    subprocess.run([*release, "-p", "pacioli-insights", "--example", "forecast"], cwd=ROOT, env=variables, check=True)
    subprocess.run(release, cwd=BENCH / "floor", env=variables, check=True)


def environment(name: str) -> Path:
    """The interpreter of a folder's comparison programs, installed where they are missing."""
    venv = CACHE / f"bench-{name}-venv"
    requirements = BENCH / name / "requirements.txt"
    installed = venv / "requirements.txt"
    if not installed.exists() or installed.read_text() != requirements.read_text():
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
        subprocess.run([venv / "bin" / "pip", "install", "-q", "-r", requirements], check=True)
        shutil.copy(requirements, installed)
    return venv / "bin" / "python"


def mongo(folder: Path, cpus: set[int]) -> tuple[subprocess.Popen, str]:
    """A MongoDB for the original's stack: mongod, else the stand-in that the tests use."""
    port = free_port()
    folder.mkdir()
    search = f"{TOOLS / 'bin'}{os.pathsep}{os.environ['PATH']}"
    if mongod := shutil.which("mongod", path=search):
        command = [mongod, "--dbpath", str(folder), "--port", str(port), "--bind_ip", "127.0.0.1"]
    elif stand_in := shutil.which("secantusd-rs", path=search):
        command = [stand_in, "--storage-path", str(folder), "--port", str(port), "--cache-size", "256M"]
    else:
        raise SystemExit("neither mongod nor secantusd-rs is there: run scripts/tools")
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = spawn(command, cpus, env=ENVIRONMENT, cwd=folder, **quiet)
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return process, f"mongodb://127.0.0.1:{port}"
        except OSError:
            time.sleep(0.05)
    raise SystemExit(f"{command[0]} did not start")


def pacioli(folder: Path, cpus: set[int], hashing_threads: int) -> Program:
    """Pacioli on embedded parts, with everything on that is on by default; only the limits are
    wider than one client could fill."""
    limits = ("LOGIN_PER_ACCOUNT", "LOGIN_PER_ADDRESS", "SIGNUP")
    env = {f"PACIOLI_LIMITS__{name}": "1000000/1s" for name in limits}
    env |= {
        "JWT_SECRET": SECRET,
        "PACIOLI_SERVER__METRICS_LISTEN": "127.0.0.1:0",
        "PACIOLI_AUTH__BCRYPT_COST": str(COST),
        "PACIOLI_AUTH__HASHING_THREADS": str(hashing_threads),
    }
    command = [str(RELEASE / "pacioli"), "serve", "--listen", "127.0.0.1:{port}", "--data-dir", "data"]
    folder.mkdir()
    return Program("Pacioli", command, cpus, env, folder, folder / "log")


def bare(folder: Path, cpus: set[int]) -> Program:
    return Program("bare axum", [str(RELEASE / "bare"), "{port}"], cpus, {}, folder)


def floor(folder: Path, cpus: set[int]) -> Program:
    env = {"JWT_SECRET": SECRET, "FULL_NAME": PEOPLE[0].full_name, "EMAIL": PEOPLE[0].email}
    return Program("axum + JWT", [str(RELEASE / "jwt"), "{port}"], cpus, env, folder)


def fastapi(folder: Path, cpus: set[int], mongo_uri: str, lean: bool = False) -> Program:
    env = {"JWT_SECRET": SECRET, "MONGODB_URI": mongo_uri, "BCRYPT_COST": str(COST)}
    env |= {"LEAN": "1"} if lean else {}
    command = [str(environment("fastapi")), "-m", "uvicorn", "app:app", "--app-dir", str(BENCH / "fastapi")]
    command += ["--port", "{port}", "--loop", "uvloop", "--http", "httptools"]
    command += ["--no-access-log", "--log-level", "warning"]
    folder.mkdir(exist_ok=True)
    name = "lean FastAPI" if lean else "FastAPI"
    return Program(name, command, cpus, env, folder, folder / "log")


def sign_up_everybody(server: Program) -> None:
    for person in PEOPLE:
        headers = {"Content-Type": "application/json"}
        status, body = server.request("POST", "/auth/signup", json.dumps(person.__dict__), headers)
        if status != 201:
            raise SystemExit(f"{server.name} refused a sign-up: {status} {body.decode()}")


def log_in(server: Program) -> str:
    """A fresh token of the first account."""
    form = urlencode({"username": PEOPLE[0].email, "password": PEOPLE[0].password})
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    status, body = server.request("POST", "/auth/login", form, headers)
    if status != 200:
        raise SystemExit(f"{server.name} refused a login: {status} {body.decode()}")
    return json.loads(body)["access_token"]


def check_same_answer(servers: list[tuple[Program, str]]) -> None:
    """Who answers more would be compared unfairly."""
    answers = {}
    for server, token in servers:
        status, body = server.request("GET", PROTECTED, headers={"Authorization": f"Bearer {token}"})
        if status != 200:
            raise SystemExit(f"{server.name} refused its own token: {status} {body.decode()}")
        answers[server.name] = {name: len(value) for name, value in json.loads(body).items()}
    if len({json.dumps(answer, sort_keys=True) for answer in answers.values()}) != 1:
        raise SystemExit(f"the answers differ: {answers}")
    refused = servers[0][0].request("GET", PROTECTED, headers={"Authorization": "Bearer x.y.z"})
    if refused[0] != 401:
        raise SystemExit("a bad token was taken")
