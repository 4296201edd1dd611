"""Upstreams that are silent, slow, broken or lying: each shows with the right error class in bounded
time, harms no other repository nor what is published, and is got over without a hand once it ends."""

import time

import pytest

from certificates import make_authority
from daemon import wait_for_commit, write_secret
from lies import (answer, corrupt_object, cut_off, delta_bomb, empty, flipped_byte, redirect, reset, silent,
                  stall, trickle, truncated_pack, version_0, without_object)
from lying_server import CONNECT, FETCH, INFO_REFS, LS_REFS, LyingServer
from lying_site import (BOUNDED, RECOVERS_WITHIN, SHOWS_WITHIN, large_file, liar, lying_site,  # noqa: F401
                        make_lying_site, mirror_of, refs_of, secured, wait_until_nothing_is_left)
from published import assert_complete, published_commit
from upstream import Upstream, git

TIMEOUT, NETWORK, PROTOCOL, CORRUPT = {"timeout"}, {"network"}, {"protocol"}, {"corrupt"}
# More than any honest answer here needs by far, and more than a child may be allowed to take.
BOMB = 3 << 30

FAULTS = {
    "silent after accept": (silent, [CONNECT], TIMEOUT),
    "silent when asked for refs": (silent, [LS_REFS], TIMEOUT),
    "silent when asked for a pack": (silent, [FETCH], TIMEOUT),
    "silent in mid-pack": (stall, [FETCH], TIMEOUT),
    "refs one byte a second": (trickle(1), [LS_REFS], TIMEOUT),
    "a pack one byte a second": (trickle(1), [FETCH], TIMEOUT),
    "the connection ends in mid-pack": (cut_off, [FETCH], NETWORK | PROTOCOL),
    "the connection ends amid the refs": (cut_off, [LS_REFS], NETWORK | PROTOCOL),
    "connections are reset": (reset, [CONNECT], NETWORK),
    "a truncated pack": (truncated_pack, [FETCH], PROTOCOL | CORRUPT),
    "a flipped byte in the pack": (flipped_byte, [FETCH], CORRUPT),
    "a corrupt object behind a right checksum": (corrupt_object, [FETCH], CORRUPT),
    "a delta bomb": (delta_bomb(BOMB), [FETCH], CORRUPT | PROTOCOL | {"no_space"}),
    "an empty 200": (empty, [], PROTOCOL),
    "an empty 200 when asked for refs": (empty, [LS_REFS], PROTOCOL),
    "an empty 200 when asked for a pack": (empty, [FETCH], PROTOCOL),
    "401": (answer(401, WWW_Authenticate='Basic realm="x"'), [], {"auth"}),
    "403": (answer(403), [], {"auth"}),
    "404": (answer(404), [], {"not_found"}),
    "429": (answer(429, Retry_After=3), [], {"rate_limited"}),
    "500": (answer(500), [], PROTOCOL | NETWORK),
    "200 and a web page": (answer(200, b"<html>Sign in</html>", Content_Type="text/html"), [], PROTOCOL),
}
# What says nothing about the host as a whole, so that its other repositories go on.
OF_ONE_REPOSITORY = ["silent when asked for a pack", "a truncated pack", "an empty 200", "401", "404", "500"]


def daemon_peak_memory(daemon) -> int:
    """VmHWM in bytes."""
    for line in open(f"/proc/{daemon.process.pid}/status"):
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("the daemon has no VmHWM")


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_shows_harms_nobody_and_is_got_over(lying_site, upstream, name):
    fault, kinds, classes = FAULTS[name]
    site, first = lying_site.site, upstream.tip()
    with site.watch():
        lying_site.liar.lie(fault, *kinds)
        second = upstream.commit({"README": "second\n", "large": large_file(2)})

        site.wait_for_failure(classes)
        lying_site.assert_the_other_is_unharmed()
        assert published_commit(site.path) == first
        assert daemon_peak_memory(lying_site.daemon) < 300 << 20
        wait_until_nothing_is_left(lying_site.daemon)

        lying_site.liar.behave()
        site.wait_for_recovery(second)
    assert_complete(site.path)
    git(mirror_of(lying_site.daemon, "site.git"), "fsck", "--strict")


