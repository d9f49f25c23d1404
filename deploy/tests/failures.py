#!/usr/bin/env python3
"""What people see when something the server depends on fails, for how long, and whether anything that was
acknowledged is lost. Prints the table of docs/RELIABILITY.md; `failures.py store model` runs those alone.

Everything runs under load: people who read, ask and add people, through NGINX with TLS. While it is the model of
language that fails, half of the questions are such that the rules refuse.
"""

import collections
import concurrent.futures
import contextlib
import ctypes
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import uuid

from programs import PASSWORD, SALES, Client, Folder, FullSetUp, LanguageModel, Mongo, Objects, Pacioli, Redis, everything

DURING = 8
# Seconds that the model may take for one reading.
MODEL_DEADLINE = 5
# Words of the product's answers to those who asked what needed the model.
REFUSED = {
    "took too long": "refused, for the model took too long", "cannot be used now": "refused, for the model cannot be used",
    "cannot be read": "refused, for the model's answer cannot be read", "budget for it is used up": "refused, for the budget is used up",
}
# What a request of each kind is called in the table.
KINDS = {"read": "reads", "ask": "questions", "ask_model": "questions for the model", "write": "writes"}


# A filter of packets (BPF, Linux' SO_ATTACH_FILTER) that takes nothing in: "return 0".
TAKE_NOTHING = ctypes.create_string_buffer(struct.pack("HBBI", 6, 0, 0, 0))
FILTER = struct.pack("HL", 1, ctypes.addressof(TAKE_NOTHING))
SO_ATTACH_FILTER, SO_DETACH_FILTER = 26, 27


class Link:
    """Connections through us, that can be cut: then every packet is lost, those that would begin a connection too,
    and nobody is told. It can also refuse connections, as a port does where nobody listens."""

    def __init__(self, port):
        self.target, self.port, self.is_cut, self.open, self.lock = port, 0, False, set(), threading.Lock()
        self.listen()

    def listen(self):
        self.listener = socket.create_server(("127.0.0.1", self.port), backlog=128)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, args=(self.listener,), daemon=True).start()

    def refuse(self):
        # Shut, for closed it would wait on for somebody to accept.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def cut(self):
        self.filter(True)

    def mend(self):
        self.filter(False)

    def filter(self, is_cut):
        with self.lock:
            self.is_cut = is_cut
            for end in (self.listener, *self.open):
                self.apply(end)

    def apply(self, end):
        option, value = (SO_ATTACH_FILTER, FILTER) if self.is_cut else (SO_DETACH_FILTER, 0)
        # There may be none to detach.
        with contextlib.suppress(FileNotFoundError):
            end.setsockopt(socket.SOL_SOCKET, option, value)

    def accept(self, listener):
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                threading.Thread(target=self.pass_on, args=(client,), daemon=True).start()

    def pass_on(self, client):
        with client, contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.target)) as server:
            with self.known(client), self.known(server):
                ends = {client: server, server: client}
                while True:
                    for end in select.select(list(ends), [], [])[0]:
                        if not (data := end.recv(65536)):
                            return
                        ends[end].sendall(data)

    @contextlib.contextmanager
    def known(self, end):
        """An end of a connection that is cut with the others."""
        with self.lock:
            self.open.add(end)
            self.apply(end)
        try:
            yield
        finally:
            with self.lock:
                self.open.remove(end)


class Cuttable(FullSetUp):
    """The full set-up, in which everything is reached through links, but for the second replica."""

    def replica(self, name, port=None):
        if not hasattr(self, "links"):
            reached = {"mongo": self.mongo, "redis": self.redis, "objects": self.objects, "model": self.model}
            self.links = {name: Link(program.port) for name, program in reached.items()}
            # Direct: else the driver asks a replica set where its members are, and goes there past the link.
            self.mongo.url = f"mongodb://127.0.0.1:{self.links['mongo'].port}/?directConnection=true"
            self.redis.url = f"redis://127.0.0.1:{self.links['redis'].port}"
            self.more |= self.model.settings(self.links["model"].port)
        return super().replica(name, port)

    def object_settings(self):
        return self.objects.settings(self.links["objects"].port)

    def upstream(self):
        self.links["replica"] = Link(self.replicas[0].port)
        return [self.links["replica"], self.replicas[1]]


