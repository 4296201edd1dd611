"""Answers of `git upload-pack` taken apart, and put together again with a pack that is wrong.

Packs here are bytes as they travel: header, objects, SHA-1 of all before it.
"""

import hashlib
import struct
import subprocess
import zlib
from pathlib import Path

from upstream import ISOLATED, git

TRAILER = 20
FLUSH, DELIMITER = b"0000", b"0001"
BLOB, OFFSET_DELTA = 3, 6


# Packet lines

def packet(payload: bytes) -> bytes:
    return b"%04x" % (len(payload) + 4) + payload


def packets(stream: bytes):
    """(offset behind it, payload) of each; None for the payload of a flush or a delimiter."""
    position = 0
    while position + 4 <= len(stream):
        length = int(stream[position:position + 4], 16)
        end = position + max(length, 4)
        yield end, (stream[position + 4:end] if length >= 4 else None)
        position = end


def wants_and_haves(request: bytes) -> tuple[list[str], list[str]]:
    lines = [payload.decode().split() for _, payload in packets(request) if payload]
    return tuple([words[1] for words in lines if words[0] == kind] for kind in ("want", "have"))


def split_answer(answer: bytes) -> tuple[bytes, bytes] | None:
    """An answer to `fetch` as what stands before the pack, and the pack; None: it brings none."""
    head, pack = None, b""
    for end, payload in packets(answer):
        if head is not None and payload and payload[0] == 1:
            pack += payload[1:]
        elif payload == b"packfile\n":
            head = answer[:end]
    return (head, pack) if head is not None else None


def join_answer(head: bytes, pack: bytes, ended: bool = True) -> bytes:
    pieces = (pack[begin:begin + 65_000] for begin in range(0, len(pack), 65_000))
    return head + b"".join(packet(b"\x01" + piece) for piece in pieces) + (FLUSH if ended else b"")


# Packs

def with_checksum(content: bytes) -> bytes:
    return content + hashlib.sha1(content).digest()


def flip_byte(pack: bytes, repair: bool) -> bytes:
    """One byte in the middle is another; with `repair` the pack's checksum is right all the same."""
    middle = len(pack) // 2
    wrong = pack[:middle] + bytes([pack[middle] ^ 0x55]) + pack[middle + 1:]
    return with_checksum(wrong[:-TRAILER]) if repair else wrong


def pack_without(repository: Path, wants: list[str], haves: list[str], left_out: str) -> bytes:
    """What was asked for but for one object, in a pack that is right by itself."""
    known = [have for have in haves if git(repository, "cat-file", "-t", have, check=False)]
    listing = git(repository, "rev-list", "--objects", "--no-object-names", *wants, "--not", *known)
    kept = [line for line in listing.splitlines() if line != left_out]
    assert len(kept) == len(listing.splitlines()) - 1, f"{left_out} is none of what was asked for"
    return pack_of(repository, kept)


def pack_of(repository: Path, objects: list[str]) -> bytes:
    return subprocess.run(["git", "-C", str(repository), "pack-objects", "--stdout", "-q"],
                          input="".join(f"{one}\n" for one in objects).encode(), env=ISOLATED,
                          capture_output=True, check=True).stdout


def with_delta_bomb(pack: bytes, size: int) -> bytes:
    """The same objects and three more: a small one, and two deltas of which the second makes at
    least `size` bytes out of less than a kilobyte."""
    version, count = struct.unpack(">LL", pack[4:12])
    content = b"PACK" + struct.pack(">LL", version, count + 3) + pack[12:-TRAILER]
    small = 1 << 16
    places = [len(content)]
    content += _object_head(BLOB, small) + zlib.compress(bytes(small), 9)
    large = small * 255  # at most what one copy instruction can name
    for base, copies in ((small, 255), (large, -(-size // large))):
        delta = _varint(base) + _varint(base * copies) + _copy(base) * copies
        places.append(len(content))
        content += _object_head(OFFSET_DELTA, len(delta)) + _distance(places[-1] - places[-2])
        content += zlib.compress(delta, 9)
    return with_checksum(content)


def _copy(length: int) -> bytes:
    """The delta instruction that takes the first `length` bytes of the base."""
    return b"\xf0" + length.to_bytes(3, "little")


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(encoded + bytes([value]))


def _object_head(kind: int, size: int) -> bytes:
    first, rest = kind << 4 | size & 0x0F, size >> 4
    return bytes([first | 0x80]) + _varint(rest) if rest else bytes([first])


def _distance(value: int) -> bytes:
    encoded = [value & 0x7F]
    while value := value >> 7:
        value -= 1
        encoded.append(value & 0x7F | 0x80)
    return bytes(reversed(encoded))
