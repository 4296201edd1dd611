"""What each fault of faults.py does to a request. True: it did something to this one."""

import ssl

from faults import Fault
from gateway_exchange import Exchange
from gateway_wire import chunk, packet_starts

HTML = b"<!doctype html><title>Maintenance</title><p>We will be back <b>soon</b>.\n"
LARGE = 8 << 20
PACK_BAND = 1


async def harm(exchange: Exchange, fault: Fault) -> bool:
    return await _HARM[fault.kind](exchange, fault)


async def _delay(exchange: Exchange, fault: Fault) -> bool:
    answer = await exchange.answer() if fault.how == "answer" else None
    await exchange.until_healed(fault.seconds)
    await exchange.pass_on(answer)
    return True


async def _stall(exchange: Exchange, fault: Fault) -> bool:
    """Goes on when it is healed, with what the answer was before."""
    answer = await exchange.answer()
    if fault.how == "head":
        await exchange.until_healed()
        await exchange.pass_on(answer)
        return True
    body = await answer.body()
    at = int(len(body) * fault.part)
    await exchange.send(answer.head.framed(b"Content-Length: %d" % len(body)) + body[:at])
    await exchange.until_healed()
    await exchange.send(body[at:])
    return True


async def _reset(exchange: Exchange, fault: Fault) -> bool:
    if fault.how != "request":
        answer = await exchange.answer()
        body = await answer.body()
        head = answer.head.framed(b"Content-Length: %d" % len(body))
        cut = head[:len(head) // 2] if fault.how == "head" else head + body[:int(len(body) * fault.part)]
        await exchange.send(cut)
    exchange.reset()
    return True


async def _truncate(exchange: Exchange, fault: Fault) -> bool:
    answer = await exchange.answer()
    body = await answer.body()
    if not body:
        await exchange.send(answer.head.framed(b"Content-Length: 0"))
        return False
    kept = body[:min(int(len(body) * fault.part), len(body) - 1)]
    pieces = chunk(kept) if kept else b""
    frame, sent = {
        "close": ((b"Connection: close",), kept),
        "length": ((b"Content-Length: %d" % len(body),), kept),
        "chunks": ((b"Transfer-Encoding: chunked",), pieces),
        "chunks_ended": ((b"Transfer-Encoding: chunked",), pieces + b"0\r\n\r\n"),
    }[fault.how]
    await exchange.send(answer.head.framed(*frame) + sent)
    exchange.over()
    return True


async def _corrupt(exchange: Exchange, fault: Fault) -> bool:
    answer = await exchange.answer()
    body = bytearray(await answer.body())
    at = _place(body, fault)
    if at is not None:
        body[at] ^= 1 << exchange.rng.randrange(8)
    await exchange.send(answer.head.framed(b"Content-Length: %d" % len(body)) + body)
    return at is not None


def _place(body: bytes, fault: Fault) -> int | None:
    """Which byte a bit of is flipped; None: the body has no such place."""
    if fault.how == "body":
        places = range(len(body))
    elif fault.how == "packet_length":
        places = [start + digit for start in packet_starts(body) for digit in range(4)]
    else:
        ranges = [range(start + 5, start + int(body[start:start + 4], 16))
                  for start in packet_starts(body) if body[start + 4:start + 5] == bytes([PACK_BAND])]
        places = max(ranges, key=len, default=range(0))
    return places[min(int(len(places) * fault.part), len(places) - 1)] if places else None


async def _status(exchange: Exchange, fault: Fault) -> bool:
    fields = [f"Retry-After: {fault.retry_after}".encode()] if fault.retry_after else []
    if fault.status == 401:
        fields.append(b'WWW-Authenticate: Basic realm="storm"')
    await exchange.send_whole(b"%d Harm" % fault.status, HTML, b"Content-Type: text/html", *fields)
    return True


async def _page(exchange: Exchange, fault: Fault) -> bool:
    """200, and yet no answer."""
    if fault.how == "garbage":
        await exchange.send(exchange.rng.randbytes(2000))
        exchange.over()
        return True
    answer = await exchange.answer()
    await answer.body()
    kind = answer.head.fields.get(b"content-type", b"") if fault.how != "html" else b"text/html"
    await exchange.send_whole(b"200 OK", b"" if fault.how == "empty" else HTML, b"Content-Type: " + kind)
    return True


async def _slow(exchange: Exchange, fault: Fault) -> bool:
    """A byte now and then, from the first of the head on; what is left when it is healed at once."""
    answer = await exchange.answer()
    body = await answer.body()
    data = answer.head.framed(b"Content-Length: %d" % len(body)) + body
    for at in range(len(data)):
        await exchange.send(data[at:at + 1])
        if await exchange.until_healed(fault.seconds):
            await exchange.send(data[at + 1:])
            break
    return True


async def _redirect(exchange: Exchange, fault: Fault) -> bool:
    path = exchange.head.start.split(b" ", 2)[1]
    to = {"loop": path, "file": b"file:///etc/passwd",
          "nowhere": b"http://127.0.0.1:1" + path}[fault.how]
    await exchange.send_whole(b"302 Found", b"", b"Location: " + to)
    return True


async def _head(exchange: Exchange, fault: Fault) -> bool:
    await exchange.send(b"HTTP/1.1 200 OK\r\n")
    line = b"x" * 1000
    if fault.how == "one_line":
        await exchange.send(b"X-Large: " + line * (LARGE // len(line)))
    else:
        for _ in range(LARGE // 64000):
            await exchange.send(b"".join(b"X-Large-%d: %b\r\n" % (n, line) for n in range(64)))
    await exchange.send(b"\r\n\r\n")
    exchange.over()
    return True


async def _version0(exchange: Exchange, _: Fault) -> bool:
    """As by way of a proxy that drops what it does not know."""
    await exchange.pass_on(await exchange.answer(exchange.head.without(b"git-protocol") + b"\r\n"))
    return True


_HARM = {"delay": _delay, "stall": _stall, "reset": _reset, "truncate": _truncate, "corrupt": _corrupt,
         "status": _status, "page": _page, "slow": _slow, "redirect": _redirect, "head": _head,
         "version0": _version0}


def half_a_handshake(context: ssl.SSLContext, hello: bytes) -> bytes:
    """The first half of what a server says to that ClientHello."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = context.wrap_bio(to_server, to_client, server_side=True)
    to_server.write(hello)
    try:
        server.do_handshake()
    except ssl.SSLError:
        pass  # it wants the client's next flight, which it never gets, or the hello was none
    flight = to_client.read()
    return flight[:len(flight) // 2]
