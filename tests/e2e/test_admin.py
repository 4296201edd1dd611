"""The admin listener: what it tells, what it does, and whom it refuses."""

from datetime import datetime
from urllib.parse import quote

import pytest

from published import published_commit
from waiting import wait_for

FIELDS = {"name", "url", "state", "last_success", "last_change", "last_error", "next_poll", "webhook",
          "checkouts"}


def test_a_repository_is_described_in_full(site):
    status = site.daemon.wait_for_state("ok")
    assert FIELDS <= status.keys()
    assert (status["name"], status["url"], status["last_error"]) == ("site", site.url, None)
    [checkout] = status["checkouts"]
    assert checkout["path"] == str(site.path)
    assert checkout["mode"] == "atomic"
    assert checkout["commit"] == site.upstream.tip()
    for time in (status["last_success"], status["last_change"], checkout["published_at"]):
        datetime.fromisoformat(time)
    assert {"last_delivery", "missed"} <= status["webhook"].keys()


def test_the_list_names_every_repository(make_daemon, upstream, tmp_path):
    daemon = make_daemon(
        {"name": "b", "url": str(upstream.path), "path": str(tmp_path / "b")},
        {"name": "a", "url": str(upstream.path), "path": str(tmp_path / "a")})
    listed = daemon.admin("GET", "/api/v1/repositories").json
    repositories = listed["repositories"] if isinstance(listed, dict) else listed
    assert {repository["name"] for repository in repositories} == {"a", "b"}


def test_a_delivery_shows_in_the_status(site):
    assert site.daemon.status()["webhook"]["last_delivery"] is None
    site.wait_for(site.push({"README": "second\n"}))
    assert site.daemon.status()["webhook"]["last_delivery"]


def test_a_failure_shows_with_its_class_and_count(site, tmp_path):
    site.upstream.path.rename(tmp_path / "away")
    site.daemon.refresh()
    error = site.daemon.wait_for_state("failing")["last_error"]
    assert error["class"] == "not_found"
    assert error["message"] and error["since"]
    assert error["attempts"] >= 1


@pytest.mark.parametrize("write", [lambda name: name, lambda name: quote(name, safe="")])
def test_a_name_with_slashes_is_taken_as_such_and_encoded(make_daemon, upstream, tmp_path, write):
    name = "forge.example/acme/site"
    daemon = make_daemon({"name": name, "url": str(upstream.path), "path": str(tmp_path / "site")})
    assert daemon.status(write(name))["name"] == name
    assert daemon.refresh(write(name)).status == 200


@pytest.mark.parametrize("method, path", [
    ("GET", "/api/v1/repositories/nobody"), ("POST", "/api/v1/repositories/nobody/refresh"),
    ("GET", "/api/v1/no/such/route"),
])
def test_what_is_not_there_is_404_with_an_error(site, method, path):
    answer = site.daemon.admin(method, path)
    assert answer.status == 404
    assert {"code", "message"} <= answer.json["error"].keys()


def test_webhooks_are_not_on_the_admin_listener_nor_the_api_on_the_public_one(site):
    assert site.daemon.admin("POST", "/api/v1/webhooks/github").status == 404
    assert site.daemon.public("GET", "/api/v1/repositories").status == 404
    assert site.daemon.public("POST", "/api/v1/repositories/site/refresh").status == 404


# refresh

def test_a_refresh_is_accepted_at_once(site):
    commit = site.upstream.commit({"README": "second\n"})
    assert site.daemon.admin("POST", "/api/v1/repositories/site/refresh").status == 202
    site.wait_for(commit)


def test_a_refresh_of_all_is_accepted_at_once(site):
    commit = site.upstream.commit({"README": "second\n"})
    assert site.daemon.admin("POST", "/api/v1/refresh").status == 202
    site.wait_for(commit)


def test_a_refresh_that_is_waited_for_tells_its_result(site):
    unchanged = site.daemon.refresh()
    assert (unchanged.status, unchanged.json["result"]) == (200, "unchanged")
    commit = site.upstream.commit({"README": "second\n"})
    updated = site.daemon.refresh()
    assert (updated.status, updated.json["result"]) == (200, "updated")
    assert updated.json["checkouts"][0]["commit"] == commit == published_commit(site.path)


