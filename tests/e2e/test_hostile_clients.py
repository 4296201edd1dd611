"""What clients without a secret, or with the worst intentions, can do to the real server: nothing.

The requests are signed with the right secret wherever the attack is about who reads them how: a reader
that is fooled would answer 202 or run the request that stands behind.
"""

import gzip
import json
import zlib
from contextlib import ExitStack

import pytest

from daemon import BINARY, SECRET
from forge import github_headers, github_push
from memory import is_sanitized, memory_of
from raw_client import RawClient, ask, head
from upstream import Upstream

GITHUB = "/api/v1/webhooks/github"
BODY_MEMORY = 16  # MiB
MAX_BODY = 2**20
SMUGGLED = head("GET", "/healthz")
MANY_SOURCES = [f"127.0.0.{number}" for number in range(2, 10)]


@pytest.fixture
def target(follow):
    """A daemon that follows "site" and whose memory has stayed bounded when the test is over."""
    site = follow(daemon={"server": {"body_memory": f"{BODY_MEMORY}MiB", "max_body": str(MAX_BODY),
                                     "rate_limit": "1000000/min"}})
    before = memory_of(site.daemon.process.pid, "VmHWM")
    yield site
    if not is_sanitized(BINARY):
        grown = memory_of(site.daemon.process.pid, "VmHWM") - before
        assert grown < BODY_MEMORY + 32, f"the daemon's memory grew by {grown:.0f} MiB"


def push(site, size: int = 0) -> bytes:
    body = github_push(site.url, site.upstream.tip())
    return body + b" " * (size - len(body))


def fields_for(body: bytes, *more: str) -> list[str]:
    return [f"{name}: {value}" for name, value in github_headers(body, SECRET).items()] + list(more)


def chunked(body: bytes) -> bytes:
    return b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)


def assert_alive(site) -> None:
    """A delivery is accepted, the admin side answers, and nothing but `site` is followed."""
    assert site.daemon.push(site.url, site.upstream.tip()).status == 202
    assert site.daemon.status()["name"] == "site"


def assert_refused(site, request: bytes, status: int = 400) -> None:
    """One answer, and what stands behind is never run."""
    answers = ask(site.daemon.public_port, request + SMUGGLED)
    assert [answer.status for answer in answers] == [status], request[:300]
    assert answers[0].field("Connection") == "close"


# Requests that two readers could see differently

DOUBTFUL = [
    ["Content-Length: {length}", "Transfer-Encoding: chunked"],
    ["Transfer-Encoding: chunked", "Content-Length: {length}"],
    ["Content-Length: {length}", "Content-Length: {length}"],
    ["Content-Length: {length}", "content-length: 0"],
    ["Content-Length: {length}, {length}"],
    ["Content-Length: +{length}"], ["Content-Length: -{length}"], ["Content-Length: 0x10"],
    ["Content-Length: {length} 0"], ["Content-Length: {length}.0"], ["Content-Length:"],
    ["Content-Length: 18446744073709551616x"],
    ["Content-Length : {length}"], [" Content-Length: {length}"], ["Content-Length\t: {length}"],
    ["X: y\r\n Content-Length: {length}"], ["X: y\r\n\tz", "Content-Length: {length}"],
    ["X: y\nContent-Length: {length}"], ["X: y\rContent-Length: {length}"],
    ["X: \0", "Content-Length: {length}"], ["X\0: y", "Content-Length: {length}"],
    ["Content-Length: {length}\0"], ["Content-Length: {length}", "no colon"],
    ["Transfer-Encoding: Chunked, chunked"], ["Transfer-Encoding: chunked, identity"],
    ["Transfer-Encoding: gzip, chunked"], ["Transfer-Encoding: identity"],
    ["Transfer-Encoding: xchunked"], ["Transfer-Encoding: chunked;q=1"], ['Transfer-Encoding: "chunked"'],
    ["Transfer-Encoding:\x0bchunked"], ["Transfer-Encoding: chunked\x85"],
    ["Transfer-Encoding: chunked", "Transfer-Encoding: identity"], ["Transfer-Encoding:"],
    ["Transfer-Encoding : chunked"], ["X: y\n\nTransfer-Encoding: chunked"],
]


def test_a_request_whose_end_is_in_doubt_is_refused_and_ends_the_connection(target):
    body = push(target)
    for framing in DOUBTFUL:
        fields = [field.format(length=len(body)) for field in framing]
        payload = chunked(body) if "chunked" in "".join(framing).lower() else body
        assert_refused(target, head("POST", GITHUB, *fields_for(body, *fields)) + payload)


