"""What the end-to-end tests start from: upstreams, ways to reach them, and a daemon that follows."""

import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support/py"))

from browser import Browser  # noqa: E402
from daemon import Daemon, wait_for_commit  # noqa: E402
from git_daemon import GitDaemon  # noqa: E402
from http_upstream import HttpUpstreams  # noqa: E402
from ssh_upstream import SshUpstreams  # noqa: E402
from status_page import Watched, complaints  # noqa: E402
from upstream import Upstream  # noqa: E402

FIRST_FILES = {"README": "first\n", "docs/index.html": "<p>first</p>\n"}


@pytest.fixture
def upstream(tmp_path):
    """A repository with one commit on main."""
    upstream = Upstream(tmp_path / "upstreams/site.git")
    upstream.commit(FIRST_FILES)
    return upstream


@pytest.fixture
def http_upstreams(upstream):
    server = HttpUpstreams(upstream.path.parent)
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture
def ssh_upstreams():
    server = SshUpstreams()
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture
def git_daemon(upstream):
    server = GitDaemon(upstream.path.parent)
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture
def make_daemon(tmp_path):
    """Makes daemons, started, that have to stop well after the test; a failed test shows their logs."""
    daemons = []

    def make(*repositories, start=True, **options) -> Daemon:
        daemon = Daemon(tmp_path / f"daemon{len(daemons)}", list(repositories), **options)
        daemons.append(daemon)
        return daemon.start() if start else daemon

    yield make
    ended = {daemon.log: daemon.stop() for daemon in daemons if daemon.running()}
    for daemon in daemons:
        print(f"--- {daemon.log}\n{daemon.log_text()}")
    assert not any(ended.values()), f"exit status by log: {ended}"


@dataclass
class Site:
    """One repository, followed by a daemon and published at `path`."""

    upstream: Upstream
    url: str
    path: Path
    daemon: Daemon

    def push(self, files: dict, **options) -> str:
        """A commit at the upstream and its signed delivery; returns the commit."""
        commit = self.upstream.commit(files, **options)
        assert self.daemon.push(self.url, commit).status == 202
        return commit

    def wait_for(self, commit: str) -> None:
        wait_for_commit(self.path, commit)


@pytest.fixture
def follow(tmp_path, upstream, make_daemon):
    """Follows the upstream as repository "site" until its first commit is published."""

    def follow(url: str | None = None, path: Path | None = None, first: bool = True, start: bool = True,
               daemon: dict | None = None, **settings) -> Site:
        url = url or str(upstream.path)
        path = path or tmp_path / "www/site"
        path.parent.mkdir(exist_ok=True)
        repository = {"name": "site", "url": url, "path": str(path)} | settings
        site = Site(upstream, url, path, make_daemon(repository, start=start, **(daemon or {})))
        if first and start:
            site.wait_for(upstream.tip())
        return site

    return follow


@pytest.fixture
def site(follow):
    return follow()


@pytest.fixture
def http_site(follow, http_upstreams, upstream):
    return follow(http_upstreams.url(upstream.path))


# The status page

@pytest.fixture(scope="module")
def browser():
    """One for a file of tests; each page is in a profile of its own."""
    browser = Browser()
    yield browser
    browser.stop()


@pytest.fixture
def watched(browser, tmp_path, make_daemon):
    """Follows nothing yet and does not run; no page that it opens may complain on its console."""
    watched = Watched(browser, tmp_path, make_daemon)
    yield watched
    for page in watched.pages:
        assert complaints(page) == []
        page.context().close()


@pytest.fixture
def three(watched):
    """The page of a daemon whose three repositories are as they should be."""
    for name in ("alpha", "beta", "gamma/delta"):
        watched.follow(name)
    watched.start()
    for name in watched.upstreams:
        watched.daemon.wait_for_state("ok", name.replace("/", "%2F"))
    return watched
