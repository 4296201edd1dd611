"""A client that sends what it likes: bytes on a socket, and the answers that come back."""

import contextlib
import socket
from dataclasses import dataclass

PATIENCE = 60  # seconds for anything that the server should do


@dataclass(frozen=True)
class Answer:
    status: int
    fields: tuple  # (name in lower case, value), in their order
    body: bytes
    raw: bytes

    def field(self, name: str) -> str | None:
        return dict(self.fields).get(name.lower())


def head(method: str, target: str, *fields: str, version: str = "HTTP/1.1", host: str = "x") -> bytes:
    """Up to and including the empty line."""
    lines = [f"{method} {target} {version}", f"Host: {host}", *fields]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"


class RawClient:
    def __init__(self, port: int, source: str | None = None):
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE,
                                               source_address=source and (source, 0))
        self._buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data: bytes) -> bool:
        """False: the server has closed the connection, and took a part at most."""
        try:
            self.socket.sendall(data)
            return True
        except (BrokenPipeError, ConnectionResetError):
            return False

    def send_without_end(self, piece: bytes, at_most: int) -> int:
        """Until the server ends the connection. How many bytes went on their way, buffers included."""
        sent = 0
        while sent < at_most and self.send(piece):
            sent += len(piece)
        return sent

    def end(self) -> None:
        """No more is sent; answers can still be read."""
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_WR)

    def answer(self, head_only: bool = False) -> Answer | None:
        """The next one, an interim one (1xx) included; None when the connection ends before it."""
        while b"\r\n\r\n" not in self._buffer:
            if not self._read():
                return None
        text, _, rest = self._buffer.partition(b"\r\n\r\n")
        first, *lines = text.decode("latin-1").split("\r\n")
        status = int(first.split(" ")[1])
        pairs = [line.partition(":") for line in lines]
        fields = tuple((name.lower(), value.strip()) for name, _, value in pairs)
        length = 0 if head_only or status < 200 else int(dict(fields).get("content-length", 0))
        while len(rest) < length:
            if not self._read():
                return None
            rest = self._buffer[len(text) + 4:]
        self._buffer = rest[length:]
        return Answer(status, fields, rest[:length], text + b"\r\n\r\n" + rest[:length])

    def answers(self) -> list[Answer]:
        """All until the server ends the connection."""
        found = []
        while answer := self.answer():
            found.append(answer)
        return found

    def ended(self) -> bool:
        """The server has closed, and said nothing more. Waits for that."""
        return not self._buffer and not self._read()

    def _read(self) -> bool:
        try:
            piece = self.socket.recv(65536)
        except ConnectionResetError:
            return False
        self._buffer += piece
        return bool(piece)


def ask(port: int, data: bytes, source: str | None = None) -> list[Answer]:
    """What is answered to these bytes, when nothing more comes."""
    with RawClient(port, source) as client:
        client.send(data)
        client.end()
        return client.answers()
