"""Towards the host: Retry-After, the breaker, the failing ones' share, and polls that deliveries save."""

import email.utils
import time

import pytest

from daemon import wait_for_commit
from lies import reset, silent
from lying_server import CONNECT, FETCH, INFO_REFS, LS_REFS, Reply
from lying_site import BOUNDED, liar, make_lying_site  # noqa: F401
from metrics import metrics_of
from upstream import Upstream, git
from waiting import let_pass, wait_for


@pytest.fixture
def follow_many(make_daemon, liar, upstream, tmp_path):
    """Follows so many repositories at the server that lies (all of them are `upstream` under another
    name) and "healthy", another one, without a server; until all are published."""

    def follow_many(count: int, **tables):
        names = [f"copy{number}" for number in range(count)]
        for name in names:
            (upstream.path.parent / f"{name}.git").symlink_to(upstream.path)
        healthy = Upstream(tmp_path / "healthy.git")
        healthy.commit({"news": "none\n"})
        places = {name: liar.url(upstream.path.parent / f"{name}.git") for name in names}
        daemon = make_daemon(*(BOUNDED | {"name": name, "url": url, "path": str(tmp_path / "www" / name)}
                               for name, url in (places | {"healthy": str(healthy.path)}).items()), **tables)
        for name in names:
            wait_for_commit(tmp_path / "www" / name, upstream.tip())
        wait_for_commit(tmp_path / "www/healthy", healthy.tip())
        return daemon, healthy

    return follow_many


# Retry-After

@pytest.mark.parametrize("form", ["seconds", "date"])
def test_retry_after_counts_for_the_whole_host_and_for_no_other(follow_many, liar, upstream, tmp_path, form):
    daemon, healthy = follow_many(3)
    patience = 6
    told = []

    def slow_down(exchange):
        until = str(patience) if form == "seconds" else email.utils.formatdate(
            time.time() + patience + 1, usegmt=True)  # a date has no fractions
        told.append(time.monotonic())
        exchange.send(Reply(429, b"slow down\n", {"Retry-After": until}))

    liar.lie(slow_down, repository=upstream.path.parent / "copy1.git", times=1)
    wait_for(lambda: told, "one of them was told to slow down")
    second = upstream.commit({"README": "second\n"})
    assert daemon.wait_for_state("failing", "copy1", 5)["last_error"]["class"] == "rate_limited"
    wait_for_commit(tmp_path / "www/healthy", healthy.commit({"news": "good\n"}), 5)
    for number in range(3):
        wait_for_commit(tmp_path / f"www/copy{number}", second, patience + 20)
    # What had left already may still arrive.
    early = [request.at - told[0] for request in liar.seen(since=told[0] + 0.5)
             if request.at < told[0] + patience - 0.1]
    assert not early, f"requests came {early} s after the answer"
    assert len(told) == 1
    assert daemon.wait_for_state("ok", "copy1")["last_error"] is None


# The breaker

def test_a_host_that_refuses_connections_gets_few_requests_and_is_taken_up_again(
        follow_many, liar, upstream, tmp_path):
    copies = 20
    daemon, healthy = follow_many(copies)
    liar.lie(reset, CONNECT)
    tried_before = len(liar.connections)
    since = time.monotonic()
    wait_for(lambda: time.monotonic() - since > 15, "a while has passed", 20)
    tried = len(liar.connections) - tried_before
    assert tried >= 1
    # Each by itself would have tried about four times by now.
    assert tried <= copies + 5, f"{tried} connections for {copies} repositories in 15 s"
    wait_for_commit(tmp_path / "www/healthy", healthy.commit({"news": "good\n"}), 5)
    failing = [daemon.status(f"copy{number}") for number in range(copies)]
    assert "network" in {(status["last_error"] or {}).get("class") for status in failing}
    assert metrics_of(daemon).value("freshet_host_breaker_open", host=f"127.0.0.1:{liar.port}") == 1

    second = upstream.commit({"README": "second\n"})
    liar.behave()
    for number in range(copies):
        wait_for_commit(tmp_path / f"www/copy{number}", second, 60)
    assert metrics_of(daemon).value("freshet_host_breaker_open", host=f"127.0.0.1:{liar.port}") == 0


def test_a_breaker_that_is_open_does_not_break_the_promise_of_a_202(follow_many, liar, upstream, tmp_path):
    daemon, _ = follow_many(5)
    liar.lie(reset, CONNECT)
    for number in range(5):
        daemon.wait_for_state("failing", f"copy{number}", 30)
    second = upstream.commit({"README": "second\n"})
    assert daemon.push(liar.url(upstream.path.parent / "copy3.git"), second).status == 202
    liar.behave()
    wait_for_commit(tmp_path / "www/copy3", second, 60)


