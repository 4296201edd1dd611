"""Deliveries in masses: wrk with signed bodies, the `webhook` program, and clients that stall or flood."""

import json
import selectors
import shutil
import socket
import subprocess
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from daemon import SECRET
from forge import signature
from processes import Server, free_port, is_listening
from waiting import let_pass, wait_for

SOURCES = [f"127.0.0.{number}" for number in range(2, 10)]
CONNECTIONS, CONNECTIONS_OF_PACED = 16, 60
HMAC_RULE = {"match": {"type": "payload-hmac-sha256", "secret": SECRET,  # as `webhook` spells it
                       "parameter": {"source": "header", "name": "X-Hub-Signature-256"}}}


def need(program: str) -> None:
    if not shutil.which(program):
        raise RuntimeError(f"this row needs the program {program}: apt-get install {program}")


def push_of_7_kb(url: str, after: str) -> bytes:
    """As large as GitHub's pushes of a few commits are."""
    commits = [{"id": after, "message": f"change {n}\n" + "x" * 200, "timestamp": "2026-11-21T08:00:00Z",
                "url": f"https://git.example/acme/docs/commit/{after}",
                "author": {"name": "A Person", "email": "person@example.invalid", "username": "person"},
                "added": [f"folder{n}/added{i}.txt" for i in range(8)], "removed": [],
                "modified": [f"folder{n}/modified{i}.txt" for i in range(8)]} for n in range(6)]
    body = {"ref": "refs/heads/main", "before": "0" * 40, "after": after, "deleted": False,
            "forced": False, "commits": commits, "head_commit": commits[-1], "pusher": {"name": "person"},
            "repository": {"id": 1, "full_name": "acme/docs", "clone_url": url, "default_branch": "main"}}
    body["padding"] = "x" * (7000 - len(json.dumps(body)))
    return json.dumps(body).encode()


@dataclass(frozen=True)
class Load:
    """What wrk saw."""

    requests: int
    seconds: float
    p50: float  # milliseconds
    p99: float
    max: float
    busy_after: float = 0  # seconds until everything that the answers promised was done

    @property
    def rate(self) -> float:
        """Answered a second."""
        return self.requests / self.seconds

    @property
    def done_rate(self) -> float:
        """Answered and done a second."""
        return self.requests / (self.seconds + self.busy_after)