def test_malformed_chunks_are_refused_and_end_the_connection(target):
    body = push(target)
    size = b"%x" % len(body)
    request = head("POST", GITHUB, *fields_for(body, "Transfer-Encoding: chunked"))
    end = b"0\r\n\r\n"
    for chunks in [
        size + b"\n" + body + b"\r\n" + end, size + b"\r\n" + body + b"\n" + end,
        size + b"\r\n" + body + end, size + b"\r\n" + body + b"X\r\n" + end,
        b"0x" + size + b"\r\n" + body + b"\r\n" + end, b"+" + size + b"\r\n" + body + b"\r\n" + end,
        b" " + size + b"\r\n" + body + b"\r\n" + end, size + b" \r\n" + body + b"\r\n" + end,
        b"-1\r\n" + end, b"\r\n" + end, b"g\r\n" + end, b"1\0\r\n" + end,
        b"ffffffffffffffff1\r\n" + body, b"1" + b"0" * 16 + size + b"\r\n" + body + b"\r\n" + end,
        b"0" * 30 + size + b"\r\n" + body + b"\r\n" + end,
        size + b";a=\"\n\"\r\n" + body + b"\r\n" + end, size + b";\r\r\n" + body + b"\r\n" + end,
        size + b"\r\n" + body + b"\r\n0\r\nX: \0\r\n\r\n", size + b"\r\n" + body + b"\r\n0\r\n\rX\r\n",
        size + b";" + b"x" * 40_000 + b"\r\n" + body + b"\r\n" + end,
        size + b"\r\n" + body + b"\r\n0\r\nX: " + b"y" * 40_000 + b"\r\n\r\n",
    ]:
        assert_refused(target, request + chunks)
    assert_alive(target)


def test_chunks_with_extensions_and_trailers_are_one_body_and_change_nothing_of_it(target):
    body = push(target)
    middle = len(body) // 2
    data = (b"%x;name=value\r\n%s\r\n%X\r\n%s\r\n000\r\nContent-Length: 5\r\nX-GitHub-Event: ping\r\n\r\n"
            % (middle, body[:middle], len(body) - middle, body[middle:]))
    request = head("POST", GITHUB, *fields_for(body, "Transfer-Encoding: chunked"))
    answers = ask(target.daemon.public_port, request + data + SMUGGLED)
    assert [answer.status for answer in answers] == [202, 200]
    assert json.loads(answers[0].body)["status"] == "accepted"


def test_what_follows_an_early_answer_is_never_run_as_a_request(target):
    """The announced body is requests to smuggle, and more that never comes."""
    with ExitStack() as stack:
        waiting = []
        for method, route, fields, status in [
            ("POST", "/no/such/route", [], 404), ("PUT", GITHUB, [], 405), ("GET", "/nothing", [], 404),
            ("POST", GITHUB, ["Content-Type: text/plain"], 415),
            ("POST", GITHUB, ["Content-Encoding: gzip"], 415),
        ]:
            for framing in ("Content-Length: 900000", "Transfer-Encoding: chunked"):
                client = stack.enter_context(RawClient(target.daemon.public_port))
                chunk = b"dbba0\r\n" if "chunked" in framing else b""
                client.send(head(method, route, *fields, framing) + chunk + SMUGGLED * 50)
                if chunk and status == 415:  # comes after 413, so the end of the chunks is waited for
                    client.end()
                    status = None
                waiting.append((client, status))
        for client, status in waiting:
            assert [answer.status for answer in client.answers()] == ([status] if status else [])
    assert_alive(target)


def test_a_body_over_the_limit_is_answered_without_being_swallowed(target):
    body = push(target)
    for start in (head("POST", GITHUB, *fields_for(body, "Content-Length: 10000000000")),
                  head("POST", GITHUB, *fields_for(body, "Transfer-Encoding: chunked"))):
        chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
        with RawClient(target.daemon.public_port) as client:
            assert client.send(start)
            sent = client.send_without_end(chunk, at_most=200 * 2**20)
            # What was sent beyond the limit stands in the buffers of two sockets, or was thrown away.
            assert sent < 64 * 2**20
    for start in (head("POST", GITHUB, *fields_for(body, f"Content-Length: {MAX_BODY + 1}")),
                  head("POST", GITHUB, *fields_for(body, "Transfer-Encoding: chunked"))
                  + b"%x\r\n" % (MAX_BODY + 1)):
        with RawClient(target.daemon.public_port) as client:
            client.send(start)
            assert client.answer().status == 413
            assert client.ended()
    assert_alive(target)


