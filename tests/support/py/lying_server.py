"""An upstream over smart HTTP that can be told to lie.

Its honest answers are git's own: `git upload-pack --stateless-rpc` on real repositories, protocol
version 2 where the client asks for it. A lie (lies.py) is a function that gets an Exchange (or, for the
kind CONNECT, a Connection) and answers in its own way; it counts until behave() withdraws it:

    server.lie(silent, FETCH)                           every fetch, from now on
    server.lie(answer(404), repository=upstream.path)   all requests for one repository
    server.lie(silent, CONNECT)                         open connections are cut, new ones held
"""

import base64
import shutil
import socket
import ssl
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable
from urllib.parse import urlsplit

from certificates import Authority
from forged_packs import packets
from lying_exchange import (CONNECT, FETCH, INFO_REFS, LS_REFS, REQUESTS, Exchange, Handler, Listener,
                            Reply, Request)


@dataclass
class _Rule:
    fault: Callable
    kinds: tuple
    repository: Path | None
    left: int | None  # None: any number
    withdrawn: threading.Event = field(default_factory=threading.Event)


class LyingServer:
    """Serves the repositories below `root`, over TLS when given somebody to vouch for it."""

    def __init__(self, root: Path, host: str = "127.0.0.1", authority: Authority | None = None):
        self.root, self.host, self.port = root, host, 0
        self.requests: list[Request] = []  # oldest first
        self.connections: list[float] = []  # time.monotonic() of each accept
        self.password: str | None = None  # asked for when set, with any user name
        self._tls = None
        self._scheme = "https" if authority else "http"
        self._mutex = threading.Lock()
        self._rules: list[_Rule] = []
        self._open: set[socket.socket] = set()
        self._frozen: dict[Path, tuple] = {}  # repository -> (copy, answers left or None, objects)
        self._copies = Path(tempfile.mkdtemp(prefix="freshet-liar-"))
        self._listener = None
        if authority:
            self.present(authority)

    # Running

    def start(self) -> "LyingServer":
        """Again after a stop on the same port."""
        self._listener = Listener((self.host, self.port), self)
        self.port = self._listener.server_address[1]
        threading.Thread(target=self._listener.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def stop(self) -> None:
        """Nobody listens on the port any more, and open connections end."""
        if self._listener:
            self.behave()
            self._listener.shutdown()
            self._listener.server_close()
            self._listener = None
        self.drop_connections()

    def close(self) -> None:
        self.stop()
        shutil.rmtree(self._copies, ignore_errors=True)

    def url(self, repository: Path | None = None) -> str:
        base = f"{self._scheme}://{self.host}:{self.port}"
        return f"{base}/{repository.relative_to(self.root)}" if repository else base

    def present(self, authority: Authority) -> None:
        """The certificate of connections from now on."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(authority.chain, authority.key)
        self._tls = context
        self.drop_connections()

    # Lying

    def lie(self, fault: Callable, *kinds: str, repository: Path | None = None,
            times: int | None = None) -> None:
        rule = _Rule(fault, kinds or REQUESTS, repository, times)
        with self._mutex:
            self._rules.append(rule)
        if CONNECT in rule.kinds:
            self.drop_connections()

    def behave(self) -> None:
        with self._mutex:
            withdrawn, self._rules = self._rules, []
            self._frozen = {}
        for rule in withdrawn:
            rule.withdrawn.set()

    def freeze(self, repository: Path, answers: int | None = None, objects: bool = False) -> None:
        """Serves the refs as they are now, whatever is pushed; for so many answers, or until thaw().
        With `objects`, fetches find what is pushed all the same, as at a forge of several machines."""
        copy = Path(tempfile.mkdtemp(dir=self._copies)) / "copy.git"
        shutil.copytree(repository, copy)
        with self._mutex:
            self._frozen[repository] = (copy, answers, objects)

    def thaw(self, repository: Path) -> None:
        with self._mutex:
            self._frozen.pop(repository, None)

    def drop_connections(self) -> None:
        with self._mutex:
            open_now = list(self._open)
        for sock in open_now:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # it has just ended by itself

    # Counting

    def seen(self, *kinds: str, repository: Path | None = None, since: float = 0.0) -> list[Request]:
        """Requests of these kinds (none named: of all), to one repository or to all."""
        name = str(repository.relative_to(self.root)) if repository else None
        with self._mutex:
            return [request for request in self.requests
                    if request.at >= since and (not kinds or request.kind in kinds)
                    and name in (None, request.repository)]

    def count(self, *kinds: str, **which) -> int:
        return len(self.seen(*kinds, **which))

    # What the connections' threads ask

    def accepted(self, sock: socket.socket) -> tuple[int, _Rule | None]:
        with self._mutex:
            self._open.add(sock)
            self.connections.append(time.monotonic())
            return len(self.connections), self._take_rule(CONNECT, None)

    def ended(self, sock: socket.socket) -> None:
        with self._mutex:
            self._open.discard(sock)

    def secured(self, sock: socket.socket) -> socket.socket:
        if not self._tls:
            return sock
        secured = self._tls.wrap_socket(sock, server_side=True)
        with self._mutex:
            self._open.add(secured)
        return secured

    def serve(self, handler: Handler, request: Request, body: bytes) -> None:
        path, _, service = urlsplit(request.target).path.lstrip("/").rpartition(
            "/info/refs" if request.method == "GET" else "/git-upload-pack")
        repository = self.root / path
        known = bool(path) and not service and (repository / "HEAD").exists()
        with self._mutex:
            request.kind, request.repository = _kind_of(request, body) if known else "other", path
            self.requests.append(request)
            rule = self._take_rule(request.kind, repository)
        exchange = Exchange(handler, request, body, repository,
                            rule.withdrawn if rule else threading.Event())
        if self.password and not _shows(request, self.password):
            exchange.send(Reply(401, b"", {"WWW-Authenticate": 'Basic realm="liar"'}))
        elif rule:
            rule.fault(exchange)
        elif not known:
            exchange.send(Reply(404, b"there is no such repository\n"))
        else:
            exchange.send(self._answer(exchange))

    def _take_rule(self, kind: str, repository: Path | None) -> _Rule | None:
        for rule in reversed(self._rules):
            if kind in rule.kinds and rule.repository in (None, repository) and rule.left != 0:
                if rule.left is not None:
                    rule.left -= 1
                return rule
        return None

    def _answer(self, exchange: Exchange) -> Reply:
        with self._mutex:
            copy, left, objects = self._frozen.get(exchange.repository, (None, 0, True))
            if left and exchange.request.kind == LS_REFS:
                self._frozen[exchange.repository] = (copy, left - 1, objects)
        honest = left == 0 or (objects and exchange.request.kind == FETCH)
        return exchange.honest if honest else exchange.answer_from(copy)


def _kind_of(request: Request, body: bytes) -> str:
    if request.method == "GET":
        return INFO_REFS
    for _, payload in packets(body):
        return LS_REFS if payload and payload.strip() == b"command=ls-refs" else FETCH
    return FETCH


def _shows(request: Request, password: str) -> bool:
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        value = base64.b64decode(value).decode().partition(":")[2]
    return value == password
