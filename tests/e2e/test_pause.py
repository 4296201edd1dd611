"""A paused repository: left alone until a person resumes it, whatever happens in between."""

import json
import re
import subprocess

import pytest

from daemon import run_freshet, wait_for_commit
from metrics import metrics_of
from published import published_commit
from waiting import wait_for


def switch(daemon, action: str, name: str = "site"):
    answer = daemon.admin("POST", f"/api/v1/repositories/{name}/{action}")
    assert answer.status == 200, answer.body
    return answer.json


def pause(site) -> None:
    site.daemon.wait_for_state("ok")
    assert switch(site.daemon, "pause") == {"status": "paused", "repository": "site"}


def fence(site) -> None:
    """What the daemon does by itself has had its turn when another trigger was answered."""
    assert site.daemon.admin("POST", "/api/v1/repositories/site/refresh?wait=10s").status == 409


def command(site, *arguments) -> subprocess.CompletedProcess:
    return run_freshet(*arguments, "--config", site.daemon.config)


def test_a_delivery_for_a_paused_repository_is_accepted_and_runs_at_resume(site):
    pause(site)
    first = published_commit(site.path)
    commit = site.push({"README": "while paused\n"})
    fence(site)
    status = site.daemon.status()
    assert status["state"] == "paused" and status["paused_since"] and status["next_poll"] is None
    assert published_commit(site.path) == first
    row = wait_for(lambda: site.daemon.admin("GET", "/api/v1/deliveries").json["deliveries"],
                   "the ledger has the delivery")[0]
    assert (row["verdict"], row["result"]) == ("accepted", "waiting")
    assert switch(site.daemon, "resume") == {"status": "resumed", "repository": "site"}
    site.wait_for(commit)
    assert site.daemon.wait_for_state("ok")["paused_since"] is None


@pytest.mark.parametrize("end", ["stop", "kill9"])
def test_a_pause_and_what_was_announced_outlive_the_process(site, end):
    pause(site)
    since = site.daemon.status()["paused_since"]
    first = published_commit(site.path)
    commit = site.push({"README": "while paused\n"})
    getattr(site.daemon, end)()
    site.daemon.start()
    status = site.daemon.status()
    assert (status["state"], status["paused_since"]) == ("paused", since)
    later = site.push({"README": "while paused still\n"})
    assert later != commit
    fence(site)
    assert published_commit(site.path) == first
    # Also when it is killed once more before it was resumed.
    getattr(site.daemon, end)()
    site.daemon.start()
    switch(site.daemon, "resume")
    site.wait_for(later)
    site.daemon.wait_for_state("ok")
    assert json.loads((site.daemon.directory / "state/paused.json").read_text()) == {"paused": []}


def test_what_was_pushed_without_a_word_is_found_at_resume(site):
    pause(site)
    commit = site.upstream.commit({"README": "nobody said so\n"})
    fence(site)
    switch(site.daemon, "resume")
    site.wait_for(commit)


def test_pausing_and_resuming_twice_is_as_good_as_once(site):
    pause(site)
    since = site.daemon.status()["paused_since"]
    pause_again = switch(site.daemon, "pause")
    assert pause_again["status"] == "paused" and site.daemon.status()["paused_since"] == since
    switch(site.daemon, "resume")
    assert switch(site.daemon, "resume") == {"status": "resumed", "repository": "site"}
    site.daemon.wait_for_state("ok")


@pytest.mark.parametrize("action", ["pause", "resume"])
def test_an_unknown_name_is_404(site, action):
    answer = site.daemon.admin("POST", f"/api/v1/repositories/other/{action}")
    assert answer.status == 404 and answer.json["error"]["code"] == "not_found"


def test_a_refresh_of_a_paused_repository_is_refused_and_says_what_to_do(site):
    pause(site)
    answer = site.daemon.refresh()
    assert answer.status == 409
    assert answer.json["error"] == {"code": "paused",
                                    "message": "site is paused; `freshet resume site` first"}
    assert site.daemon.admin("POST", "/api/v1/refresh").json["repositories"] == []


def test_no_poll_runs_while_it_is_paused(make_daemon, upstream, http_upstreams, tmp_path):
    second = upstream.path.parent / "clock.git"
    subprocess.run(["git", "clone", "-q", "--bare", upstream.path, second], check=True)
    daemon = make_daemon(
        {"name": "site", "url": http_upstreams.url(upstream.path), "path": str(tmp_path / "site")},
        {"name": "clock", "url": http_upstreams.url(second), "path": str(tmp_path / "clock")},
        defaults={"interval": "1s"})

    def asked(name):
        return sum(f"/{name}.git/" in str(request) for request in http_upstreams.requests())
    for name in ("site", "clock"):
        daemon.wait_for_state("ok", name)
    switch(daemon, "pause")
    wait_for(lambda: daemon.status()["next_poll"] is None, "no poll is planned")
    begin = asked("clock")
    wait_for(lambda: asked("clock") >= begin + 3, "what ran has ended")
    before, begin = asked("site"), asked("clock")
    wait_for(lambda: asked("clock") >= begin + 5, "the other one is polled")
    assert asked("site") == before
    switch(daemon, "resume")
    wait_for(lambda: asked("site") >= before + 3, "it is polled again")