class Load:
    """Requests of three kinds, noted with their time, status and how long they took; of four, `with_model`."""

    def __init__(self, client, with_model=False):
        self.client, self.over, self.noted, self.acknowledged = client, threading.Event(), [], []
        self.pool = concurrent.futures.ThreadPoolExecutor(6)
        asks = (self.ask, self.ask_model) if with_model else (self.ask, self.ask)
        self.kinds = {work.__name__ for work in (self.read, *asks, self.write)}
        for work in (self.read, self.read, *asks, self.write, self.write):
            self.pool.submit(self.again, work)

    def again(self, work):
        while not self.over.is_set():
            began = time.monotonic()
            try:
                status = work()
            except OSError as error:
                status = type(error).__name__
            self.noted.append((began, time.monotonic() - began, work.__name__, status))
            time.sleep(0.05)

    def read(self):
        return self.client.get("/tables", timeout=90).status

    def ask(self):
        return self.client.ask(f"revenue by region where quantity is above {time.monotonic_ns() % 1_000_000}", timeout=90).status

    def ask_model(self):
        """A question that the rules refuse: 200 where the model's reading answers it."""
        answer = self.client.ask("what does each corner of the world bring home", timeout=90)
        if answer.status != 200 or answer.json["status"] == "answered":
            return answer.status
        return next((word for words, word in REFUSED.items() if words in answer.json["answer"]), answer.json["answer"])

    def write(self):
        email = f"{uuid.uuid4().hex}@example.com"
        body = {"full_name": "Maria Rossi", "email": email, "password": PASSWORD}
        status = self.client.post("/auth/add-user", body, timeout=90).status
        if status == 201:
            self.acknowledged.append(email)
        return status

    def is_well_since(self, moment, kinds):
        """Each of these kinds of request that began since then is answered, and the last of each were."""
        good = collections.defaultdict(list)
        for began, _, kind, status in list(self.noted):
            if began >= moment:
                good[kind].append(status in (200, 201))
        return all(len(good[kind]) > 2 and all(good[kind][-2:]) for kind in kinds)

    def stop(self):
        self.over.set()
        self.pool.shutdown()


def observe(name, client, hurt, heal, with_model=False, lasting=()):
    """One row of the table; `lasting` are the kinds of request that are not well again when it is over."""
    load = Load(client, with_model)
    time.sleep(4)
    hurt_at = time.monotonic()
    hurt()
    time.sleep(DURING)
    healed_at = time.monotonic()
    heal()
    while not load.is_well_since(healed_at, load.kinds - set(lasting)) and time.monotonic() < healed_at + 90:
        time.sleep(0.1)
    load.stop()
    noted = [entry for entry in load.noted if entry[0] + entry[1] >= hurt_at]
    failed = [entry for entry in noted if entry[3] not in (200, 201)]
    last = max((began + took - healed_at for began, took, kind, _ in failed if kind not in lasting), default=0)
    seen = []
    for kind, word in KINDS.items():
        if kind not in load.kinds:
            continue
        counts = collections.Counter(str(status) for _, _, found, status in noted if found == kind)
        good = counts.pop("200", 0) + counts.pop("201", 0)
        seen.append(f"{word}: {good} answered" + "".join(f", {count} × {status}" for status, count in counts.items()))
    slowest = max((took for _, took, _, _ in noted), default=0)
    there = {person["email"] for person in everything(client, "/users")}
    lost = [email for email in load.acknowledged if email not in there]
    print(f"| {name} | {'; '.join(seen)} | {slowest:.1f} s | {max(last, 0):.1f} s | {len(lost)} of {len(load.acknowledged)} |", flush=True)
    return lost