def test_a_refresh_that_fails_tells_why(site, tmp_path):
    site.upstream.path.rename(tmp_path / "away")
    answer = site.daemon.refresh()
    assert answer.status == 502
    assert answer.json["error"]["code"] == "not_found"


def test_a_refresh_that_still_runs_is_504_and_goes_on(http_site, http_upstreams):
    http_upstreams.hold()
    commit = http_site.upstream.commit({"README": "second\n"})
    assert http_site.daemon.refresh(wait="1s").status == 504
    assert http_site.daemon.status()["state"] == "refreshing"
    http_upstreams.release()
    http_site.wait_for(commit)


@pytest.mark.parametrize("wait", ["soon", "-1s", "5"])
def test_a_wait_that_is_no_duration_is_refused(site, wait):
    assert site.daemon.refresh(wait=wait).status == 400


# A browser page of another origin

@pytest.mark.parametrize("headers", [
    {"Host": "evil.example"}, {"Host": "evil.example:80"}, {"Origin": "http://evil.example"},
    {"Origin": "null"}, {"Host": "127.0.0.1.evil.example"}, {"Host": "localhost.evil.example"},
])
def test_a_foreign_host_or_origin_is_refused(site, headers):
    commit = site.upstream.tip()
    site.upstream.commit({"README": "second\n"})
    for method, path in [("GET", "/api/v1/repositories"), ("GET", "/api/v1/repositories/site"),
                         ("POST", "/api/v1/repositories/site/refresh?wait=5s"), ("POST", "/api/v1/refresh")]:
        answer = site.daemon.admin(method, path, headers)
        assert answer.status == 403
        assert b"README" not in answer.body and b"site" not in answer.body
    assert published_commit(site.path) == commit


@pytest.mark.parametrize("host", ["localhost", "localhost:{port}", "127.0.0.1:{port}", "[::1]:{port}"])
def test_ip_addresses_and_localhost_are_no_foreign_hosts(site, host):
    headers = {"Host": host.format(port=site.daemon.admin_port)}
    assert site.daemon.admin("GET", "/api/v1/repositories", headers).status == 200


def test_a_page_of_its_own_origin_may_ask(site):
    own = f"127.0.0.1:{site.daemon.admin_port}"
    headers = {"Host": own, "Origin": f"http://{own}"}
    assert site.daemon.admin("GET", "/api/v1/repositories", headers).status == 200


def test_configured_host_names_are_allowed(follow):
    site = follow(daemon={"admin": {"hosts": ["freshet.internal"]}})
    assert site.daemon.admin("GET", "/api/v1/repositories", {"Host": "freshet.internal"}).status == 200


# Health

def test_the_daemon_is_ready_once_everything_was_refreshed(follow, upstream, http_upstreams):
    http_upstreams.hold()
    site = follow(http_upstreams.url(upstream.path), first=False)
    assert site.daemon.public("GET", "/healthz").status == 200
    assert site.daemon.public("GET", "/readyz").status == 503
    http_upstreams.release()
    wait_for(lambda: site.daemon.public("GET", "/readyz").status == 200, "it is ready")
    assert published_commit(site.path) == upstream.tip()


def test_a_repository_that_fails_and_says_so_does_not_hold_readiness_up(make_daemon, tmp_path):
    daemon = make_daemon({"name": "site", "url": str(tmp_path / "none.git"), "path": str(tmp_path / "site")})
    wait_for(lambda: daemon.public("GET", "/readyz").status == 200, "it is ready")
    assert daemon.status()["state"] == "failing"


def test_readiness_with_an_age_sees_a_stale_repository(site):
    site.daemon.wait_for_state("ok")  # the tree is there a moment before the refresh has ended
    assert site.daemon.public("GET", "/readyz?max_age=1h").status == 200
    wait_for(lambda: site.daemon.public("GET", "/readyz?max_age=1s").status == 503, "it is a second old")
    assert site.daemon.refresh().status == 200
    assert site.daemon.public("GET", "/readyz?max_age=1m").status == 200
