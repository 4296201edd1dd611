"""Gates: commands that judge a tree before it is published."""

import json
import os

import pytest

from daemon import run_freshet
from published import assert_complete, published_commit
from recorder import Recorder
from upstream import git
from waiting import wait_for


@pytest.fixture
def gate(tmp_path):
    return Recorder(tmp_path / "gate")


@pytest.fixture
def gated(follow, gate):
    return follow(gate=[{"run": gate.run + ["--strict"]}])


def refused(site, commit: str) -> dict:
    """The status once the refresh that brought the commit has ended."""
    return wait_for(lambda: commit[:12] in json.dumps(site.daemon.status()["last_error"])
                    and site.daemon.status(), f"{commit} is refused")


def test_a_gate_sees_the_complete_tree_before_any_reader_does(gated, gate):
    first = gated.upstream.tip()
    gate.hold()
    commit = gated.push({"README": "second\n", "docs/index.html": None})
    call = gate.wait_for_calls(2)[1]

    assert published_commit(gated.path) == first
    assert call["arguments"] == ["--strict"]
    assert call["files"] == {"README": "second\n"}
    environment = call["environment"]
    assert environment["FRESHET_REPOSITORY"] == "site"
    assert environment["FRESHET_PATH"] == str(gated.path)
    assert environment["FRESHET_TREE"] == call["directory"]
    assert environment["FRESHET_REF"] == "refs/heads/main"
    assert (environment["FRESHET_OLD"], environment["FRESHET_NEW"]) == (first, commit)
    assert environment["FRESHET_TRIGGER"] == "delivery"
    told = json.loads(call["stdin"])
    assert (told["old"], told["new"]) == (first, commit)
    assert sorted(told["changed_paths"]) == ["README", "docs/index.html"]

    gate.release()
    gated.wait_for(commit)
    assert_complete(gated.path)


def test_a_refused_commit_is_not_published_and_status_says_why(gated, gate):
    first = gated.upstream.tip()
    gate.end_with(3, "line 7: no such host\n")
    commit = gated.push({"README": "bad\n"})

    status = refused(gated, commit)

    assert status["state"] == "failing"
    assert status["last_error"]["class"] == "conflict"
    assert "`freshet refresh site`" in status["last_error"]["advice"]
    for part in (str(gate.program), "status 3", "line 7: no such host"):
        assert part in status["last_error"]["message"]
    [checkout] = status["checkouts"]
    assert (checkout["state"], checkout["commit"]) == ("failing", first)
    assert assert_complete(gated.path) == first


def test_a_refused_commit_is_judged_once_and_not_again_after_a_restart(gated, gate):
    gate.end_with(1)
    commit = gated.push({"README": "bad\n"})
    refused(gated, commit)
    attempts = gated.daemon.status()["last_error"]["attempts"]
    wait_for(lambda: gated.daemon.status()["last_error"]["attempts"] > attempts, "it was refreshed again")
    assert gate.commits().count(commit) == 1

    gated.daemon.kill9()
    gated.daemon.start()
    refused(gated, commit)
    assert gate.commits().count(commit) == 1


def test_something_newer_is_judged_and_published(gated, gate):
    gate.end_with(1)
    refused(gated, gated.push({"README": "bad\n"}))
    gate.end_with(0)
    good = gated.push({"README": "good\n"})
    gated.wait_for(good)
    gated.daemon.wait_for_state("ok")


def test_a_person_can_have_a_refused_commit_judged_again(gated, gate):
    gate.end_with(1)
    commit = gated.push({"README": "bad\n"})
    refused(gated, commit)
    answer = gated.daemon.refresh()
    assert (answer.status, answer.json["error"]["code"]) == (502, "conflict")
    gate.end_with(0)
    assert gated.daemon.refresh().status == 200
    assert published_commit(gated.path) == commit


