"""What a LyingServer is made of: its listener, the connections and requests, and ways to answer them."""

import gzip
import socket
import socketserver
import ssl
import struct
import subprocess
import threading
import time
from dataclasses import dataclass, field
from functools import cached_property
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from forged_packs import FLUSH, packet
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

    def __init__(self, handler: "Handler", request: Request, body: bytes, repository: Path,
                 withdrawn: threading.Event):
        self.request, self.body, self.repository = request, body, repository
        self._handler, self._withdrawn = handler, withdrawn

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


def _reset_at_close(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


class Listener(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def __init__(self, address, server):
        self.lying = server
        super().__init__(address, Handler)

    def finish_request(self, sock, client_address) -> None:
        number, rule = self.lying.accepted(sock)
        secured = None
        try:
            if rule:
                rule.fault(Connection(sock, rule.withdrawn))
            else:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                secured = self.lying.secured(sock)
                Handler(secured, client_address, self, number)
        except (OSError, ssl.SSLError):
            pass  # the client is gone, or does not trust us
        finally:
            for ended in {sock, secured} - {None}:
                self.lying.ended(ended)
                ended.close()

    def handle_error(self, request, client_address) -> None:
        pass


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, sock, client_address, listener: Listener, connection: int):
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
