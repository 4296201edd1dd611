"""An upstream over smart HTTP that can be told to lie.

Its honest answers are git's own: `git upload-pack --stateless-rpc` on real repositories, protocol
version 2 where the client asks for it. A fault is a function that gets an Exchange (or, for the kind
CONNECT, a Connection) and answers in its own way; it counts until behave() withdraws it:

    server.lie(silent, FETCH)                           every fetch, from now on
    server.lie(answer(404), repository=upstream.path)   all requests for one repository
    server.lie(silent, CONNECT)                         open connections are cut, new ones held
"""

import base64
import gzip
import shutil
import socket
import socketserver
import ssl
import struct
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass, field
from functools import cached_property
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Callable
from urllib.parse import urlsplit

from certificates import Authority
from forged_packs import (FLUSH, flip_byte, join_answer, pack_without, packet, packets, split_answer,
                          wants_and_haves, with_delta_bomb)
from upstream import ISOLATED

CONNECT = "connect"
INFO_REFS = "info/refs"
LS_REFS = "ls-refs"
FETCH = "fetch"
REQUESTS = (INFO_REFS, LS_REFS, FETCH)
CONTENT_TYPE = {INFO_REFS: "application/x-git-upload-pack-advertisement",
                LS_REFS: "application/x-git-upload-pack-result",
                FETCH: "application/x-git-upload-pack-result"}


@dataclass
class Request:
    """What arrived, and how much of an answer left."""

    at: float  # time.monotonic()
    connection: int
    method: str
    target: str
    headers: dict  # names in lower case
    kind: str = "other"
    repository: str = ""  # below the server's root, as in the URL
    received: int = 0  # bytes of the body
    status: int = 0
    sent: int = 0  # bytes of the body


@dataclass
class Reply:
    status: int = 200
    body: bytes = b""
    headers: dict = field(default_factory=dict)


@dataclass
class _Rule:
    fault: Callable
    kinds: tuple
    repository: Path | None
    left: int | None  # None: any number
    withdrawn: threading.Event = field(default_factory=threading.Event)


class Connection:
    """A connection that was just accepted; nothing was read from it."""

    def __init__(self, sock: socket.socket, withdrawn: threading.Event):
        self._socket, self._withdrawn = sock, withdrawn

    def hold(self) -> None:
        self._withdrawn.wait()

    def reset(self) -> None:
        _reset_at_close(self._socket)