def full_set_up(which):
    setup = Cuttable(model=True, PACIOLI_LANGUAGE__LLM_DEADLINE_SECONDS=str(MODEL_DEADLINE),
                     PACIOLI_LANGUAGE__LLM_MONTHLY_TOKENS="40000000")
    with contextlib.closing(setup):
        owner = setup.client().sign_up()
        owner.upload("sales.csv", SALES)
        lost = []

        def cut(link):
            return setup.links[link].cut, setup.links[link].mend

        def paused(program):
            return lambda: program().signal(signal.SIGSTOP), lambda: program().signal(signal.SIGCONT)

        def does(mode):
            return lambda: setup.model.will(mode), lambda: setup.model.will("well")

        def killed(attribute, kind):
            def hurt():
                setup.links[attribute].refuse()
                getattr(setup, attribute).kill()

            def heal():
                old = getattr(setup, attribute)
                new = setup.run(kind(setup.path, old.port))
                setattr(setup, attribute, new)
                setup.links[attribute].listen()
            return hurt, heal

        scenarios = {
            "store killed": killed("mongo", Mongo),
            "store paused": paused(lambda: setup.mongo),
            "store cut off": cut("mongo"),
            "cache killed": killed("redis", Redis),
            "cache paused": paused(lambda: setup.redis),
            "cache cut off": cut("redis"),
            "objects killed": killed("objects", Objects),
            "objects paused": paused(lambda: setup.objects),
            "objects cut off": cut("objects"),
            "replica killed": (lambda: setup.replicas[1].kill(), lambda: setup.restart(1)),
            "replica paused": paused(lambda: setup.replicas[1]),
            "replica stopped": (lambda: setup.replicas[1].stop(), lambda: setup.restart(1)),
            "replica cut off": cut("replica"),
            "model killed": killed("model", LanguageModel),
            "model paused": paused(lambda: setup.model),
            "model cut off": cut("model"),
            "model answering garbage": does("garbage"),
            "model slow": does("slow"),
            # The last: what is spent is spent until the month ends.
            "model's budget used up": does("costly"),
        }
        for name, (hurt, heal) in scenarios.items():
            if any(name.startswith(word) for word in which):
                lasting = ["ask_model"] if "budget" in name else []
                lost += observe(name, owner, hurt, heal, name.startswith("model"), lasting)
        return lost


def full_disk():
    """The embedded set-up on a disk of its own, which something else fills."""
    with contextlib.closing(Folder()) as folder:
        disk = folder.path / "disk"
        disk.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", disk], check=True)
        try:
            server = folder.run(Pacioli(folder.path, "server", {}, data=disk))
            owner = Client(server.url).sign_up()
            owner.upload("sales.csv", SALES)
            filler = disk / "filler"

            def hurt():
                with contextlib.suppress(OSError), open(filler, "wb", buffering=0) as file:
                    while file.write(b"x" * 65536):
                        pass
                refused = owner.upload("more.csv", SALES)
                print(f"<!-- an upload while the disk is full: {refused.status} {refused.json['code']} -->")

            lost = observe("disk full", owner, hurt, filler.unlink)
            server.kill()
            server = folder.run(Pacioli(folder.path, "server", {}, data=disk, port=server.port))
            assert owner.ask("total revenue").json["status"] == "answered"
            return lost
        finally:
            server.kill()
            subprocess.run(["umount", disk], check=True)


def main():
    which = sys.argv[1:] or ["store", "cache", "objects", "replica", "model", "disk"]
    print(f"| for {DURING} s | what people saw, from then until all was well | slowest | failures after it was mended | acknowledged and lost |")
    print("|---|---|---|---|---|")
    lost = full_set_up(which) if set(which) - {"disk"} else []
    lost += full_disk() if "disk" in which else []
    os._exit(1 if lost else 0)


if __name__ == "__main__":
    main()