@pytest.mark.parametrize("path", ["README", "docs", "docs/index.html"])
def test_a_pack_that_lacks_an_object_moves_no_ref(lying_site, upstream, path):
    site, first = lying_site.site, upstream.tip()
    with site.watch():
        files = {"README": "second\n", "docs/index.html": "<p>second</p>\n"}
        second = upstream.commit(files, branch="prepared", parent=first)
        lying_site.liar.lie(without_object(git(upstream.path, "rev-parse", f"{second}:{path}")), FETCH)
        upstream.set_ref("refs/heads/main", second)

        site.wait_for_failure(CORRUPT)
        assert refs_of(mirror_of(lying_site.daemon, "site.git"))["refs/heads/main"] == first
        wait_until_nothing_is_left(lying_site.daemon)

        lying_site.liar.behave()
        site.wait_for_recovery(second)


@pytest.mark.parametrize("name", ["silent after accept", "silent in mid-pack", "a pack one byte a second",
                                  "a corrupt object behind a right checksum", "an empty 200", "404", "500"])
def test_a_fault_of_the_very_first_refresh_is_got_over(make_lying_site, liar, upstream, name):
    fault, kinds, classes = FAULTS[name]
    upstream.commit({"large": large_file(1)})
    liar.lie(fault, *kinds)
    made = make_lying_site(liar, first=False)
    made.site.wait_for_failure(classes)
    made.assert_the_other_is_unharmed()
    assert published_commit(made.site.path) is None
    wait_until_nothing_is_left(made.daemon)
    liar.behave()
    made.site.wait_for_recovery(upstream.tip())
    assert_complete(made.site.path)


def test_a_server_that_is_silent_when_asked_what_it_can_is_got_over(make_lying_site, liar, upstream):
    liar.lie(silent, INFO_REFS)
    made = make_lying_site(liar, first=False)
    made.site.wait_for_failure(TIMEOUT)
    liar.behave()
    made.site.wait_for_recovery(upstream.tip())


@pytest.mark.parametrize("name", OF_ONE_REPOSITORY)
def test_a_fault_of_one_repository_leaves_the_others_of_its_host_alone(
        make_daemon, liar, upstream, tmp_path, name):
    fault, kinds, classes = FAULTS[name]
    twin = Upstream(upstream.path.parent / "twin.git")
    twin.commit({"README": "first\n"})
    daemon = make_daemon(*(BOUNDED | {"name": each.path.stem, "url": liar.url(each.path),
                                      "path": str(tmp_path / "www" / each.path.stem)}
                           for each in (upstream, twin)))
    for each in (upstream, twin):
        wait_for_commit(tmp_path / "www" / each.path.stem, each.tip())
    liar.lie(fault, *kinds, repository=twin.path)
    twin.commit({"README": "second\n", "large": large_file(2)})
    for news in ("one", "two", "three"):
        commit = upstream.commit({"news": news})
        wait_for_commit(tmp_path / "www/site", commit, 10)
    error = daemon.wait_for_state("failing", "twin", SHOWS_WITHIN)["last_error"]
    assert error["class"] in classes
    assert daemon.status("site")["last_error"] is None


# Not there at all

def test_a_name_that_nobody_knows_is_a_network_failure(make_daemon, tmp_path, upstream):
    daemon = make_daemon(
        BOUNDED | {"name": "site", "url": "https://forge.invalid/acme/site.git", "path": str(tmp_path / "a")},
        BOUNDED | {"name": "healthy", "url": str(upstream.path), "path": str(tmp_path / "b")})
    error = daemon.wait_for_state("failing", timeout=20)["last_error"]
    assert error["class"] == "network"
    assert "forge.invalid" in error["message"]
    wait_for_commit(tmp_path / "b", upstream.commit({"README": "second\n"}), 10)


def test_a_server_that_is_down_is_followed_again_when_it_is_back(lying_site, upstream):
    lying_site.liar.stop()
    second = upstream.commit({"README": "second\n"})
    lying_site.site.wait_for_failure(NETWORK)
    lying_site.assert_the_other_is_unharmed()
    lying_site.liar.start()
    lying_site.site.wait_for_recovery(second)


# Version 0