def test_a_gate_that_takes_too_long_is_ended_with_what_it_started_and_refuses(follow, tmp_path):
    child = tmp_path / "child"
    script = f"sleep 1000 & echo $! > {child}; wait"
    site = follow(first=False, gate=[{"run": ["/bin/sh", "-c", script], "timeout": "1s"}])
    status = site.daemon.wait_for_state("failing")
    assert "1s" in status["last_error"]["message"]
    assert published_commit(site.path) is None
    pid = int(child.read_text())
    wait_for(lambda: not os.path.exists(f"/proc/{pid}"), "what the gate started is gone")


def test_the_first_gate_that_refuses_ends_it(follow, gate, tmp_path):
    other = Recorder(tmp_path / "other")
    site = follow(gate=[{"run": gate.run}, {"run": other.run}])
    assert len(gate.calls()) == len(other.calls()) == 1
    gate.end_with(1)
    refused(site, site.push({"README": "bad\n"}))
    assert len(gate.calls()) == 2
    assert len(other.calls()) == 1


def test_a_gate_that_is_not_there_has_refused_nothing_but_nothing_is_published(follow, tmp_path):
    program = tmp_path / "later"
    site = follow(first=False, gate=[{"run": [str(program)]}])
    status = site.daemon.wait_for_state("failing")
    assert status["last_error"]["class"] == "config"
    assert published_commit(site.path) is None
    program.write_text("#!/bin/sh\nexit 0\n")
    program.chmod(0o755)
    assert site.daemon.refresh().status == 200
    assert published_commit(site.path) == site.upstream.tip()


def test_changed_gates_judge_anew_after_a_reload(gated, gate):
    gate.end_with(1)
    commit = gated.push({"README": "bad\n"})
    refused(gated, commit)
    gated.daemon.settings["repository"][0]["gate"] = [{"run": ["/bin/true"]}]
    gated.daemon.reload()
    gated.wait_for(commit)


def test_a_one_shot_refresh_asks_the_gate_too(follow, gate):
    site = follow(start=False, gate=[{"run": gate.run}])
    gate.end_with(1, "not this one")
    run = run_freshet("sync", "--config", site.daemon.config)
    assert run.returncode == 1
    assert "not this one" in run.stderr
    assert published_commit(site.path) is None
    gate.end_with(0)
    assert run_freshet("sync", "--config", site.daemon.config).returncode == 0
    assert assert_complete(site.path) == site.upstream.tip()


def test_a_tree_in_place_is_judged_before_anything_of_it_is_seen(follow, gate):
    site = follow(first=False, mode="in_place", gate=[{"run": gate.run}])
    site.daemon.wait_for_state("ok")
    gate.end_with(1)
    commit = site.push({"README": "bad\n"})
    status = refused(site, commit)
    assert gate.calls()[1]["files"]["README"] == "bad\n"
    assert status["checkouts"][0]["commit"] != commit
    assert (site.path / "README").read_text() == "first\n"
    assert not list(site.path.parent.glob(".site.freshet/tmp.*"))
    gate.end_with(0)
    assert site.daemon.refresh().status == 200
    assert (site.path / "README").read_text() == "bad\n"
    assert git(site.path, "status", "--porcelain") == ""


def test_nothing_that_a_gate_writes_is_published(follow):
    script = "echo built > built.o; echo changed >> README; rm docs/index.html; git add -A"
    site = follow(gate=[{"run": ["/bin/sh", "-c", script]}])
    assert_complete(site.path)
    commit = site.push({"README": "second\n"})
    site.wait_for(commit)
    assert assert_complete(site.path) == commit
    assert (site.path / "README").read_text() == "second\n"


def test_a_stop_ends_a_gate_without_a_refusal(gated, gate):
    gate.hold()
    commit = gated.push({"README": "second\n"})
    gate.wait_for_calls(2)
    assert gated.daemon.stop() == 0
    gate.release()
    gated.daemon.start()
    gated.wait_for(commit)