class Exchange:
    """One request, and the means to answer it."""

    def __init__(self, server: "LyingServer", handler: "_Handler", request: Request, body: bytes,
                 repository: Path, withdrawn: threading.Event):
        self.request, self.body, self.repository = request, body, repository
        self._server, self._handler, self._withdrawn = server, handler, withdrawn

    @cached_property
    def honest(self) -> Reply:
        """git's own answer."""
        return self.answer_from(self.repository)

    def answer_from(self, repository: Path, protocol: str | None = None) -> Reply:
        if protocol is None:
            protocol = self.request.headers.get("git-protocol", "")
        headers = {"Content-Type": CONTENT_TYPE[self.request.kind], "Cache-Control": "no-cache"}
        advertise = ["--advertise-refs"] if self.request.kind == INFO_REFS else []
        run = subprocess.run(["git", "upload-pack", "--stateless-rpc", *advertise, str(repository)],
                             input=self.body, env=ISOLATED | {"GIT_PROTOCOL": protocol},
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        before = b""
        if advertise and "version=2" not in protocol:
            before = packet(b"# service=git-upload-pack\n") + FLUSH
        return Reply(200, before + run.stdout, headers)

    def begin(self, reply: Reply) -> None:
        """Status and headers; the body follows by write() and end()."""
        self._handler.begin(reply)

    def write(self, data: bytes) -> None:
        self._handler.write_chunk(data)

    def end(self) -> None:
        self._handler.end_chunks()

    def send(self, reply: Reply) -> None:
        self.begin(reply)
        self.write(reply.body)
        self.end()

    def cut(self) -> None:
        """Ends the connection here, whatever was promised."""
        self._handler.cut()

    def hold(self, seconds: float | None = None) -> bool:
        """Until the fault is withdrawn, or that long; true: it was withdrawn."""
        return self._withdrawn.wait(seconds)

    def to(self, base: str) -> str:
        """The same request's URL at another server."""
        return base + self.request.target


# Faults

def silent(exchange) -> None:
    """Never an answer. For CONNECT too."""
    exchange.hold()
    if isinstance(exchange, Exchange):
        exchange.cut()


def reset(connection: Connection) -> None:
    """As a port on which nobody listens, but that it can be counted. For CONNECT."""
    connection.reset()


def stall(exchange: Exchange) -> None:
    """Half of the answer, then nothing more."""
    _send_half(exchange)
    silent(exchange)


def cut_off(exchange: Exchange) -> None:
    """Half of the answer, then the connection ends."""
    _send_half(exchange)
    exchange.cut()


def trickle(seconds: float):
    """One byte, each time so many seconds."""
    def fault(exchange: Exchange) -> None:
        exchange.begin(exchange.honest)
        for byte in exchange.honest.body:
            exchange.write(bytes([byte]))
            if exchange.hold(seconds):
                break
        exchange.cut()
    return fault


def answer(status: int, body: bytes = b"no\n", **headers):
    """Another answer than git's; a header's "_" stands for "-"."""
    names = {name.replace("_", "-"): str(value) for name, value in headers.items()}
    return lambda exchange: exchange.send(Reply(status, body, names))


def empty(exchange: Exchange) -> None:
    """200 of the right type without a byte in it, as an old server answers version 2."""
    exchange.send(Reply(200, b"", exchange.honest.headers))


def version_0(exchange: Exchange) -> None:
    """A server, or a proxy in front of it, that does not know version 2."""
    exchange.send(exchange.answer_from(exchange.repository, protocol=""))


def redirect(base: str):
    """To the same path at another server."""
    def fault(exchange: Exchange) -> None:
        status = 302 if exchange.request.method == "GET" else 307
        exchange.send(Reply(status, b"", {"Location": exchange.to(base)}))
    return fault


def _with_pack(change: Callable[[Exchange, bytes], bytes], ended: bool = True):
    """What carries a pack carries another one; other answers stay honest."""
    def fault(exchange: Exchange) -> None:
        reply = exchange.honest
        if parts := split_answer(reply.body):
            reply = Reply(200, join_answer(parts[0], change(exchange, parts[1]), ended), reply.headers)
        exchange.send(reply)
    return fault


# The answer ends as it should, only the pack in it is too short.
truncated_pack = _with_pack(lambda _, pack: pack[:len(pack) // 2])
# The pack ends where it should, but its checksum is wrong.
flipped_byte = _with_pack(lambda _, pack: flip_byte(pack, repair=False))
# The checksum is right, an object in it is not.
corrupt_object = _with_pack(lambda _, pack: flip_byte(pack, repair=True))


def delta_bomb(size: int):
    return _with_pack(lambda _, pack: with_delta_bomb(pack, size))


def without_object(left_out: str):
    """A pack that is right by itself and lacks one of the objects that were asked for."""
    return _with_pack(lambda exchange, _: pack_without(
        exchange.repository, *wants_and_haves(exchange.body), left_out))


def _send_half(exchange: Exchange) -> None:
    exchange.begin(exchange.honest)
    exchange.write(exchange.honest.body[:len(exchange.honest.body) // 2])


def _reset_at_close(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


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
        self._listener = _Listener((self.host, self.port), self)
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

    def serve(self, handler: "_Handler", request: Request, body: bytes) -> None:
        path, _, service = urlsplit(request.target).path.lstrip("/").rpartition(
            "/info/refs" if request.method == "GET" else "/git-upload-pack")
        repository = self.root / path
        known = bool(path) and not service and (repository / "HEAD").exists()
        with self._mutex:
            request.kind, request.repository = _kind_of(request, body) if known else "other", path
            self.requests.append(request)
            rule = self._take_rule(request.kind, repository)
        exchange = Exchange(self, handler, request, body, repository,
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


class _Listener(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def __init__(self, address, server: LyingServer):
        self.lying = server
        super().__init__(address, _Handler)

    def finish_request(self, sock, client_address) -> None:
        number, rule = self.lying.accepted(sock)
        secured = None
        try:
            if rule:
                rule.fault(Connection(sock, rule.withdrawn))
            else:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                secured = self.lying.secured(sock)
                _Handler(secured, client_address, self, number)
        except (OSError, ssl.SSLError):
            pass  # the client is gone, or does not trust us
        finally:
            for ended in {sock, secured} - {None}:
                self.lying.ended(ended)
                ended.close()

    def handle_error(self, request, client_address) -> None:
        pass


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, sock, client_address, listener: _Listener, connection: int):
        self._connection = connection
        self._request = None
        super().__init__(sock, client_address, listener)

    def _handle(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self._request = Request(time.monotonic(), self._connection, self.command, self.path, headers)
        body = self._read_body()
        self._request.received = len(body)
        if headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        self.server.lying.serve(self, self._request, body)

    do_GET = do_POST = _handle

    def _read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def begin(self, reply: Reply) -> None:
        self._request.status = reply.status
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def write_chunk(self, data: bytes) -> None:
        if data:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
            self._request.sent += len(data)

    def end_chunks(self) -> None:
        self.wfile.write(b"0\r\n\r\n")

    def cut(self) -> None:
        self.close_connection = True

    def log_message(self, *arguments) -> None:
        pass
