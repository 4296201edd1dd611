"""Waiting until a commit is published: `ensure` and `freshet wait`."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from daemon import request, run_freshet
from published import published_commit
from recorder import Recorder
from waiting import wait_for

DONE, FAILED, USAGE, UNREACHABLE, TIMED_OUT = range(5)
NOWHERE = "0123456789abcdef0123456789abcdef01234567"


def ensure(daemon, body, name="site"):
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    return request(daemon.admin_port, "POST", f"/api/v1/repositories/{name}/ensure", body,
                   {"Content-Type": "application/json"})


def wait(site, *arguments):
    return run_freshet("wait", "--config", site.daemon.config, *arguments)


# ensure

def test_a_published_commit_and_its_ancestors_are_there_at_once(site):
    first = site.upstream.tip()
    second = site.push({"README": "second\n"})
    site.wait_for(second)
    for commit in (first, second, second.upper()):
        answer = ensure(site.daemon, {"commit": commit, "wait": "0s"})
        assert (answer.status, answer.json["commit"]) == (200, commit.lower())
    assert answer.json["checkouts"][0]["commit"] == second


def test_a_commit_that_is_not_there_yet_is_fetched(site):
    commit = site.upstream.commit({"README": "second\n"})  # no delivery, no polling
    assert ensure(site.daemon, {"commit": commit, "wait": "60s"}).status == 200
    assert published_commit(site.path) == commit


def test_a_commit_that_comes_while_somebody_waits_is_noticed(site):
    before = site.daemon.wait_for_state("ok")["last_success"]
    commit = site.upstream.commit({"README": "second\n"}, branch="later", parent=site.upstream.tip())
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(ensure, site.daemon, {"commit": commit, "wait": "60s"})
        wait_for(lambda: site.daemon.status()["last_success"] != before, "it was refreshed without it")
        site.upstream.set_ref("refs/heads/main", commit)
        assert answer.result().status == 200
    assert published_commit(site.path) == commit


def test_a_commit_that_never_comes_is_504(site):
    answer = ensure(site.daemon, {"commit": NOWHERE, "wait": "1s"})
    assert (answer.status, answer.json["error"]["code"]) == (504, "timeout")


def test_a_commit_of_another_branch_is_not_published_by_a_checkout_of_main(site):
    commit = site.upstream.commit({"README": "other\n"}, branch="other", parent=site.upstream.tip())
    assert ensure(site.daemon, {"commit": commit, "wait": "1s"}).status == 504


def test_a_mirror_has_what_its_refs_contain(make_daemon, upstream):
    daemon = make_daemon({"name": "site", "url": str(upstream.path), "mirror": True})
    commit = upstream.commit({"README": "other\n"}, branch="other")
    assert ensure(daemon, {"commit": commit, "wait": "60s"}).status == 200
    assert ensure(daemon, {"commit": NOWHERE, "wait": "0s"}).status == 504


@pytest.mark.parametrize("body", [
    b"", b"no json", b"[]", {}, {"commit": "main"}, {"commit": "abc123"}, {"commit": 7},
    {"commit": "0" * 40}, {"commit": NOWHERE, "wait": "soon"}, {"commit": NOWHERE, "wait": 30},
    {"commit": NOWHERE, "wait": "2h"},
])
def test_what_cannot_be_meant_is_400(site, body):
    answer = ensure(site.daemon, body)
    assert answer.status == 400
    assert answer.json["error"]["message"]


def test_an_unknown_repository_is_404(site):
    assert ensure(site.daemon, {"commit": NOWHERE}, "nobody").status == 404


def test_a_commit_that_a_gate_refuses_is_judged_once_for_a_request(follow, tmp_path):
    gate = Recorder(tmp_path / "gate")
    site = follow(gate=[{"run": gate.run}])
    gate.end_with(1, "not good")
    commit = site.upstream.commit({"README": "bad\n"})
    answer = ensure(site.daemon, {"commit": commit, "wait": "3s"})
    assert answer.status == 504
    assert "not good" in answer.json["error"]["message"]
    assert gate.commits().count(commit) == 1


def test_a_stop_does_not_wait_for_whoever_waits(site):
    with ThreadPoolExecutor(1) as pool:
        before = site.daemon.wait_for_state("ok")["last_success"]
        answer = pool.submit(ensure, site.daemon, {"commit": NOWHERE, "wait": "1h"})
        wait_for(lambda: site.daemon.status()["last_success"] != before, "it was refreshed for it")
        assert site.daemon.stop() == 0
        assert answer.result().status == 503


# freshet wait

def test_the_command_ends_when_the_commit_is_published(site):
    commit = site.upstream.commit({"README": "second\n"})
    run = wait(site, "site", "--commit", commit)
    assert (run.returncode, run.stderr) == (DONE, "")
    assert commit in run.stdout
    assert published_commit(site.path) == commit


def test_the_command_prints_json(site):
    run = wait(site, "site", "--commit", site.upstream.tip(), "--json")
    assert json.loads(run.stdout)["commit"] == site.upstream.tip()


def test_the_command_ends_with_4_when_the_time_is_over(site):
    run = wait(site, "site", "--commit", NOWHERE, "--timeout", "1s")
    assert (run.returncode, run.stdout) == (TIMED_OUT, "")
    assert NOWHERE in run.stderr


@pytest.mark.parametrize("arguments", [
    ["nobody", "--commit", NOWHERE], ["site", "--commit", "main"], ["site"],
    ["site", "--commit", NOWHERE, "--timeout", "soon"],
])
def test_wrong_usage_ends_with_2(site, arguments):
    run = wait(site, *arguments)
    assert (run.returncode, run.stdout) == (USAGE, "")
    assert run.stderr


def test_the_command_ends_with_3_when_nobody_answers(follow):
    idle = follow(start=False)
    assert wait(idle, "site", "--commit", NOWHERE).returncode == UNREACHABLE
