"""One request that came to the gateway, and what can be done with it."""

import asyncio
import random
import socket
import struct

from faults import FETCH, INFO_REFS, LS_REFS
from gateway_wire import LAST_CHUNK, Head, body_pieces, chunk, joined, read_head


class Backend:
    """Connections to the honest server, kept for the next request."""

    def __init__(self, address: str):
        host, _, port = address.rpartition(":")
        self._address = host, int(port)
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def ask(self, request: bytes) -> tuple[Head, asyncio.StreamReader, asyncio.StreamWriter]:
        """Once more on a new connection where the server has just closed the kept one."""
        while self._idle:
            connection = self._idle.pop()
            try:
                return await self._ask_on(connection, request)
            except (ConnectionError, asyncio.IncompleteReadError):
                continue
        return await self._ask_on(await asyncio.open_connection(*self._address), request)

    @staticmethod
    async def _ask_on(connection, request: bytes):
        reader, writer = connection
        try:
            writer.write(request)
            head = await read_head(reader)
            while head is not None and head.status < 200:
                head = await read_head(reader)
            if head is None:
                raise ConnectionResetError("the backend closed the connection")
        except BaseException:  # also a client that is gone while we wait
            writer.close()
            raise
        return head, reader, writer

    def keep(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._idle.append((reader, writer))


class Exchange:
    """A request, its answer once asked for, and the client who waits for it.

    `withdrawn` is set when the fault that befalls it is healed. Ends with the connection still usable
    unless `over` was called."""

    def __init__(self, backend: Backend, writer: asyncio.StreamWriter, head: Head, body: bytes,
                 rng: random.Random):
        self.rng, self.head, self.body = rng, head, body
        self.withdrawn: asyncio.Event | None = None
        self.is_over = head.closes
        self.begun = False  # the client has been sent something
        self._backend, self._writer = backend, writer
        self._answer: Answer | None = None
        path = head.start.split(b" ", 2)[1].partition(b"?")[0].decode(errors="replace")
        self.repository = path.strip("/").partition(".git")[0]
        if head.start.startswith(b"GET"):
            self.kind = INFO_REFS
        else:
            self.kind = LS_REFS if b"command=ls-refs" in body else FETCH

    # The answer

    async def answer(self, raw: bytes | None = None) -> "Answer":
        """What the honest server says; to `raw` where the request's head is to be another."""
        raw = self.head.raw if raw is None else raw
        if self.head.chunked:  # read whole by now
            raw = Head(raw).framed(b"Content-Length: %d" % len(self.body))
        self._answer = Answer(self._backend, *await self._backend.ask(raw + self.body))
        return self._answer

    def release(self) -> None:
        """At its end, however it came."""
        if self._answer:
            self._answer.release()

    async def pass_on(self, answer: "Answer | None" = None) -> None:
        answer = answer or await self.answer()
        await self.send(answer.head.raw)
        if answer.head.closes and answer.head.length is None and not answer.head.chunked:
            self.over()
        async for piece in answer.pieces():
            await self.send(chunk(piece) if answer.head.chunked else piece)
        if answer.head.chunked:
            await self.send(LAST_CHUNK)

    # To the client

    async def send(self, data: bytes) -> None:
        self.begun = True
        self._writer.write(data)
        await self._writer.drain()

    async def send_whole(self, start: bytes, body: bytes, *fields: bytes) -> None:
        lines = [b"HTTP/1.1 " + start, *fields, b"Content-Length: %d" % len(body)]
        await self.send(b"\r\n".join(lines) + b"\r\n\r\n" + body)

    def over(self) -> None:
        """The connection ends after this, in good order."""
        self.is_over = True

    def reset(self) -> None:
        self.is_over = True
        reset(self._writer.transport)

    # Time

    async def until_healed(self, seconds: float | None = None) -> bool:
        """Waits for the fault's end, so many seconds at most. True: it has ended."""
        try:
            await asyncio.wait_for(self.withdrawn.wait(), seconds)
        except asyncio.TimeoutError:
            return False
        return True


class Answer:
    """The backend's connection is kept once the body was read to its end."""

    def __init__(self, backend: Backend, head: Head, reader: asyncio.StreamReader,
                 writer: asyncio.StreamWriter):
        self.head = head
        self._backend, self._reader, self._writer = backend, reader, writer
        self._whole = False

    async def pieces(self):
        async for piece in body_pieces(self._reader, self.head, is_request=False):
            yield piece
        self._whole = True

    def release(self) -> None:
        if self._whole and not self.head.closes:
            self._backend.keep(self._reader, self._writer)
        else:
            self._writer.close()

    async def body(self) -> bytes:
        return await joined(self.pieces())


def reset(transport: asyncio.Transport) -> None:
    """Ends a connection as a crash does: what is on its way is lost, and the other side gets RST."""
    sock = transport.get_extra_info("socket")
    if sock is not None and sock.fileno() >= 0:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