def test_a_refresh_that_runs_ends_and_what_came_meanwhile_waits(make_daemon, upstream,
                                                                http_upstreams, tmp_path):
    path = tmp_path / "site"
    url = http_upstreams.url(upstream.path)
    daemon = make_daemon({"name": "site", "url": url, "path": str(path)})
    daemon.wait_for_state("ok")
    first = published_commit(path)
    http_upstreams.hold()
    running = upstream.commit({"README": "running\n"})
    assert daemon.push(url, running).status == 202
    daemon.wait_for_state("refreshing")
    switch(daemon, "pause")
    assert daemon.push(url, upstream.commit({"README": "waiting\n"})).status == 202
    http_upstreams.release()
    wait_for(lambda: published_commit(path) != first, "the running refresh published")
    assert daemon.status()["state"] == "paused"
    last = upstream.commit({"README": "last\n"})
    assert daemon.admin("POST", "/api/v1/repositories/site/refresh?wait=5s").status == 409
    assert published_commit(path) != last
    switch(daemon, "resume")
    wait_for_commit(path, last)


def test_a_failing_repository_is_not_tried_again_while_paused(site, tmp_path):
    site.daemon.wait_for_state("ok")
    away = tmp_path / "away"
    site.upstream.path.rename(away)
    assert site.daemon.refresh().status == 502
    failing = "freshet_repository_failing"
    assert metrics_of(site.daemon).value(failing, repository="site") == 1
    switch(site.daemon, "pause")
    assert metrics_of(site.daemon).value(failing, repository="site") == 0, "no alert for what is meant so"
    status = site.daemon.status()
    assert status["state"] == "paused" and status["next_poll"] is None
    assert status["last_error"]["class"] == "not_found"
    away.rename(site.upstream.path)
    switch(site.daemon, "resume")
    site.daemon.wait_for_state("ok")


def test_a_reload_keeps_a_pause(site):
    pause(site)
    site.daemon.settings["defaults"]["interval"] = "1s"
    site.daemon.reload()
    first = published_commit(site.path)
    site.upstream.commit({"README": "second\n"})
    fence(site)
    assert site.daemon.status()["state"] == "paused" and published_commit(site.path) == first


def test_a_paused_repository_does_not_hold_up_readiness(make_daemon, upstream, tmp_path):
    daemon = make_daemon({"name": "site", "url": str(upstream.path), "path": str(tmp_path / "site")})
    daemon.wait_for_state("ok")
    switch(daemon, "pause")
    daemon.stop()
    daemon.start()
    assert daemon.status()["last_success"] is None
    assert daemon.public("GET", "/readyz").status == 200
    assert daemon.public("GET", "/readyz?max_age=1s").status == 200


def test_ensure_waits_for_nobody_who_is_paused(site):
    site.daemon.wait_for_state("ok")
    published = published_commit(site.path)
    switch(site.daemon, "pause")
    wanted = site.upstream.commit({"README": "wanted\n"})
    run = command(site, "wait", "site", "--commit", wanted, "--timeout", "60s")
    assert run.returncode == 1 and "freshet resume site" in run.stderr
    assert command(site, "wait", "site", "--commit", published).returncode == 0


def test_the_commands_pause_and_resume_several(make_daemon, upstream, tmp_path):
    daemon = make_daemon(*({"name": name, "url": str(upstream.path), "path": str(tmp_path / name)}
                           for name in ("a", "b/c", "d")))
    for name in ("a", "b/c", "d"):
        daemon.wait_for_state("ok", name)

    def run(*arguments):
        return run_freshet(*arguments, "--config", daemon.config)
    done = run("pause", "a", "b/c")
    assert (done.returncode, done.stdout, done.stderr) == (0, "a: paused\nb/c: paused\n", "")
    assert [daemon.status(name)["state"] for name in ("a", "b/c", "d")] == ["paused", "paused", "ok"]
    refused = run("refresh", "a")
    assert refused.returncode == 1 and "freshet resume a" in refused.stderr
    everything = run("refresh", "--all", "--wait")
    assert everything.returncode == 0 and re.search("^d: ", everything.stdout, re.M)
    resumed = run("resume", "a", "b/c", "--json")
    assert resumed.returncode == 0
    assert [json.loads(line) for line in resumed.stdout.splitlines()] == [
        {"status": "resumed", "repository": name} for name in ("a", "b/c")]
    for name in ("a", "b/c"):
        daemon.wait_for_state("ok", name)
    assert run("pause", "a", "missing").returncode == 2
    assert daemon.status("a")["state"] == "paused"
    daemon.stop()
    assert run("pause", "a").returncode == 3


def test_a_pause_that_cannot_be_kept_fails_though_the_daemon_was_reached(site):
    site.daemon.wait_for_state("ok")
    (site.daemon.directory / "state/paused.json").mkdir()
    run = command(site, "pause", "site")
    assert run.returncode == 1 and "paused.json" in run.stderr
    assert site.daemon.status()["state"] == "ok"


def test_a_file_of_pauses_that_says_nothing_is_refused_by_name(site):
    site.daemon.stop()
    file = site.daemon.directory / "state/paused.json"
    file.write_text("{}")
    run = run_freshet("serve", "--config", site.daemon.config)
    assert run.returncode == 2 and str(file) in run.stderr
    file.unlink()
    site.daemon.start()
