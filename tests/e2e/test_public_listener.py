"""The public listener on an open network: HTTPS, proxies, who is let in and how often, and reloads of that."""

import http.client
import socket
import ssl
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from certificates import make_authority
from daemon import BINARY, SECRET, request
from forge import github_headers, github_push
from processes import free_port
from reverse_proxy import ReverseProxy
from waiting import wait_for

ROUTE = "/api/v1/webhooks/github"
PING = b'{"zen":"Keep it fresh"}'


def ping_headers(**more) -> dict:
    return github_headers(PING, SECRET, "ping") | more


def wrong(port: int, **headers) -> int:
    """The status of a delivery with a wrong signature."""
    signed = github_headers(PING, "somebody else's secret", "ping")
    return request(port, "POST", ROUTE, PING, signed | headers).status


def right(port: int, **headers) -> int:
    return request(port, "POST", ROUTE, PING, ping_headers(**headers)).status


def forwarded(*addresses: str) -> dict:
    return {"X-Forwarded-For": ", ".join(addresses)}


# HTTPS

class SecureSite:
    """A daemon that speaks HTTPS, with what a client needs to believe it."""

    def __init__(self, directory, make_daemon):
        self.authority = make_authority(directory / "first")
        self.daemon = make_daemon(start=False, server={
            "tls_cert": str(self.authority.chain), "tls_key": str(self.authority.key)})
        self.daemon.tls = self.trusting(self.authority)
        self.daemon.start()

    @staticmethod
    def trusting(authority) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(authority.ca_file))

    def is_trusted_by(self, context: ssl.SSLContext) -> bool:
        try:
            return request(self.daemon.public_port, "GET", "/healthz", tls=context).status == 200
        except ssl.SSLCertVerificationError:
            return False


@pytest.fixture
def secure_site(tmp_path, make_daemon):
    return SecureSite(tmp_path / "certificates", make_daemon)


def test_deliveries_come_over_https(secure_site):
    daemon = secure_site.daemon
    assert daemon.deliver(PING, ping_headers()).json == {"status": "pong"}
    # On a kept-alive connection, with a body of many records.
    client = http.client.HTTPSConnection("127.0.0.1", daemon.public_port, context=daemon.tls, timeout=30)
    for size in (10, 100_000, 3_000_000):
        body = b'{"zen":"' + b"x" * size + b'"}'
        client.request("POST", ROUTE, body, github_headers(body, SECRET, "ping"))
        answer = client.getresponse()
        assert (answer.status, answer.read()) == (200, b'{"status":"pong"}')
    client.close()


def test_plain_http_at_the_https_port_is_refused_without_a_line_in_the_log(secure_site):
    before = secure_site.daemon.log_text()
    assert request(secure_site.daemon.public_port, "GET", "/healthz").status == 400
    assert secure_site.daemon.public("GET", "/healthz").status == 200
    assert secure_site.daemon.log_text() == before


def test_a_renewed_certificate_is_shown_without_a_reload(secure_site, tmp_path):
    renewed = make_authority(tmp_path / "certificates/second")
    trusting_renewed = SecureSite.trusting(renewed)
    assert not secure_site.is_trusted_by(trusting_renewed)
    # Each file as a whole: half of one is one more thing to be wrong.
    renewed.chain.replace(secure_site.authority.chain)
    wait_for(lambda: secure_site.daemon.public("GET", "/healthz")
             and "certificate not reloaded" in secure_site.daemon.log_text(), "half of a pair is noticed")
    assert secure_site.is_trusted_by(secure_site.daemon.tls)
    renewed.key.replace(secure_site.authority.key)
    wait_for(lambda: secure_site.is_trusted_by(trusting_renewed), "the new certificate is shown")
    assert secure_site.daemon.log_text().count("certificate not reloaded") == 1


@pytest.mark.parametrize("broken, named", [("chain", "tls_cert"), ("key", "tls_key")])
def test_a_certificate_that_cannot_be_used_is_said_at_the_start_and_by_check(
        make_daemon, tmp_path, broken, named):
    authority = make_authority(tmp_path / "certificates")
    daemon = make_daemon(start=False, server={"tls_cert": str(authority.chain), "tls_key": str(authority.key)})
    getattr(authority, broken).unlink()
    for command in ("serve", "check"):
        run = subprocess.run([BINARY, command, "--config", daemon.config], capture_output=True, text=True,
                             timeout=60)
        said = run.stdout + run.stderr
        assert run.returncode == 2 and named in said and str(getattr(authority, broken)) in said, said