def test_a_compressed_body_is_refused_however_small_and_well_signed(target):
    zeros = b"0" * 50_000_000
    bombs = {"deflate": zlib.compress(zeros)}
    zipped = gzip.compress(zeros)
    for encoding in ["gzip", "deflate", "br", "zstd", "x-gzip", "identity, gzip", "GZIP"]:
        bomb = bombs.get(encoding, zipped)
        fields = fields_for(bomb, f"Content-Encoding: {encoding}", f"Content-Length: {len(bomb)}")
        answers = ask(target.daemon.public_port, head("POST", GITHUB, *fields) + bomb)
        assert [answer.status for answer in answers] == [415], encoding


# Heads without end, other protocols, strange targets

@pytest.mark.parametrize("start, piece, statuses", [
    (b"GET /", b"a" * 65536, {414}),
    (b"A" * 100, b"A" * 65536, {414}),
    (b"GET / HTTP/1.1\r\nHost: x\r\nX: ", b"a" * 65536, {431}),
    (b"GET / HTTP/1.1\r\nHost: x\r\n", b"X-A: b\r\n" * 8192, {431}),
    (b"GET / HTTP/1.1\r\nHost: x\r\n", b"X" * 65536, {431}),
], ids=["target", "method", "value", "fields", "name"])
def test_a_head_without_end_is_refused(target, start, piece, statuses):
    with RawClient(target.daemon.public_port) as client:
        client.send(start + piece)
        assert client.answer().status in statuses
    with RawClient(target.daemon.public_port) as client:
        client.send(start)
        assert client.send_without_end(piece, at_most=200 * 2**20) < 64 * 2**20
    assert_alive(target)