def send_deliveries(directory: Path, url: str, bodies: list[bytes], seconds: float,
                    rate: float = 0) -> Load:
    """With kept-alive connections, each delivery with an id of its own. Every answer must come and be no
    refusal; with a `rate` (a second, which slow answers lower), be 202."""
    connections = str(CONNECTIONS_OF_PACED if rate else CONNECTIONS)
    prepared = directory / "deliveries"
    prepared.write_bytes(b"".join(b"%d %s\n%s\n" % (len(body), signature(body, SECRET).encode(), body)
                                  for body in bodies))
    run = subprocess.run(
        ["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--timeout", "30s", "-s",
         str(Path(__file__).with_name("deliveries.lua")), url, "--", str(prepared), str(rate),
         connections], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    lines = run.stdout.splitlines()
    if run.returncode or not lines or not lines[-1].startswith("{"):
        raise RuntimeError(f"wrk: {run.stdout}{run.stderr}")
    seen = json.loads(lines[-1])
    load = Load(seen["requests"], seen["microseconds"] / 1e6, seen["p50"] / 1000, seen["p99"] / 1000,
                seen["max"] / 1000)
    if seen["errors"] or seen["refused"] or seen["others"] or not load.requests:
        raise RuntimeError(f"not all deliveries were taken: {seen}")
    return load


def wait_until_idle(pid: int) -> float:
    def cpu() -> float:
        return time.clock_gettime((~pid << 3) | 2)  # of that process

    began = time.monotonic()
    before = -1.0
    while (now := cpu()) - before > 0.005:
        before = now
        let_pass(0.25)
    return time.monotonic() - began


@contextmanager
def webhook_program(directory: Path):
    """Debian's `webhook` with one hook that checks the signature and runs /bin/true.

    Gives its URL, and a function that waits until it has run them all and returns how long that took: it
    answers before, and is busy for some time after the last answer.
    """
    hooks = directory / "hooks.json"
    hooks.write_text(json.dumps([{"id": "push", "execute-command": "/bin/true", "trigger-rule": HMAC_RULE}]))
    port = free_port()
    server = Server(["webhook", "-hooks", str(hooks), "-ip", "127.0.0.1", "-port", str(port)],
                    directory / "webhook.log")
    try:
        wait_for(lambda: is_listening(port), "webhook listens")
        yield f"http://127.0.0.1:{port}/hooks/push", lambda: wait_until_idle(server.process.pid)
    finally:
        server.stop()


class StalledClients:
    """Connections from eight addresses that are open and do nothing useful; who is let go comes again."""

    HEAD = (b"POST /api/v1/webhooks/github HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"X-GitHub-Event: push\r\nX-Hub-Signature-256: sha256=" + b"0" * 64 + b"\r\n")
    STARTS = [
        b"", HEAD, HEAD + b"Content-Length: 60000\r\n\r\n" + b"x" * 30_000,
        HEAD + b"Content-Length: 20000000\r\n\r\n" + b"x" * 100_000,
        b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n" * 200,  # and reads no answer
    ]

    def __init__(self, port: int, count: int):
        self.reopened = 0
        self._port, self._ready = port, selectors.DefaultSelector()
        self._stopping = threading.Event()
        for number in range(count):
            self._open(number)
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> "StalledClients":
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._stopping.set()
        self._thread.join()
        for key in list(self._ready.get_map().values()):
            key.fileobj.close()

    def _open(self, number: int) -> None:
        client = socket.socket()
        client.bind((SOURCES[number % len(SOURCES)], 0))
        client.connect(("127.0.0.1", self._port))
        client.setblocking(False)
        try:
            client.send(self.STARTS[number % len(self.STARTS)])
        except OSError:
            pass
        # Answers that wait to be read would wake the watch for ever.
        unread = number % len(self.STARTS) == len(self.STARTS) - 1
        self._ready.register(client, selectors.EVENT_WRITE if unread else selectors.EVENT_READ, number)

    def _watch(self) -> None:
        while not self._stopping.wait(0.1):
            for key, _ in self._ready.select(0):
                try:
                    ended = key.events == selectors.EVENT_READ and not key.fileobj.recv(65536)
                except OSError:
                    ended = True
                if ended:
                    self._ready.unregister(key.fileobj)
                    key.fileobj.close()
                    self.reopened += 1
                    self._open(key.data)


class BodyFlood:
    """Bodies that are sent all at once, from eight addresses, as fast as they are taken."""

    SIZE = 25_000_000
    PIECE = memoryview(b'{"x":"' + b"x" * (1 << 18))

    def __init__(self, port: int, count: int, *fields: bytes):
        self.statuses: list[bytes] = []  # of whatever answer came; empty: the connection ended without one
        self._ready = selectors.DefaultSelector()
        start = (b"POST /api/v1/webhooks/github HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                 b"X-GitHub-Event: push\r\nContent-Length: %d\r\n" % self.SIZE
                 + b"".join(field + b"\r\n" for field in fields) + b"\r\n")
        for number in range(count):
            client = socket.socket()
            client.bind((SOURCES[number % len(SOURCES)], 0))
            client.connect(("127.0.0.1", port))
            client.sendall(start)
            client.setblocking(False)
            self._ready.register(client, selectors.EVENT_READ | selectors.EVENT_WRITE, [self.SIZE])

    def run(self) -> None:
        while self._ready.get_map():
            for key, events in self._ready.select(1):
                try:
                    over = self._answered(key) if events & selectors.EVENT_READ else self._send(key)
                except OSError:
                    self.statuses.append(b"")
                    over = True
                if over:
                    self._ready.unregister(key.fileobj)
                    key.fileobj.close()

    def _answered(self, key) -> bool:
        self.statuses.append(key.fileobj.recv(65536)[9:12])
        return True

    def _send(self, key) -> bool:
        left = key.data
        left[0] -= key.fileobj.send(self.PIECE[:left[0]])
        if not left[0]:
            self._ready.modify(key.fileobj, selectors.EVENT_READ, left)
        return False
