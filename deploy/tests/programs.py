"""The programs that a deployment is made of, each started for one test on loopback and ended with it."""

import contextlib
import json
import os
import pathlib
import re
import secrets
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request
import uuid

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
DEPLOY = REPOSITORY / "deploy"
CACHE = pathlib.Path(os.environ.get("PACIOLI_CACHE") or pathlib.Path.home() / ".cache/pacioli")
TOOLS = pathlib.Path(os.environ.get("PACIOLI_TOOLS") or CACHE / "tools")
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR") or CACHE / "target")
BINARY = pathlib.Path(os.environ.get("PACIOLI_BIN") or TARGET / "debug/pacioli")
PASSWORD = "a rather long password 1494"
# Cheap hashing, and no limits: one address is everybody.
QUICK = {"PACIOLI_AUTH__BCRYPT_COST": "10", "PACIOLI_LIMITS__ENABLED": "false"}


def tool(name):
    """Where a program is; a test that needs one which is not there is skipped, and in CI fails."""
    places = [TOOLS / "python/bin", TOOLS / "npm/node_modules/.bin", TOOLS / "bin"]
    search = os.pathsep.join([*map(str, places), os.environ["PATH"], "/usr/sbin", "/usr/bin"])
    if found := shutil.which(name, path=search):
        return found
    if os.environ.get("CI") == "true":
        raise AssertionError(f"{name} is not installed: scripts/tools installs it")
    raise unittest.SkipTest(f"SKIPPED: {name} is not installed: scripts/tools installs it")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(true, seconds=30, what="it"):
    """Waits until `true()` gives something, and gives that."""
    deadline = time.monotonic() + seconds
    while not (found := true()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come in {seconds} s")
        time.sleep(0.05)
    return found


def is_open(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


class Program:
    """A process of ours, its log in a file."""

    def __init__(self, command, folder, name, environment=None):
        self.log = pathlib.Path(folder) / f"{name}.log"
        with open(self.log, "a") as log:
            self.process = subprocess.Popen(
                [str(word) for word in command], cwd=folder, stdout=log, stderr=log,
                env={"PATH": os.environ["PATH"], "HOME": str(folder), **(environment or {})},
            )

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        """Ends it as a crash would."""
        self.process.kill()
        self.process.wait()

    def stop(self, seconds=45):
        """Asks it to end, and gives its exit status."""
        if self.process.poll() is None:
            # Paused, it would not hear it.
            self.signal(signal.SIGCONT)
            self.process.terminate()
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            return None

    def text(self):
        return self.log.read_text(errors="replace")


class Pacioli(Program):
    """One server; `port` and `metrics_port` are where it listens."""

    def __init__(self, folder, name, environment, port=None, data="data", binary=BINARY):
        self.port, self.metrics_port = port or free_port(), free_port()
        environment = {
            **QUICK, "PACIOLI_SERVER__METRICS_LISTEN": f"127.0.0.1:{self.metrics_port}", **environment,
        }
        command = [binary, "serve", "--listen", f"127.0.0.1:{self.port}", "--data-dir", data]
        super().__init__(command, folder, name, environment)
        try:
            wait_until(lambda: is_open(self.port) or self.process.poll() is not None, what=name)
            if self.process.poll() is not None:
                raise AssertionError(f"{name} does not start:\n{self.text()}")
        except AssertionError:
            self.kill()
            raise
        self.url = f"http://127.0.0.1:{self.port}"

    def metrics(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics") as page:
            return page.read().decode()


class Redis(Program):
    def __init__(self, folder, port=None):
        self.port = port or free_port()
        command = [tool("redis-server"), "--bind", "127.0.0.1", "--port", self.port, "--save", "", "--appendonly", "no"]
        super().__init__(command, folder, "redis")
        self.url = f"redis://127.0.0.1:{self.port}"
        wait_until(lambda: is_open(self.port), what="redis")


class Mongo(Program):
    """mongod where there is one, else secantusd-rs, which stands in for it in tests only."""

    def __init__(self, folder, port=None):
        self.port = port or free_port()
        store = pathlib.Path(folder) / "mongo"
        store.mkdir(exist_ok=True)
        if mongod := shutil.which("mongod"):
            command = [mongod, "--bind_ip", "127.0.0.1", "--port", self.port, "--dbpath", store]
        else:
            # What it acknowledges it keeps, as mongod does of writes with `w: majority`; else it would only after a while.
            command = [tool("secantusd-rs"), "--port", self.port, "--log-level", "ERROR", "--sync-on-commit",
                       "--cache-size", "128M", "--log-file-max", "8MB", "--storage-path", store]
        super().__init__(command, folder, "mongo")
        self.url = f"mongodb://127.0.0.1:{self.port}"
        wait_until(lambda: is_open(self.port), what="mongo")


class Objects(Program):
    """An S3-compatible store with one bucket, which lies in the folder and so outlives it."""

    def __init__(self, folder, port=None):
        self.port = port or free_port()
        store = pathlib.Path(folder) / "objects"
        store.mkdir(exist_ok=True)
        command = [tool("s3rver"), "--directory", store, "--address", "127.0.0.1", "--port", self.port, "--silent",
                   "--configure-bucket", "pacioli"]
        super().__init__(command, folder, "objects")
        wait_until(lambda: is_open(self.port), what="objects")

    def settings(self, port=None):
        """As deploy/compose.yaml has them."""
        return {
            "PACIOLI_FILES__STORE": "s3://pacioli", "PACIOLI_FILES__ENDPOINT": f"http://127.0.0.1:{port or self.port}",
            # It takes these alone.
            "PACIOLI_FILES__REGION": "us-east-1", "PACIOLI_FILES__ACCESS_KEY_ID": "S3RVER",
            "PACIOLI_FILES__SECRET_ACCESS_KEY": "S3RVER", "PACIOLI_FILES__ALLOW_HTTP": "true",
        }


class LanguageModel(Program):
    """A server that speaks chat completions, as language_model.py says."""

    def __init__(self, folder, port=None):
        self.port = port or free_port()
        super().__init__([sys.executable, DEPLOY / "tests/language_model.py", self.port], folder, "language-model")
        wait_until(lambda: is_open(self.port), what="the model")

    def will(self, mode):
        """What it does from now on."""
        address = f"http://127.0.0.1:{self.port}/mode/{mode}"
        urllib.request.urlopen(urllib.request.Request(address, method="POST")).close()

    def settings(self, port=None):
        return {"PACIOLI_LANGUAGE__LLM_BASE_URL": f"http://127.0.0.1:{port or self.port}/v1", "PACIOLI_LANGUAGE__LLM_MODEL": "stand-in"}


def certificate(folder):
    """A certificate for localhost, and its key, which it signs itself."""
    pem, key = pathlib.Path(folder) / "fullchain.pem", pathlib.Path(folder) / "privkey.pem"
    subprocess.run(
        [tool("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
         "-keyout", key, "-out", pem],
        check=True, capture_output=True,
    )
    return pem, key


class Nginx(Program):
    """deploy/nginx/conf.d/pacioli.conf itself, with ports, paths and rates of this machine."""

    def __init__(self, folder, replicas, rates=False):
        folder = pathlib.Path(folder)
        self.port, self.plain_port = free_port(), free_port()
        pem, key = certificate(folder)
        text = (DEPLOY / "nginx/conf.d/pacioli.conf").read_text()
        changes = {
            "listen 80 default_server;": f"listen 127.0.0.1:{self.plain_port};",
            "listen [::]:80 default_server;": "",
            "listen 443 ssl http2 default_server;": f"listen 127.0.0.1:{self.port} ssl http2;",
            "listen [::]:443 ssl http2 default_server;": "",
            "/etc/nginx/tls/fullchain.pem": str(pem),
            "/etc/nginx/tls/privkey.pem": str(key),
            "/var/cache/nginx/pacioli": str(folder / "cache"),
            "/var/log/nginx/access.log": f"{folder}/access.log",
            "pacioli-1:8000": f"127.0.0.1:{replicas[0].port}",
            "pacioli-2:8000": f"127.0.0.1:{replicas[1].port}",
        }
        if not rates:
            changes["rate=100r/s"] = "rate=10000r/s"
            changes["rate=5r/s"] = "rate=10000r/s"
        for old, new in changes.items():
            assert text.count(old) == 1, f"{old} stands {text.count(old)} times in pacioli.conf"
            text = text.replace(old, new)
        (folder / "pacioli.conf").write_text(text)
        temporary = "".join(
            f"{kind}_temp_path {folder}/{kind};" for kind in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        )
        (folder / "nginx.conf").write_text(
            f"daemon off; pid {folder}/nginx.pid; error_log stderr warn; user root; worker_processes 2;"
            f"events {{ worker_connections 1024; }} http {{ {temporary} include {folder}/pacioli.conf; }}"
        )
        super().__init__([tool("nginx"), "-c", folder / "nginx.conf", "-p", folder], folder, "nginx")
        wait_until(lambda: is_open(self.port) or self.process.poll() is not None, what="nginx")
        assert self.process.poll() is None, self.text()
        self.url = f"https://localhost:{self.port}"
        self.trust = ssl.create_default_context(cafile=pem)

    def kill(self):
        """By asking: killed, it would leave its workers behind."""
        self.process.terminate()
        self.process.wait()


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)


class Client:
    """Somebody who asks; `token` says who."""

    def __init__(self, url, trust=None, token=None):
        self.url, self.trust, self.token = url, trust, token

    def send(self, method, path, body=None, headers=None, timeout=60):
        headers = dict(headers or {})
        if self.token:
            headers.setdefault("Authorization", f"Bearer {self.token}")
        if body is not None and not isinstance(body, bytes):
            headers.setdefault("Content-Type", "application/json")
            body = json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, body, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=timeout, context=self.trust) as answer:
                return Answer(answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as answer:
            return Answer(answer.code, answer.headers, answer.read())

    def get(self, path, **more):
        return self.send("GET", path, **more)

    def post(self, path, body=None, **more):
        return self.send("POST", path, body if body is not None else {}, **more)

    def sign_up(self):
        """A new company, whose superuser this is from now on."""
        self.email = f"owner-{uuid.uuid4().hex[:12]}@example.com"
        answer = self.post("/auth/signup", {
            "full_name": "Luca Pacioli", "email": self.email, "password": PASSWORD, "company_name": "Venetian Trading",
        })
        assert answer.status == 201, (answer.status, answer.body)
        self.token = answer.json["access_token"]
        return self

    def upload(self, name, content, timeout=60):
        boundary = uuid.uuid4().hex
        body = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'.encode()
            + content + f"\r\n--{boundary}--\r\n".encode()
        )
        kind = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        answer = self.send("POST", "/uploads", body, kind, timeout)
        if answer.status == 202:
            job = answer.json["job_id"]
            done = wait_until(lambda: self.job_ended(job), seconds=120, what=f"job {job}")
            assert done["status"] == "succeeded", done
        return answer

    def job_ended(self, job):
        found = self.get(f"/jobs/{job}").json
        return found if found["status"] not in ("queued", "running") else None

    def ask(self, question, **more):
        return self.post("/query", {"question": question}, **more)


def everything(client, path):
    """The items of all pages of a list."""
    found, cursor = [], ""
    while cursor is not None:
        page = client.get(f"{path}?limit=100{cursor}").json
        found += page["items"]
        cursor = f"&cursor={page['next_cursor']}" if page.get("next_cursor") else None
    return found


SALES = b"""date,region,product,quantity,revenue
2025-01-14,North,Saffron,3,120.50
2025-01-20,South,Pepper,10,80.00
2025-02-03,North,Pepper,4,32.00
2025-02-17,South,Saffron,1,41.25
"""


class Folder:
    """A folder of one set-up, with the programs that run in it: all end, and it goes, at the end."""

    def __init__(self):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="pacioli-deploy-"))
        self.programs = []

    def run(self, program):
        self.programs.append(program)
        return program

    def close(self):
        for program in reversed(self.programs):
            if program.process.poll() is None:
                program.signal(signal.SIGCONT)
                program.kill()
        if os.environ.get("PACIOLI_KEEP"):
            print("kept:", self.path, file=sys.stderr)
        else:
            shutil.rmtree(self.path, ignore_errors=True)