# Who is let in

def test_only_those_on_the_allow_list_are_served(make_daemon):
    daemon = make_daemon()
    daemon.settings["server"]["allow"] = ["192.0.2.0/24", "2001:db8::/32"]
    daemon.reload()
    for method, path in (("GET", "/healthz"), ("POST", ROUTE), ("GET", "/nowhere")):
        answer = daemon.public(method, path)
        assert (answer.status, answer.json["error"]["code"]) == (403, "forbidden")
    assert right(daemon.public_port) == 403
    daemon.settings["server"]["allow"].append("127.0.0.0/8")
    daemon.reload()
    assert right(daemon.public_port) == 200


def test_behind_a_trusted_proxy_the_client_counts(make_daemon):
    daemon = make_daemon()
    with ReverseProxy(f"http://127.0.0.1:{daemon.public_port}") as proxy:
        daemon.settings["server"] |= {"allow": ["192.0.2.0/24"], "trusted_proxies": ["127.0.0.1"]}
        daemon.reload()
        # nginx adds 127.0.0.1, which is trusted, to what it was told.
        assert right(proxy.port, **forwarded("192.0.2.7")) == 200
        assert right(proxy.port, **forwarded("192.0.2.7", "198.51.100.1")) == 403
        assert right(proxy.port) == 403
        daemon.settings["server"]["trusted_proxies"] = []
        daemon.reload()
        assert right(proxy.port, **forwarded("192.0.2.7")) == 403
        assert right(daemon.public_port, **forwarded("192.0.2.7")) == 403


def test_a_unix_socket_behind_a_proxy_knows_its_clients(make_daemon, tmp_path_factory):
    socket_path = tmp_path_factory.mktemp("s") / "public.sock"
    daemon = make_daemon(start=False)
    daemon.settings["server"] |= {"listen": f"unix:{socket_path}", "rate_limit": "3/h"}
    daemon.write_config()
    with ReverseProxy(f"http://unix:{socket_path}:") as proxy:
        daemon.public_port = proxy.port
        daemon.start()  # it asks for /healthz, and so spends a token of 127.0.0.1
        assert [wrong(proxy.port) for _ in range(4)][-1] == 429
        assert right(proxy.port) == 429


# How often

def test_too_many_requests_get_429_with_the_time_to_wait_whatever_the_path(make_daemon):
    daemon = make_daemon(server={"rate_limit": "20/h"})
    statuses = [wrong(daemon.public_port) for _ in range(30)]
    allowed = statuses.count(401)
    assert 15 <= allowed <= 20 and statuses == [401] * allowed + [429] * (30 - allowed)
    for method, path in (("GET", "/nowhere"), ("DELETE", ROUTE), ("POST", ROUTE), ("GET", "/healthz")):
        answer = daemon.public(method, path)
        assert (answer.status, answer.json["error"]["code"]) == (429, "rate_limited")
        assert 1 <= int(answer.headers["Retry-After"]) <= 180
    assert daemon.admin("GET", "/api/v1/repositories").status == 200


def test_authentic_deliveries_do_not_count(make_daemon):
    daemon = make_daemon(server={"rate_limit": "20/h"})
    assert {right(daemon.public_port) for _ in range(100)} == {200}
    body = b"not json"
    for _ in range(30):  # authentic, though it cannot be read
        assert daemon.deliver(body, github_headers(body, SECRET)).status == 400
    assert wrong(daemon.public_port) == 401


def test_a_burst_of_authentic_deliveries_never_meets_429(make_daemon):
    daemon = make_daemon(server={"rate_limit": "10/h"})

    def many(_):
        client = http.client.HTTPConnection("127.0.0.1", daemon.public_port, timeout=60)
        with ExitStack() as stack:
            stack.callback(client.close)
            statuses = set()
            for _ in range(40):
                client.request("POST", ROUTE, PING, ping_headers())
                answer = client.getresponse()
                answer.read()
                statuses.add(answer.status)
            return statuses

    with ThreadPoolExecutor(60) as pool:
        assert set().union(*pool.map(many, range(60))) == {200}