NO_REQUESTS = [
    (b"GET /healthz\r\n\r\n", 400),
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", 505),
    (b"GET /healthz HTTP/3.0\r\nHost: x\r\n\r\n", 505),
    (b"GET /healthz HTTP/1.1.1\r\nHost: x\r\n\r\n", 400), (b"GET /healthz http/1.1\r\nHost: x\r\n\r\n", 400),
    (b"GET /healthz HTTP/1.1\nHost: x\n\n", 400), (b"\x16\x03\x01\x02\0\1\0\1\xfc\3\3", 400),
    (b"\0" * 64, 400), (b"SSH-2.0-x\r\n\r\n", 400), (b"GET  /healthz HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    (b"GET\t/healthz\tHTTP/1.1\r\nHost: x\r\n\r\n", 400), (b"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    (b"GET /healthz HTTP/1.1\r\n\r\n", 400), (b"GET /healthz HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
    (b"GET /healthz HTTP/1.1\r\nHost: a/b\r\n\r\n", 400), (b"GET /healthz HTTP/1.1\r\nHost: u@a\r\n\r\n", 400),
    (b"GET http://other/healthz HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    (b"GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n", 400), (b"GET /% HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    (b"GET healthz HTTP/1.1\r\nHost: x\r\n\r\n", 400), (b"CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
]


def test_what_is_no_request_is_refused_and_ends_the_connection(target):
    for data, status in NO_REQUESTS:
        assert_refused(target, data, status)


def test_an_upgrade_is_not_made(target):
    fields = ["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__"]
    [answer] = ask(target.daemon.public_port, head("GET", "/healthz", *fields))
    assert (answer.status, answer.field("Upgrade")) == (200, None)


def test_names_are_decoded_once_and_never_normalised(make_daemon, tmp_path):
    upstream = Upstream(tmp_path / "upstream.git")
    upstream.commit({"README": "first\n"})
    daemon = make_daemon({"name": "group/site", "url": str(upstream.path), "mirror": True})
    body = github_push(str(upstream.path), upstream.tip())

    def answer(name: str):
        data = head("POST", f"{GITHUB}/{name}", *fields_for(body, f"Content-Length: {len(body)}")) + body
        [found] = ask(daemon.public_port, data)
        return found

    assert {answer(name).status for name in ["group/site", "group%2Fsite", "%67roup%2fsite"]} == {202}
    strangers = ["group%252Fsite", "group/site%00", "group%2Fsite%00x", "%00", "group/../group/site", "..",
                 "%2e%2e/github/group/site", "./group/site", "group/./site", "group/site%20", "group/site+",
                 "Group/Site", "group\\site", "group%5Csite", "%ff%fe", "group/site;a", "group%0d%0asite",
                 "a" * 20_000, "/".join("a" * 9_000)]
    refused = [answer(name) for name in strangers]
    assert [found.status for found in refused] == [401] * len(strangers)
    assert len({found.body for found in refused}) == 1
    unknown = daemon.public("POST", "/api/v1/no/such/route", b"{}")
    for name in ["", "group//site", "/group/site", "group/site/", "%2Fgroup/site", "group%2F%2Fsite"]:
        found = answer(name)
        assert (found.status, found.body) == (404, unknown.body), name


# Clients that are slow, half gone or ask for permission

def test_slow_and_stalled_clients_hold_nobody_up_and_are_let_go(target):
    body = push(target, 70_000)
    whole = head("POST", GITHUB, *fields_for(body, f"Content-Length: {len(body)}"))
    starts = [b"", b"P", b"POST " + GITHUB.encode() + b" HTTP/1.1\r\nHost: x\r\nX-", whole, whole + body[:-1],
              head("POST", GITHUB, *fields_for(body, "Transfer-Encoding: chunked")) + b"ff"]
    with ExitStack() as stack:
        slow = [stack.enter_context(RawClient(target.daemon.public_port, source))
                for source in MANY_SOURCES for _ in range(60)]
        for number, client in enumerate(slow):
            client.send(starts[number % len(starts)])
        for _ in range(20):
            assert_alive(target)
        heads = [client for number, client in enumerate(slow) if number % len(starts) in (1, 2)]
        assert {client.answer().status for client in heads} == {408}
        assert all(client.ended() for client in heads)


def test_a_client_that_goes_away_in_the_middle_leaves_nothing_behind(target):
    body = push(target, 200_000)
    whole = head("POST", GITHUB, *fields_for(body, f"Content-Length: {len(body)}")) + body
    for cut in (1, 40, 150, 400, 1000, 100_000, len(whole) - 1):
        assert ask(target.daemon.public_port, whole[:cut]) == []
    [answer] = ask(target.daemon.public_port, whole)
    assert answer.status == 202
    assert_alive(target)


def test_a_body_is_invited_only_when_it_is_wanted(target):
    body = push(target)
    length = f"Content-Length: {len(body)}"
    with RawClient(target.daemon.public_port) as client:
        client.send(head("POST", GITHUB, *fields_for(body, length, "Expect: 100-continue")))
        assert client.answer().status == 100
        client.send(body)
        assert client.answer().status == 202
    for method, route, fields, status in [
        ("POST", "/no/such", [length], 404), ("PUT", GITHUB, [length], 405),
        ("POST", GITHUB, [f"Content-Length: {MAX_BODY + 1}"], 413),
        ("POST", GITHUB, ["Content-Type: text/plain", length], 415),
    ]:
        with RawClient(target.daemon.public_port) as client:
            client.send(head(method, route, *fields, "Expect: 100-continue"))
            assert client.answer().status == status, route
    with RawClient(target.daemon.public_port) as client:
        client.send(head("POST", GITHUB, *fields_for(body, length, "Expect: 200-ok")))
        assert client.answer().status == 417


def test_pipelined_requests_are_answered_in_their_order(target):
    body = push(target)
    delivery = head("POST", GITHUB, *fields_for(body, f"Content-Length: {len(body)}")) + body
    chunks = head("POST", GITHUB, *fields_for(body, "Transfer-Encoding: chunked")) + chunked(body)
    wrong = head("POST", GITHUB, "Content-Type: application/json", "Content-Length: 2") + b"{}"
    data = delivery + SMUGGLED + wrong + chunks + head("GET", "/no/such") + delivery
    answers = ask(target.daemon.public_port, data)
    assert [answer.status for answer in answers] == [202, 200, 401, 202, 404, 202]


# The two sides do not starve each other

def flood(stack: ExitStack, port: int) -> None:
    """Connections that stall in every way, and some garbage."""
    start = head("POST", GITHUB, "Content-Type: application/json", "Content-Length: 60000")
    for number in range(480):
        client = stack.enter_context(RawClient(port, MANY_SOURCES[number % len(MANY_SOURCES)]))
        client.send([b"", b"GET /", start, start + b"x" * 50_000, SMUGGLED * 20][number % 5])
    for source in MANY_SOURCES:
        for garbage in (b"\0" * 1000, b"GET / HTTP/9\r\n\r\n", b"x" * 70_000):
            with RawClient(port, source) as client:
                client.send(garbage)


def test_a_flooded_public_side_leaves_the_admin_side_and_signed_deliveries_alone(target):
    with ExitStack() as stack:
        flood(stack, target.daemon.public_port)
        commit = target.push({"README": "second\n"})
        target.wait_for(commit)
        assert target.daemon.refresh().status == 200
        assert target.daemon.admin("GET", "/metrics").status == 200


def test_a_flooded_admin_side_leaves_deliveries_alone(target):
    with ExitStack() as stack:
        flood(stack, target.daemon.admin_port)
        commit = target.push({"README": "second\n"})
        target.wait_for(commit)
        assert target.daemon.public("GET", "/healthz").status == 200
        assert target.daemon.status()["name"] == "site"
