"""What a page of another site can make a browser send to the admin side leads to nothing.

A name of the attacker that resolves to this machine (DNS rebinding) makes the browser believe that it
talks with the attacker's site; then only the Host tells the difference.
"""

import pytest

from published import published_commit
from raw_client import ask, head
from waiting import wait_for

LIST = "/api/v1/repositories"
REFRESH = "/api/v1/repositories/site/refresh"
EVIL = "evil.example"
# Every way to write a name so that somebody on the way could take it for one of ours.
DISGUISES = [
    EVIL, f"{EVIL}:{{port}}", "localhost.", "localhost.:{port}", "localhost.evil.example", "127.0.0.1.",
    "127.0.0.1.evil.example", f"127.0.0.1@{EVIL}", f"{EVIL}@127.0.0.1", f"127.0.0.1:{{port}}@{EVIL}",
    f"127.0.0.1#{EVIL}", f"127.0.0.1/{EVIL}", f"127.0.0.1,{EVIL}", f"127.0.0.1 {EVIL}", f"{EVIL} 127.0.0.1",
    f"localhost\\.{EVIL}", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "127.0.0.1:0x50",
    "127.0.0.1:99999", "127.0.0.1::80", "::1", f"[::1]{EVIL}", f"[::1].{EVIL}", "[::1", "[127.0.0.1]x",
    "[evil.example]", "%6cocalhost", "loc\xe4lhost", "localhost%00.evil.example", "*", "",
]


def statuses(site, data: bytes) -> list[int]:
    return [answer.status for answer in ask(site.daemon.admin_port, data)]


@pytest.mark.parametrize("host", DISGUISES)
def test_no_disguise_of_a_foreign_name_is_taken_for_ours(site, host):
    host = host.format(port=site.daemon.admin_port)
    for method, path in [("GET", LIST), ("GET", "/"), ("POST", REFRESH), ("GET", "/metrics")]:
        [status] = statuses(site, head(method, path, "Content-Length: 0", host=host))
        assert status in (400, 403), (method, path)


def test_the_host_of_the_request_line_is_no_way_around(site):
    own = f"127.0.0.1:{site.daemon.admin_port}"
    for target, host in [(f"http://{EVIL}{LIST}", EVIL), (f"http://{EVIL}{LIST}", own), (f"http://{own}{LIST}", EVIL),
                         (f"http://{own}@{EVIL}{LIST}", EVIL), (f"http://{EVIL}@{own}{LIST}", own),
                         (f"https://{EVIL}{LIST}", EVIL), (f"//{EVIL}{LIST}", EVIL), (f"{EVIL}:80", EVIL)]:
        [status] = statuses(site, head("GET", target, host=host))
        assert status in (400, 403), (target, host)
    assert statuses(site, head("GET", f"http://{own}{LIST}", host=own)) == [200]


def test_two_hosts_or_none_are_refused(site):
    own = f"127.0.0.1:{site.daemon.admin_port}"
    for fields in ([f"Host: {EVIL}"], [f"Host: {own}"], [f"host:{EVIL}"]):
        assert statuses(site, head("GET", LIST, *fields, host=own)) == [400]
    assert statuses(site, head("GET", LIST, f"Host: {own}", host=EVIL)) == [400]
    assert statuses(site, f"GET {LIST} HTTP/1.1\r\n\r\n".encode()) in ([400], [403])
    assert statuses(site, f"GET {LIST} HTTP/1.0\r\n\r\n".encode()) in ([400], [403])


def test_what_a_proxy_would_say_of_the_host_does_not_count(site):
    for name in ("X-Forwarded-Host", "X-Host", "Forwarded", "X-Original-Host", "X-HTTP-Host-Override"):
        own = f"127.0.0.1:{site.daemon.admin_port}"
        value = f"host={own}" if name == "Forwarded" else own
        assert statuses(site, head("GET", LIST, f"{name}: {value}", host=EVIL)) == [403]


# What a browser sends without asking first: a form, an image, a script, and what it is asked to ask

@pytest.mark.parametrize("fields", [
    [f"Origin: http://{EVIL}"], ["Origin: null"], [f"Origin: http://{EVIL}", "Sec-Fetch-Site: cross-site"],
    ["Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors"], ["Sec-Fetch-Site: same-site"],
    ["Origin: http://127.0.0.1"], ["Origin: http://localhost:{port}"], ["Origin: https://127.0.0.1:{port}.evil.example"],
    ["Origin: http://127.0.0.1:{port}@evil.example"], ["Origin: http://127.0.0.1:{port}", f"Origin: http://{EVIL}"],
    ["Sec-Fetch-Site: same-origin", f"Origin: http://{EVIL}"],
])
def test_a_form_of_a_foreign_page_triggers_nothing(site, fields):
    port = site.daemon.admin_port
    first = published_commit(site.path)
    site.upstream.commit({"README": "not asked for\n"})
    fields = [field.format(port=port) for field in fields]
    for form in ("application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain"):
        for action in (REFRESH, f"{REFRESH}?wait=20s", "/api/v1/refresh", "/api/v1/repositories/site/pause",
                       "/api/v1/repositories/site/ensure", "/api/v1/deliveries/1/replay"):
            data = head("POST", action, f"Content-Type: {form}", "Content-Length: 2", *fields,
                        host=f"127.0.0.1:{port}") + b"{}"
            assert statuses(site, data)[0] == 403, action
    assert site.daemon.status()["state"] == "ok" and published_commit(site.path) == first
    assert site.daemon.refresh().status == 200
    wait_for(lambda: published_commit(site.path) != first, "somebody who may ask is heard")


def test_a_browser_that_asks_whether_a_foreign_page_may_is_told_nothing(site):
    for method in ("OPTIONS", "GET"):
        [answer] = ask(site.daemon.admin_port, head(
            method, LIST, f"Origin: http://{EVIL}", "Access-Control-Request-Method: POST",
            "Access-Control-Request-Private-Network: true", host=f"127.0.0.1:{site.daemon.admin_port}"))
        assert answer.status == 403
        assert not [name for name, _ in answer.fields if name.startswith("access-control")]
        assert b"site" not in answer.body