def test_a_server_that_only_speaks_version_0_is_followed(make_lying_site, liar, upstream):
    liar.lie(version_0)
    made = make_lying_site(liar)
    made.site.wait_for(upstream.commit({"README": "second\n"}))
    assert_complete(made.site.path)
    assert liar.count(LS_REFS) <= 1


def test_a_server_that_forgets_version_2_and_learns_it_again_is_followed_throughout(lying_site, upstream):
    with lying_site.site.watch():
        lying_site.liar.lie(version_0)
        lying_site.site.wait_for(upstream.commit({"README": "second\n"}), RECOVERS_WITHIN)
        lying_site.liar.behave()
        lying_site.site.wait_for(upstream.commit({"README": "third\n"}), RECOVERS_WITHIN)


@pytest.mark.parametrize("name", ["an empty 200", "an empty 200 when asked for refs", "200 and a web page",
                                  "the connection ends amid the refs"])
def test_half_an_answer_never_means_that_there_are_no_refs(make_lying_site, liar, upstream, name):
    fault, kinds, classes = FAULTS[name]
    for number in range(4):
        upstream.set_ref(f"refs/heads/branch{number}", upstream.tip())
    made = make_lying_site(liar, mirror=True)
    mirror = mirror_of(made.daemon, "site.git")
    refs = refs_of(mirror, "refs/heads")
    assert len(refs) == 5
    liar.lie(fault, *kinds)
    made.daemon.wait_for_state("failing", timeout=SHOWS_WITHIN)
    assert refs_of(mirror, "refs/heads") == refs
    made.site.wait_for_failure(classes)


# TLS, redirects and credentials

def test_an_unknown_authority_is_a_network_failure_until_the_certificate_is_right(
        make_lying_site, secured, upstream, tmp_path):
    server, authority, credential = secured
    made = make_lying_site(server, credentials=[credential])
    server.present(make_authority(tmp_path / "unknown"))
    since = time.monotonic()
    second = upstream.commit({"README": "second\n"})
    made.site.wait_for_failure(NETWORK)
    made.assert_the_other_is_unharmed()
    assert server.count(since=since) == 0, "nothing was asked of a server that nobody vouches for"
    server.present(authority)
    made.site.wait_for_recovery(second)


def test_a_token_that_is_replaced_in_its_file_counts_at_once(make_lying_site, secured, upstream, tmp_path):
    server, _, credential = secured
    made = make_lying_site(server, credentials=[credential])
    server.password = "another password"
    made.site.wait_for_failure({"auth"})
    write_secret(tmp_path / "token", server.password)
    made.site.wait_for_recovery(upstream.commit({"README": "second\n"}))


@pytest.mark.parametrize("host", ["127.0.0.2", "localhost", "127.0.0.1"])  # the last at another port
def test_a_redirect_never_takes_credentials_to_another_host(make_lying_site, secured, upstream, host):
    server, authority, credential = secured
    made = make_lying_site(server, credentials=[credential])
    elsewhere = LyingServer(upstream.path.parent, host=host, authority=authority).start()
    try:
        server.lie(redirect(elsewhere.url()))
        second = upstream.commit({"README": "second\n"})
        made.site.wait_for_failure({"auth", "config", "network", "protocol"})
        made.assert_the_other_is_unharmed()
        for request in elsewhere.requests:
            assert "authorization" not in request.headers
            assert server.password not in str(request.headers)
    finally:
        elsewhere.close()
    server.behave()
    made.site.wait_for_recovery(second)


def test_a_redirect_within_the_host_keeps_the_credentials(make_lying_site, secured, upstream):
    server, _, credential = secured
    renamed = upstream.path.parent / "renamed"
    renamed.mkdir()
    (renamed / "site.git").symlink_to(upstream.path)
    server.lie(redirect(server.url() + "/renamed"), repository=upstream.path)
    made = make_lying_site(server, credentials=[credential])
    made.site.wait_for(upstream.commit({"README": "second\n"}))
    assert server.count(FETCH, repository=renamed / "site.git") >= 2


def test_without_credentials_a_redirect_to_another_host_is_followed(make_lying_site, liar, upstream):
    elsewhere = LyingServer(upstream.path.parent, host="127.0.0.2").start()
    try:
        liar.lie(redirect(elsewhere.url()))
        make_lying_site(liar)
        assert elsewhere.count() > 0
    finally:
        elsewhere.close()
