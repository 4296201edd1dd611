"""Upstreams over ssh: what a refresh costs them, and what becomes of the ssh that it runs."""

import pytest

from lying_site import SHOWS_WITHIN
from processes import processes_of_session
from waiting import wait_for


@pytest.fixture
def ssh_site(follow, ssh_upstreams, upstream):
    return follow(ssh_upstreams.url(upstream.path), daemon={"path_prefix": ssh_upstreams.wrapper_directory},
                  stall_timeout="5s")


def children_of(daemon) -> dict[int, str]:
    return {pid: command for pid, command in processes_of_session(daemon.process.pid).items()
            if pid != daemon.process.pid}


def test_a_refresh_is_one_session_whether_there_is_something_new_or_not(ssh_site, ssh_upstreams):
    before = ssh_upstreams.sessions()
    assert ssh_site.daemon.refresh().json["result"] == "unchanged"
    assert ssh_upstreams.sessions() == before + 1

    ssh_site.upstream.commit({"README": "second\n"})
    assert ssh_site.daemon.refresh().json["result"] == "updated"
    assert ssh_upstreams.sessions() == before + 2


def test_no_ssh_is_left_of_a_refresh(ssh_site):
    ssh_site.upstream.commit({"README": "second\n"})
    assert ssh_site.daemon.refresh().status == 200
    wait_for(lambda: not children_of(ssh_site.daemon), "no child is left")


def test_a_host_that_says_nothing_fails_and_recovers(ssh_site, ssh_upstreams):
    ssh = ssh_upstreams.wrapper_directory / "ssh"
    honest = ssh.read_text()
    (ssh_upstreams.wrapper_directory / "silent").write_text("#!/bin/sh\nexec sleep 1000\n")
    (ssh_upstreams.wrapper_directory / "silent").chmod(0o755)
    (ssh_upstreams.wrapper_directory / "silent").replace(ssh)

    commit = ssh_site.push({"README": "second\n"})
    ssh_site.daemon.wait_for_state("failing", timeout=SHOWS_WITHIN)
    assert ssh_site.daemon.status()["last_error"]["class"] == "timeout"
    wait_for(lambda: not children_of(ssh_site.daemon), "the silent child is ended")

    ssh.write_text(honest)
    assert ssh_site.daemon.refresh().status == 200
    ssh_site.wait_for(commit)


def test_a_stop_does_not_wait_for_a_silent_host(ssh_site, ssh_upstreams):
    silent = ssh_upstreams.wrapper_directory / "silent"
    silent.write_text("#!/bin/sh\ntouch \"$(dirname \"$0\")/asked\"\nexec sleep 1000\n")
    silent.chmod(0o755)
    silent.replace(ssh_upstreams.wrapper_directory / "ssh")
    ssh_site.push({"README": "second\n"})
    wait_for((ssh_upstreams.wrapper_directory / "asked").exists, "the refresh has begun")
    session = ssh_site.daemon.process.pid
    assert ssh_site.daemon.stop() == 0
    assert not processes_of_session(session)