class FullSetUp(Folder):
    """Two replicas on MongoDB, Redis and an object store, behind NGINX with TLS; with `model`, a server of a model
    of language beside them."""

    def __init__(self, rates=False, model=False, **more):
        super().__init__()
        try:
            if model:
                self.model = self.run(LanguageModel(self.path))
                more |= self.model.settings()
            self.redis, self.mongo = self.run(Redis(self.path)), self.run(Mongo(self.path))
            self.objects = self.run(Objects(self.path))
            self.more, self.secret = more, secrets.token_urlsafe(48)
            self.replicas = [self.run(self.replica(name)) for name in ("one", "two")]
            self.nginx = self.run(Nginx(self.path, self.upstream(), rates))
        except BaseException:
            self.close()
            raise

    def replica(self, name, port=None):
        return Pacioli(self.path, name, {
            "MONGODB_URI": self.mongo.url, "REDIS_URL": self.redis.url,
            "JWT_SECRET": self.secret, "PACIOLI_SECRETS__ENCRYPTION_KEY": self.secret[::-1],
            "PACIOLI_SERVER__PUBLIC_URL": "https://localhost",
            "PACIOLI_SERVER__TRUSTED_PROXIES": "127.0.0.1/32", **self.object_settings(), **self.more,
        }, port, data=f"data-{name}")

    def object_settings(self):
        return self.objects.settings()

    def upstream(self):
        """Whose ports NGINX sends requests to."""
        return self.replicas

    def restart(self, which):
        """Starts the replica again where it listened."""
        old = self.replicas[which]
        self.replicas[which] = self.run(self.replica("one" if which == 0 else "two", old.port))

    def client(self):
        return Client(self.nginx.url, self.nginx.trust)


def value(page, series):
    """The sum of a metric's series on a page, all whose name and labels begin so."""
    lines = re.findall(rf"^{re.escape(series)}[^ ]* ([0-9.e+-]+)", page, re.MULTILINE)
    return sum(map(float, lines))
