"""What is published is what the upstream answers, however late, replayed or disordered deliveries are."""

import time

import pytest

from daemon import run_freshet
from forge import NO_COMMIT
from lying_server import LS_REFS
from lying_site import liar, make_lying_site, mirror_of, refs_of  # noqa: F401
from published import assert_complete, published_commit
from tree_watch import ever_published
from waiting import wait_for


@pytest.fixture
def announced(make_lying_site, liar):
    """Followed without polls: what is published was announced or asked for."""
    return make_lying_site(liar, interval="off")


def wait_until_asked(server, times: int, since: float, timeout: float = 30) -> list[float]:
    """The moments of that many questions for refs, or more: tags are asked for beside the others."""
    def moments() -> list[float]:
        asked = [request.at for request in server.seen(LS_REFS, since=since)]
        return [at for at, before in zip(asked, [0.0, *asked]) if at - before > 0.3]
    wait_for(lambda: len(moments()) >= times, f"refs were asked for {times} times", timeout)
    return moments()


@pytest.mark.parametrize("objects", [False, True], ids=["old objects", "new objects"])
def test_a_push_that_the_upstream_does_not_serve_yet_is_lagging_and_then_published(
        announced, upstream, objects):
    site, first = announced.site, upstream.tip()
    with site.watch():
        announced.liar.freeze(upstream.path, objects=objects)
        second = upstream.commit({"README": "second\n"})
        since = time.monotonic()
        assert site.announce(first, second).status == 202

        status = announced.daemon.wait_for_state("lagging")
        assert status["last_error"] is None
        asked = wait_until_asked(announced.liar, 4, since)
        moments = [moment - asked[0] for moment in asked]
        assert moments[3] > 2.5, f"asked more and more rarely? after {moments}"
        assert ever_published(site.path) == {first}
        assert refs_of(mirror_of(announced.daemon, "site.git"), "refs/heads") == {"refs/heads/main": first}

        announced.liar.thaw(upstream.path)
        site.wait_for(second)
        assert announced.daemon.wait_for_state("ok")["last_error"] is None
    assert_complete(site.path)


def test_a_push_announced_without_what_was_before_lags_too_when_its_objects_can_be_had(announced, upstream):
    """As generic senders announce, or a forge whose delivery before this one was lost."""
    announced.liar.freeze(upstream.path, objects=True)
    second = upstream.commit({"README": "second\n"})
    assert announced.site.announce(NO_COMMIT, second).status == 202
    announced.daemon.wait_for_state("lagging", timeout=10)
    announced.liar.thaw(upstream.path)
    announced.site.wait_for(second)


def test_an_upstream_that_lags_for_a_moment_costs_a_few_questions(announced, upstream):
    first = upstream.tip()
    announced.liar.freeze(upstream.path, answers=2)
    since = time.monotonic()
    second = upstream.commit({"README": "second\n"})
    assert announced.site.announce(first, second).status == 202
    announced.site.wait_for(second, 15)
    announced.daemon.wait_for_state("ok")
    assert announced.liar.count(LS_REFS, since=since) <= 5


def test_a_ref_that_becomes_something_else_than_announced_ends_the_lag(announced, upstream):
    first = upstream.tip()
    announced.liar.freeze(upstream.path)
    second = upstream.commit({"README": "withdrawn\n"})
    assert announced.site.announce(first, second).status == 202
    announced.daemon.wait_for_state("lagging")
    told = run_freshet("status", "site", "--config", announced.daemon.config).stdout
    assert "the upstream does not show yet what was announced" in told
    third = upstream.commit({"README": "instead\n"}, parent=first)
    announced.liar.thaw(upstream.path)
    announced.site.wait_for(third)
    announced.daemon.wait_for_state("ok")
    assert ever_published(announced.site.path) == {first, third}


def test_a_push_while_another_one_lags_is_published_with_it(announced, upstream):
    first = upstream.tip()
    announced.liar.freeze(upstream.path)
    second = upstream.commit({"README": "second\n"})
    assert announced.site.announce(first, second).status == 202
    announced.daemon.wait_for_state("lagging")
    third = upstream.commit({"README": "third\n"})
    assert announced.site.announce(second, third).status == 202
    announced.liar.thaw(upstream.path)
    announced.site.wait_for(third)
    announced.daemon.wait_for_state("ok")


def test_a_lagging_push_is_not_forgotten_by_a_crash(announced, upstream):
    first = upstream.tip()
    announced.liar.freeze(upstream.path)
    second = upstream.commit({"README": "second\n"})
    assert announced.site.announce(first, second).status == 202
    announced.daemon.wait_for_state("lagging")
    announced.daemon.kill9()
    announced.daemon.start()
    announced.daemon.wait_for_state("lagging")
    announced.liar.thaw(upstream.path)
    announced.site.wait_for(second)


# Withdrawn commits: the upstream still has their objects, and hands them out to whoever asks

def test_replayed_deliveries_of_a_withdrawn_commit_never_bring_it_back(announced, upstream):
    site, first = announced.site, upstream.tip()
    withdrawn = upstream.commit({"README": "a password\n"})
    assert site.announce(first, withdrawn, "the-push").status == 202
    site.wait_for(withdrawn)
    upstream.set_ref("refs/heads/main", first)
    assert site.announce(withdrawn, first, "the-withdrawal").status == 202
    site.wait_for(first)
    announced.daemon.wait_for_state("ok")
    published_at = announced.daemon.status()["checkouts"][0]["published_at"]

    since = time.monotonic()
    for delivery in ("the-push", "replay-1", None):
        assert site.announce(first, withdrawn, delivery).status in (200, 202)
    wait_until_asked(announced.liar, 2, since)
    assert announced.daemon.refresh().status == 200

    assert published_commit(site.path) == first
    assert announced.daemon.status()["checkouts"][0]["published_at"] == published_at
    assert refs_of(mirror_of(announced.daemon, "site.git"), "refs/heads") == {"refs/heads/main": first}


def test_a_commit_withdrawn_before_its_delivery_came_is_never_published(announced, upstream):
    site, first = announced.site, upstream.tip()
    withdrawn = upstream.commit({"README": "a password\n"})
    upstream.set_ref("refs/heads/main", first)

    since = time.monotonic()
    assert site.announce(first, withdrawn).status == 202
    wait_until_asked(announced.liar, 3, since)
    assert ever_published(site.path) == {first}

    third = upstream.commit({"README": "third\n"})
    assert site.announce(first, third).status == 202
    site.wait_for(third)
    assert ever_published(site.path) == {first, third}


def test_deliveries_out_of_order_end_with_what_the_upstream_has(announced, upstream):
    site = announced.site
    commits = [upstream.tip()] + [upstream.commit({"README": f"{n}\n"}) for n in range(4)]
    pushes = list(zip(commits, commits[1:]))
    for before, after in [pushes[3], pushes[0], pushes[2], pushes[1]]:
        assert site.announce(before, after).status == 202
    site.wait_for(commits[-1])
    announced.daemon.wait_for_state("ok")
    assert announced.daemon.refresh().json["result"] == "unchanged"
    assert ever_published(site.path) == {commits[0], commits[-1]}
