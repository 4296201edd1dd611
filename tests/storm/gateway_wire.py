"""HTTP/1.1 as it stands on the wire: heads, and bodies in pieces as they come."""

import asyncio
from typing import AsyncIterator

LARGEST_HEAD = 64 << 10
PIECE = 64 << 10


class Head:
    """A request's or an answer's head; `raw` is all of it, with the empty line."""

    __slots__ = ("raw", "start", "fields")

    def __init__(self, raw: bytes):
        self.raw = raw
        self.start, *lines = raw[:-4].split(b"\r\n")
        self.fields = {name.strip().lower(): value.strip()
                       for name, _, value in (line.partition(b":") for line in lines)}

    @property
    def status(self) -> int:
        return int(self.start.split(b" ", 2)[1])

    @property
    def chunked(self) -> bool:
        return self.fields.get(b"transfer-encoding", b"").lower() == b"chunked"

    @property
    def length(self) -> int | None:
        value = self.fields.get(b"content-length")
        return None if value is None else int(value)

    @property
    def closes(self) -> bool:
        return self.fields.get(b"connection", b"").lower() == b"close" or b"HTTP/1.0" in self.start

    def without(self, *names: bytes) -> bytes:
        """The raw head without these fields (in lower case), and without the empty line."""
        kept = [line for line in self.raw[:-4].split(b"\r\n")
                if line.partition(b":")[0].strip().lower() not in names]
        return b"\r\n".join(kept) + b"\r\n"

    def framed(self, *fields: bytes) -> bytes:
        """The same head for a body that is delimited in another way, as `fields` say."""
        frame = self.without(b"content-length", b"transfer-encoding", b"connection")
        return frame + b"".join(field + b"\r\n" for field in fields) + b"\r\n"


async def read_head(reader: asyncio.StreamReader) -> Head | None:
    """None: the other side has ended the connection instead."""
    try:
        return Head(await reader.readuntil(b"\r\n\r\n"))
    except asyncio.IncompleteReadError as end:
        if end.partial:
            raise
        return None


async def body_pieces(reader: asyncio.StreamReader, head: Head, is_request: bool) -> AsyncIterator[bytes]:
    """The body without its framing. Error IncompleteReadError: it ends too early."""
    if head.chunked:
        while size := int((await reader.readuntil(b"\r\n")).partition(b";")[0], 16):
            yield (await reader.readexactly(size + 2))[:-2]
        while await reader.readuntil(b"\r\n") != b"\r\n":
            pass
        return
    left = head.length
    if left is None:
        if is_request:
            return
        while piece := await reader.read(PIECE):
            yield piece
        return
    while left:
        piece = await reader.read(min(left, PIECE))
        if not piece:
            raise asyncio.IncompleteReadError(b"", left)
        left -= len(piece)
        yield piece


async def joined(pieces: AsyncIterator[bytes]) -> bytes:
    return b"".join([piece async for piece in pieces])


def chunk(piece: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(piece), piece)


LAST_CHUNK = b"0\r\n\r\n"


def packet_starts(body: bytes) -> list[int]:
    """Where git's packet lines begin, for as long as the body consists of them."""
    starts, at = [], 0
    while at + 4 <= len(body):
        try:
            length = int(body[at:at + 4], 16)
        except ValueError:
            break
        starts.append(at)
        at += max(length, 4)
    return starts
