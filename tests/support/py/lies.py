"""What a LyingServer can be told to answer instead of the truth. `kinds` of lie() say when."""

from typing import Callable

from forged_packs import (flip_byte, join_answer, pack_without, split_answer, wants_and_haves,
                          with_delta_bomb)
from lying_exchange import Connection, Exchange, Reply


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


def with_headers(headers: dict[str, str]):
    """The truth, with these headers beside."""
    def add(exchange: Exchange) -> None:
        honest = exchange.honest
        exchange.send(Reply(honest.status, honest.body, honest.headers | headers))
    return add


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
