"""A 202 is a promise: through bursts, running refreshes, reloads, crashes and upstreams that lag.

Polling is off everywhere, and no second delivery comes. That the promise alone is what brings a commit
shows where the upstream serves it only after everything else that could make a refresh is over.
"""

import os
import random
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from pathlib import Path

import pytest

from daemon import SECRET, Daemon, wait_for_commit
from forge import github_headers, github_push
from processes import processes_of_session
from published import assert_complete
from upstream import Upstream
from waiting import let_pass, wait_for

REPOSITORIES = 6
ROUNDS = 4
BURST = 15


class Followed:
    """One repository of several: its upstream, which can have commits that it does not serve yet."""

    def __init__(self, root: Path, www: Path, number: int, url_of):
        self.name = f"site{number}"
        self.upstream = Upstream(root / f"{self.name}.git")
        self.upstream.commit({"README": "first\n"})
        self.url = url_of(self.upstream.path)
        self.path = www / self.name

    def settings(self) -> dict:
        return {"name": self.name, "url": self.url, "path": str(self.path)}

    def commit_unserved(self, text: str) -> str:
        """A commit that main will be moved to, and that the upstream does not show there yet."""
        return self.upstream.commit({"README": text}, branch="next", parent=self.upstream.tip())

    def announce(self, daemon: Daemon, commit: str) -> int:
        body = github_push(self.url, commit, before=self.upstream.tip())
        return daemon.deliver(body, github_headers(body, SECRET)).status

    def push(self, daemon: Daemon, text: str) -> int:
        body = github_push(self.url, self.upstream.commit({"README": text}))
        return daemon.deliver(body, github_headers(body, SECRET)).status


@pytest.fixture
def follow_several(tmp_path, make_daemon):
    """Follows repositories until all of them are published."""

    def follow_several(url_of=str):
        www = tmp_path / "www"
        www.mkdir()
        (tmp_path / "upstreams").mkdir(exist_ok=True)
        sites = [Followed(tmp_path / "upstreams", www, number, url_of) for number in range(REPOSITORIES)]
        daemon = make_daemon(*[site.settings() for site in sites])
        for site in sites:
            wait_for_commit(site.path, site.upstream.tip())
        return daemon, sites
    return follow_several


def start_again(daemon: Daemon) -> None:
    """Once nothing of the killed one is left, as a service manager does."""
    session = daemon.process.pid
    wait_for(lambda: not processes_of_session(session), "the killed daemon's children have ended", 60)
    daemon.start()


def test_bursts_during_slow_fetches_and_reloads_end_at_the_newest_commits(follow_several, http_upstreams):
    daemon, sites = follow_several(http_upstreams.url)
    http_upstreams.hold()

    def burst(site: Followed) -> set[int]:
        return {site.push(daemon, f"{number}\n") for number in range(BURST)}

    with ThreadPoolExecutor(len(sites)) as pool:
        bursts = [pool.submit(burst, site) for site in sites]
        reloads = 0
        while reloads < 2 or not all(future.done() for future in bursts):
            daemon.settings["limits"] = {"refreshes": 2 + reloads % 2}
            daemon.reload()
            reloads += 1
        assert {status for future in bursts for status in future.result()} == {202}
    http_upstreams.release()

    for site in sites:
        wait_for_commit(site.path, site.upstream.tip())
        assert assert_complete(site.path) == site.upstream.tip()


def test_what_was_answered_202_outlives_kills_at_random_moments(follow_several):
    """The upstreams serve what was announced only after the last start's refreshes are over."""
    seed = int(os.environ.get("FRESHET_TEST_SEED", random.randrange(10**6)))
    print(f"FRESHET_TEST_SEED={seed}")
    rng = random.Random(seed)
    daemon, sites = follow_several()

    for number in range(ROUNDS):
        announced = {site.name: site.commit_unserved(f"{number} {site.name}\n") for site in sites}
        promised = []

        def announce(site: Followed) -> None:
            try:
                if site.announce(daemon, announced[site.name]) == 202:
                    promised.append(site)
            except (OSError, HTTPException):
                pass  # killed before it could answer

        rng.shuffle(sites)
        enough = rng.randrange(1, REPOSITORIES + 1)
        with ThreadPoolExecutor(REPOSITORIES) as pool:
            for site in sites:
                pool.submit(announce, site)
            wait_for(lambda: len(promised) >= enough, f"{enough} were promised")
            daemon.kill9()
        start_again(daemon)
        if rng.random() < 0.5:
            let_pass(rng.uniform(0, 0.3))
            daemon.kill9()
            start_again(daemon)

        for site in promised:
            daemon.wait_for_state("lagging", site.name)
        for site in promised:
            site.upstream.set_ref("refs/heads/main", announced[site.name])
        for site in promised:
            wait_for_commit(site.path, announced[site.name])
            assert assert_complete(site.path) == announced[site.name]


def test_a_reload_does_not_forget_that_an_upstream_lags(follow_several):
    daemon, sites = follow_several()
    commits = [site.commit_unserved("second\n") for site in sites]
    for site, commit in zip(sites, commits):
        assert site.announce(daemon, commit) == 202
    for site in sites:
        daemon.wait_for_state("lagging", site.name)
    daemon.reload()
    for site, commit in zip(sites, commits):
        site.upstream.set_ref("refs/heads/main", commit)
    for site, commit in zip(sites, commits):
        wait_for_commit(site.path, commit)


def test_what_was_promised_for_a_repository_holds_for_its_new_name(follow_several):
    daemon, sites = follow_several()
    site = sites[0]
    commit = site.commit_unserved("second\n")
    assert site.announce(daemon, commit) == 202
    daemon.wait_for_state("lagging", site.name)
    daemon.settings["repository"][0]["name"] = site.name = "renamed"
    daemon.reload()
    daemon.wait_for_state("lagging", site.name)  # else the refresh of the reload could be what brings it
    daemon.kill9()
    daemon.start()
    daemon.wait_for_state("lagging", site.name)
    site.upstream.set_ref("refs/heads/main", commit)
    wait_for_commit(site.path, commit)


def test_a_promise_that_cannot_be_kept_shows_as_failing_across_a_crash_and_is_kept_later(follow_several):
    daemon, sites = follow_several()
    site = sites[0]
    away = site.upstream.path.with_suffix(".away")
    commit = site.commit_unserved("second\n")
    body = github_push(site.url, commit, before=site.upstream.tip())
    site.upstream.path.rename(away)
    assert daemon.deliver(body, github_headers(body, SECRET)).status == 202
    daemon.kill9()
    start_again(daemon)

    daemon.wait_for_state("failing", site.name)
    away.rename(site.upstream.path)
    site.upstream.set_ref("refs/heads/main", commit)
    daemon.refresh(site.name)
    wait_for_commit(site.path, commit)


def test_a_burst_that_is_killed_in_the_middle_of_slow_fetches_is_kept(follow_several, http_upstreams):
    daemon, sites = follow_several(http_upstreams.url)
    packs = http_upstreams.packs_asked_for()
    http_upstreams.hold()
    for number in range(5):
        assert {site.push(daemon, f"{number}\n") for site in sites} == {202}
    wait_for(lambda: http_upstreams.packs_asked_for() > packs, "a fetch is under way")
    daemon.kill9()
    start_again(daemon)
    http_upstreams.release()
    for site in sites:
        wait_for_commit(site.path, site.upstream.tip())
        assert assert_complete(site.path) == site.upstream.tip()
