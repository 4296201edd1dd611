"""The server that lies answers as git's own where it is honest, and its faults are what they say."""

import re
import subprocess
import time

import pytest

from certificates import make_authority
from forged_packs import split_answer, with_delta_bomb
from lies import (answer, corrupt_object, cut_off, delta_bomb, empty, flipped_byte, redirect, reset, silent,
                  stall, trickle, truncated_pack, version_0, without_object)
from lying_server import CONNECT, FETCH, INFO_REFS, LS_REFS, LyingServer
from lying_site import large_file, liar  # noqa: F401
from upstream import ISOLATED, git


def clone(url: str, directory, *options: str, seconds: float = 30) -> subprocess.CompletedProcess:
    return subprocess.run(["git", *options, "clone", "-q", "--bare", url, str(directory)], env=ISOLATED,
                          capture_output=True, text=True, timeout=seconds)


def test_an_honest_answer_makes_a_clone_by_version_2_and_each_request_is_counted(tmp_path, upstream, liar):
    cloned = clone(liar.url(upstream.path), tmp_path / "clone")
    assert cloned.returncode == 0, cloned.stderr
    assert git(tmp_path / "clone", "rev-parse", "main") == upstream.tip()
    assert [request.kind for request in liar.requests] == [INFO_REFS, LS_REFS, FETCH]
    assert len({request.connection for request in liar.requests}) == len(liar.connections) == 1
    fetch = liar.seen(FETCH, repository=upstream.path)[0]
    assert fetch.headers["git-protocol"] == "version=2"
    assert fetch.received > 100 and fetch.sent > 100 and fetch.status == 200


def test_git_speaks_version_0_with_a_server_that_knows_no_other(tmp_path, upstream, liar):
    liar.lie(version_0)
    assert clone(liar.url(upstream.path), tmp_path / "clone").returncode == 0
    assert liar.count(LS_REFS) == 0
    assert git(tmp_path / "clone", "rev-parse", "main") == upstream.tip()


@pytest.mark.parametrize("fault, kinds, message", [
    (cut_off, (FETCH,), "early EOF"),
    (truncated_pack, (FETCH,), "early EOF"),
    (flipped_byte, (FETCH,), "bad object"),
    (corrupt_object, (FETCH,), "bad object"),
    (empty, (), "hung up"),
    (answer(401), (), "could not read Username"),
    (answer(403), (), "403"),
    (answer(404), (), "not found"),
    (answer(429, Retry_After=7), (), "429"),
    (answer(500), (LS_REFS,), "500"),
    (reset, (CONNECT,), "reset by peer|Couldn't connect"),  # as the reset finds git asking or not yet
], ids=lambda value: getattr(value, "__name__", None))
def test_a_fault_makes_git_fail_and_a_server_that_behaves_again_does_not(
        tmp_path, upstream, liar, fault, kinds, message):
    upstream.commit({"large": large_file(1)})
    liar.lie(fault, *kinds)
    failed = clone(liar.url(upstream.path), tmp_path / "failed")
    assert failed.returncode != 0
    assert re.search(message, failed.stderr), failed.stderr
    liar.behave()
    assert clone(liar.url(upstream.path), tmp_path / "cloned").returncode == 0


@pytest.mark.parametrize("fault, kinds", [
    (silent, (CONNECT,)), (silent, (INFO_REFS,)), (silent, (LS_REFS,)), (silent, (FETCH,)),
    (stall, (FETCH,)), (trickle(1), (FETCH,))])
def test_a_silent_server_holds_git_until_it_behaves(tmp_path, upstream, liar, fault, kinds):
    liar.lie(fault, *kinds)
    with pytest.raises(subprocess.TimeoutExpired):
        clone(liar.url(upstream.path), tmp_path / "held", seconds=2)
    liar.behave()
    assert clone(liar.url(upstream.path), tmp_path / "cloned").returncode == 0


def test_an_object_left_out_is_all_that_is_wrong_with_the_pack(tmp_path, upstream, liar):
    left_out = git(upstream.path, "rev-parse", "main:README")
    liar.lie(without_object(left_out), FETCH)
    failed = clone(liar.url(upstream.path), tmp_path / "clone")
    assert failed.returncode != 0
    assert f"did not receive expected object {left_out}" in failed.stderr


def test_a_delta_bomb_is_small_and_inflates_to_what_was_asked_for(tmp_path, upstream, liar):
    size = 64 << 20
    git(tmp_path, "init", "-q", "--bare", "blown")
    liar.lie(delta_bomb(size), FETCH)
    git(tmp_path / "blown", "fetch", "-q", "--keep", liar.url(upstream.path), "main")
    assert liar.seen(FETCH)[0].sent < 4096
    sizes = git(tmp_path / "blown", "cat-file", "--batch-all-objects", "--batch-check=%(objectsize)")
    assert size <= max(map(int, sizes.split())) < size + (16 << 20)


def test_a_bomb_leaves_the_pack_in_front_of_it_as_it_was(upstream, liar, tmp_path):
    clone(liar.url(upstream.path), tmp_path / "clone")
    reply = []
    liar.lie(lambda exchange: (reply.append(exchange.honest), exchange.send(exchange.honest)), FETCH)
    clone(liar.url(upstream.path), tmp_path / "again")
    _, pack = split_answer(reply[0].body)
    assert with_delta_bomb(pack, 1 << 30)[12:].startswith(pack[12:-20])


def test_a_frozen_repository_answers_its_old_refs_for_so_many_times(upstream, liar):
    old = upstream.tip()
    liar.freeze(upstream.path, answers=2)
    new = upstream.commit({"README": "second\n"})
    listed = [git(upstream.path, "ls-remote", liar.url(upstream.path), "main").split()[0] for _ in range(3)]
    assert listed == [old, old, new]


def test_a_redirect_shows_what_the_other_server_is_told(tmp_path, upstream, liar):
    other = LyingServer(upstream.path.parent, host="127.0.0.2").start()
    try:
        liar.lie(redirect(other.url()))
        git(upstream.path, "-c", "http.followRedirects=true", "ls-remote", liar.url(upstream.path))
        assert other.count(INFO_REFS) == 1
        assert other.requests[0].headers["host"] == f"127.0.0.2:{other.port}"
    finally:
        other.close()


def test_a_password_is_asked_for_and_a_certificate_counts_for_those_who_trust_it(tmp_path, upstream):
    trusted, unknown = make_authority(tmp_path / "trusted"), make_authority(tmp_path / "unknown")
    server = LyingServer(upstream.path.parent, authority=trusted).start()
    server.password = "open sesame"
    try:
        with_password = server.url(upstream.path).replace("://", "://me:open%20sesame@")
        trusting = ("-c", f"http.sslCAInfo={trusted.ca_file}")
        assert clone(with_password, tmp_path / "clone", *trusting).returncode == 0
        assert "Username" in clone(server.url(upstream.path), tmp_path / "a", *trusting).stderr
        server.present(unknown)
        assert "certificate" in clone(with_password, tmp_path / "b", *trusting).stderr
    finally:
        server.close()


def test_a_server_that_stopped_comes_back_on_its_port(tmp_path, upstream, liar):
    liar.stop()
    began = time.monotonic()
    assert "onnect" in clone(liar.url(upstream.path), tmp_path / "none").stderr
    liar.start()
    assert clone(liar.url(upstream.path), tmp_path / "clone").returncode == 0
    assert liar.count(since=began) == 3