# Reloads

def test_limits_change_at_a_reload_on_connections_that_stay_open(make_daemon):
    daemon = make_daemon()
    client = http.client.HTTPConnection("127.0.0.1", daemon.public_port, timeout=60)

    def deliver(size: int) -> int:
        body = b'{"zen":"' + b"x" * size + b'"}'
        client.request("POST", ROUTE, body, github_headers(body, SECRET, "ping"))
        answer = client.getresponse()
        answer.read()
        return answer.status

    assert deliver(5000) == 200
    daemon.settings["server"] |= {"max_body": "4KiB", "body_memory": "1MiB", "connections_per_address": 3}
    daemon.reload()
    assert deliver(3000) == 200
    assert deliver(5000) == 413
    client.close()
    with ExitStack() as stack:
        answers = []
        for _ in range(4):
            idle = stack.enter_context(socket.create_connection(("127.0.0.1", daemon.public_port)))
            idle.settimeout(30)
            answers.append(idle)
        assert b" 503 " in answers[-1].recv(4096).split(b"\r\n")[0]
    daemon.settings["server"] |= {"max_body": "1MiB", "rate_limit": "1/h", "connections_per_address": 64}
    daemon.reload()
    wait_for(lambda: wrong(daemon.public_port) == 429, "the new rate holds")


def test_the_listeners_stay_where_they_are_at_a_reload(make_daemon):
    daemon = make_daemon()
    daemon.settings["server"]["listen"] = f"127.0.0.1:{free_port()}"
    daemon.reload()
    assert daemon.public("GET", "/healthz").status == 200
    assert "server.listen cannot change while freshet runs" in daemon.log_text()


# Attacks

def test_stalled_clients_keep_neither_deliveries_nor_the_admin_side_waiting(http_site):
    daemon, commit = http_site.daemon, http_site.upstream.commit({"README": "second\n"})
    head = f"POST {ROUTE} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n".encode()
    stalls = [b"", b"P", head, head + b"Content-Length: 9\r\n\r\nhalf",
              head + b"X-Hub-Signature-256: sha256=" + b"0" * 64 + b"\r\nContent-Length: 9999999\r\n\r\n{"]
    with ExitStack() as stack:
        for n in range(500):
            stalled = stack.enter_context(socket.socket())
            stalled.bind((f"127.0.0.{2 + n % 8}", 0))
            stalled.connect(("127.0.0.1", daemon.public_port))
            stalled.sendall(stalls[n % len(stalls)])
        assert daemon.push(http_site.url, commit).status == 202
        assert daemon.admin("GET", "/api/v1/repositories").status == 200
        http_site.wait_for(commit)


def test_callers_that_wait_on_the_admin_side_keep_no_delivery_waiting(http_site, http_upstreams):
    daemon = http_site.daemon
    http_upstreams.hold()
    commit = http_site.push({"README": "second\n"})
    with ThreadPoolExecutor(60) as pool, ExitStack() as stack:
        for _ in range(100):
            stalled = stack.enter_context(socket.create_connection(("127.0.0.1", daemon.admin_port)))
            stalled.sendall(b"GET / HTTP/1.1\r\nHo")
        waiting = [pool.submit(daemon.refresh, "site", "60s") for _ in range(60)]
        wait_for(lambda: any(one.running() for one in waiting), "they wait")
        assert daemon.push(http_site.url, commit).status == 202
        assert daemon.admin("GET", "/api/v1/repositories").status == 200
        http_upstreams.release()
    assert 200 in {one.result().status for one in waiting}
    http_site.wait_for(commit)


def test_a_flood_of_one_address_leaves_others_their_deliveries(site):
    daemon = site.daemon
    daemon.settings["server"]["rate_limit"] = "5/h"
    daemon.reload()
    assert [wrong(daemon.public_port) for _ in range(10)][-1] == 429
    body = github_push(site.url, site.upstream.tip())
    client = http.client.HTTPConnection("127.0.0.1", daemon.public_port, timeout=60,
                                        source_address=("127.0.0.2", 0))
    client.request("POST", ROUTE, body, github_headers(body, SECRET))
    assert client.getresponse().status == 202
    client.close()
