"""What tests of bad upstreams start from: one repository at a server that lies, one at an honest one,
both followed by the same daemon. Fixtures: a test file imports those that it asks for."""

import os
import time
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from certificates import make_authority
from daemon import SECRET, Daemon, Response, wait_for_commit, write_secret
from forge import github_headers, github_push
from lying_server import LyingServer
from processes import processes_of_session
from tree_watch import TreeWatch
from upstream import Upstream, git
from waiting import wait_for

# Seconds. Short, so that each fault shows soon; a refresh of these repositories takes a tenth of one.
SILENCE, WHOLE = 2, 6
# Until a fault shows: the whole, the grace of a child that has to be ended, and a busy machine.
SHOWS_WITHIN = WHOLE + 9
# Until a repository has got over a fault that is gone: the backoff has grown meanwhile.
RECOVERS_WITHIN = 60
BOUNDED = {"interval": "1s", "timeout": f"{WHOLE}s", "first_timeout": f"{WHOLE}s",
           "stall_timeout": f"{SILENCE}s"}


def large_file(seed: int) -> str:
    """Content whose pack has a middle: some 600 kB that do not compress further."""
    return Random(seed).randbytes(600_000).hex() + "\n"


@dataclass
class Followed:
    """One repository as its daemon follows it."""

    name: str
    daemon: Daemon
    server: LyingServer
    upstream: Upstream
    path: Path

    @property
    def url(self) -> str:
        return self.server.url(self.upstream.path)

    def announce(self, before: str, after: str, delivery: str | None = None) -> Response:
        """The delivery of a push of main from one commit to another, whether or not it happened."""
        body = github_push(self.url, after, before=before)
        return self.daemon.deliver(body, github_headers(body, SECRET, delivery=delivery))

    def wait_for(self, commit: str, timeout: float = 120) -> None:
        wait_for_commit(self.path, commit, timeout)

    def watch(self) -> TreeWatch:
        return TreeWatch(self.path, self.upstream)

    def wait_for_failure(self, classes: set[str], timeout: float = SHOWS_WITHIN) -> dict:
        """Its last_error once it is failing, which has to be of one of these classes."""
        error = self.daemon.wait_for_state("failing", self.name, timeout)["last_error"]
        assert error["class"] in classes, f"{error} is none of {sorted(classes)}"
        assert error["message"] and error["attempts"] >= 1
        return error

    def wait_for_recovery(self, commit: str) -> None:
        self.wait_for(commit, RECOVERS_WITHIN)
        status = self.daemon.wait_for_state("ok", self.name, RECOVERS_WITHIN)
        assert status["last_error"] is None


@dataclass
class LyingSite:
    site: Followed
    healthy: Followed

    @property
    def daemon(self) -> Daemon:
        return self.site.daemon

    @property
    def liar(self) -> LyingServer:
        return self.site.server

    def assert_the_other_is_unharmed(self) -> None:
        """A push to the healthy repository is published by its next poll."""
        commit = self.healthy.upstream.commit({"news": os.urandom(8).hex() + "\n"})
        self.healthy.wait_for(commit, 10)
        assert self.daemon.status("healthy")["last_error"] is None


def mirrors_of(daemon: Daemon) -> list[Path]:
    state = daemon.directory / "state"
    return [objects.parent for objects in state.rglob("objects") if (objects.parent / "HEAD").exists()]


def mirror_of(daemon: Daemon, repository: str) -> Path:
    """The mirror of the upstream whose path ends with that name."""
    [mirror] = [mirror for mirror in mirrors_of(daemon) if mirror.name == repository]
    return mirror


def refs_of(repository: Path, *patterns: str) -> dict[str, str]:
    listing = git(repository, "for-each-ref", "--format=%(refname) %(objectname)", *patterns)
    return dict(line.split() for line in listing.splitlines())


LEFTOVERS = ("tmp_pack_*", "tmp_idx_*", "tmp_obj_*", "tmp_objdir-*", "incoming-*", "pack_git2_*")
IDLE = 0.3  # seconds; less than the shortest pause between two tries


def wait_until_nothing_is_left(daemon: Daemon, timeout: float = 15) -> None:
    """The daemon has had no child for a while, and no mirror holds what a failed try left: not only
    because the next try is just beginning with a clean-up."""
    idle_since = None

    def nothing_left():
        nonlocal idle_since
        if set(processes_of_session(daemon.process.pid)) - {daemon.process.pid}:
            idle_since = None
            return False
        idle_since = idle_since or time.monotonic()
        left = [path for pattern in LEFTOVERS for path in (daemon.directory / "state").rglob(pattern)]
        return not left and time.monotonic() - idle_since > IDLE

    wait_for(nothing_left, "no child runs and no tmp_pack_* is left between two tries", timeout)


@pytest.fixture
def liar(upstream):
    """A server that lies when it is told to, in front of `upstream`."""
    server = LyingServer(upstream.path.parent).start()
    yield server
    server.close()


@pytest.fixture
def secured(tmp_path, upstream):
    """A server with TLS that asks for a password; the authority that vouches for it; and the
    credential that the daemon needs for both."""
    authority = make_authority(tmp_path / "authority")
    server = LyingServer(upstream.path.parent, authority=authority).start()
    server.password = "correct-horse-battery-staple"
    credential = {"match": f"{server.url()}/*", "ca_file": str(authority.ca_file),
                  "token_file": write_secret(tmp_path / "token", server.password)}
    yield server, authority, credential
    server.close()


@pytest.fixture
def make_lying_site(tmp_path, make_daemon, upstream):
    """Follows `upstream` as "site" at a given server and another one as "healthy" at an honest one."""
    honest = LyingServer(tmp_path / "honest")

    def make(server: LyingServer, first: bool = True, credentials: list[dict] | None = None,
             tables: dict | None = None, **settings) -> LyingSite:
        other = Upstream(tmp_path / "honest/healthy.git")
        other.commit({"news": "none\n"})
        honest.start()
        (tmp_path / "www").mkdir()
        daemon = make_daemon(start=False)
        made = LyingSite(*(Followed(name, daemon, at, of, tmp_path / "www" / name) for name, at, of in
                           (("site", server, upstream), ("healthy", honest, other))))
        daemon.settings["repository"] = [
            BOUNDED | {"name": each.name, "url": each.url, "path": str(each.path)}
            | (settings if each is made.site else {}) for each in (made.site, made.healthy)]
        daemon.settings |= tables or {}
        if credentials:
            daemon.settings["credential"] = credentials
        daemon.write_config()
        daemon.start()
        made.healthy.wait_for(other.tip())
        if first:
            made.site.wait_for(upstream.tip())
        return made

    yield make
    honest.close()


@pytest.fixture
def lying_site(make_lying_site, liar):
    return make_lying_site(liar)