def test_repositories_that_hang_never_take_all_workers(follow_many, liar, upstream, tmp_path):
    copies = 10
    daemon, healthy = follow_many(copies, limits={"refreshes": 4, "per_host": 4})
    liar.lie(silent, FETCH)
    upstream.commit({"README": "second\n"})
    for number in range(copies):
        daemon.wait_for_state("failing", f"copy{number}", 60)
    for number in range(5):
        wait_for_commit(tmp_path / "www/healthy", healthy.commit({"news": f"{number}\n"}), 3)


# Polls that deliveries save

def announce(site, upstream, number: int) -> None:
    before = upstream.tip()
    commit = upstream.commit({"README": f"{number}\n"})
    assert site.announce(before, commit).status == 202
    site.wait_for(commit)


def wait_until_quiet(server, seconds: float) -> None:
    wait_for(lambda: server.count(LS_REFS, INFO_REFS, since=time.monotonic() - seconds) == 0,
             f"nobody asked for {seconds:g} s", 60)


def test_polls_become_rare_while_deliveries_prove_to_arrive(make_lying_site, liar, upstream):
    made = make_lying_site(liar, interval="1s", webhook_interval="5m")
    for number in range(6):
        announce(made.site, upstream, number)
        let_pass(1.2)  # so that polls find nothing new, time and again
    wait_until_quiet(liar, 5)
    assert made.daemon.status()["webhook"]["missed"] == 0
    announce(made.site, upstream, 99)


def test_polls_stay_frequent_where_no_delivery_comes(make_lying_site, liar, upstream):
    made = make_lying_site(liar, interval="1s", webhook_interval="5m")
    for number in range(3):
        made.site.wait_for(upstream.commit({"README": f"{number}\n"}), 5)
    assert made.daemon.status()["webhook"]["missed"] == 0, "no delivery ever came, so none is missed"


def test_a_change_that_no_delivery_announced_is_a_missed_webhook_and_brings_polls_back(
        make_lying_site, liar, upstream):
    made = make_lying_site(liar, interval="1s", webhook_interval="8s")
    for number in range(6):
        announce(made.site, upstream, number)
        let_pass(1.2)
    wait_until_quiet(liar, 5)

    made.site.wait_for(upstream.commit({"README": "nobody said so\n"}), 20)

    wait_for(lambda: made.daemon.status()["webhook"]["missed"] == 1, "it counts as missed", 10)
    assert metrics_of(made.daemon).value("freshet_missed_webhooks_total", repository="site") == 1
    wait_for(lambda: liar.count(LS_REFS, since=time.monotonic() - 5) >= 4, "polls are frequent again", 15)


def test_a_refresh_by_hand_that_finds_a_change_is_no_missed_webhook(make_lying_site, liar, upstream):
    made = make_lying_site(liar, interval="off", webhook_interval="5m")
    for number in range(6):
        announce(made.site, upstream, number)
    upstream.commit({"README": "by hand\n"})
    assert made.daemon.refresh().json["result"] == "updated"
    assert made.daemon.status()["webhook"]["missed"] == 0


# What a push costs

def test_a_delivery_asks_for_refs_and_tags_and_objects_with_two_requests(http_site, http_upstreams, upstream):
    http_site.daemon.wait_for_state("ok")
    before = len(http_upstreams.requests())
    other = upstream.commit({"README": "other\n"}, branch="other")
    commit = upstream.commit({"README": "second\n"})
    upstream.set_ref("refs/tags/light", commit)
    git(upstream.path, "tag", "-a", "-m", "A release", "v1", commit)
    upstream.set_ref("refs/tags/elsewhere", other)  # on a branch that nobody follows
    assert http_site.daemon.push(http_site.url, commit).status == 202
    http_site.wait_for(commit)
    http_site.daemon.wait_for_state("ok")

    assert [request["uri"] for request in http_upstreams.requests()[before:]] == ["/site.git/git-upload-pack"] * 2
    [mirror] = (http_site.daemon.directory / "state/mirrors").rglob("site.git")
    assert git(mirror, "for-each-ref", "--format=%(refname) %(*objectname)", "refs/tags").split("\n") == [
        "refs/tags/light ", f"refs/tags/v1 {commit}"]
