"""What all ways of keeping checkouts fresh have in common: upstreams, pushes to them, and who looks."""

import heapq
import json
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from random import Random

from https_upstream import HttpsUpstreams
from upstream import Upstream, git
from waiting import let_pass

FILES, FOLDERS = 100, 10
STAMP = "stamp"  # the file that says which push a tree is of


@dataclass(frozen=True)
class Push:
    at: float  # seconds since the pushes began
    repository: int


def pushes_per_minute(repositories: int) -> float:
    return 12 + repositories / 20


def plan_pushes(seed: int, repositories: int, minutes: float) -> list[Push]:
    """The same for the same arguments: moments and repositories by chance."""
    rng = Random(f"{seed} {repositories}")
    count = max(1, round(pushes_per_minute(repositories) * minutes))
    moments = sorted(rng.uniform(0, 60 * minutes) for _ in range(count))
    return [Push(at, rng.randrange(repositories)) for at in moments]


def push_counts(plan: list[Push]) -> dict[int, int]:
    counts: dict[int, int] = {}
    for push in plan:
        counts[push.repository] = counts.get(push.repository, 0) + 1
    return counts


class History:
    """A template of all repositories: a line of commits, of which number n has n in its file `stamp` and
    changes three files more."""

    def __init__(self, path: Path, pushes: int):
        self.path = path
        upstream = Upstream(path)
        first = {f"folder{n % FOLDERS}/file{n}": f"{n}\n" * 200 for n in range(FILES)}
        self.commits = [upstream.commit(first | {STAMP: "0\n"})]
        for number in range(1, pushes + 1):
            changed = {f"folder{n % FOLDERS}/file{n}": f"changed by {number}\n" * 100
                       for n in (number % FILES, (7 * number + 1) % FILES, (13 * number + 2) % FILES)}
            self.commits.append(upstream.commit(changed | {STAMP: f"{number}\n"}))
        git(path, "repack", "-adq")
        self.number = {commit: number for number, commit in enumerate(self.commits)}


class Site:
    """The upstreams of one way, with a name and so an address of their own."""

    def __init__(self, server: HttpsUpstreams, history: History, slug: str, repositories: int):
        self.server, self.history = server, history
        self.root = server.root / slug
        self.names = [f"site{number}" for number in range(repositories)]
        self._pushed = [0] * repositories
        for name in self.names:
            repository = self.root / f"{name}.git"
            (repository / "refs/heads").mkdir(parents=True)
            shutil.copyfile(history.path / "HEAD", repository / "HEAD")
            shutil.copyfile(history.path / "config", repository / "config")
            (repository / "objects").symlink_to(history.path / "objects")
            (repository / "refs/heads/main").write_text(history.commits[0] + "\n")

    def url(self, repository: int) -> str:
        return self.server.url(self.root / f"{self.names[repository]}.git")

    def push(self, repository: int) -> int:
        """Moves the ref by one commit, as git does it; the number of that push."""
        self._pushed[repository] += 1
        number = self._pushed[repository]
        ref = self.root / f"{self.names[repository]}.git/refs/heads/main"
        lock = ref.with_suffix(".lock")
        lock.write_text(self.history.commits[number] + "\n")
        os.rename(lock, ref)
        return number

    def requests(self) -> int:
        """Sent to these upstreams so far, of any kind."""
        log = self.server.directory / "access.log"
        prefix = f"/{self.root.name}/"
        lines = log.read_text().splitlines() if log.exists() else []
        return sum(json.loads(line)["uri"].startswith(prefix) for line in lines)


class Watch:
    """When each push is to be seen where people read.

    Looks rarely at what has not come for long, so that looking costs little: at a 50th of the time that
    passed since the push, and so with an error of two in a hundred, but not below a millisecond.
    """

    def __init__(self, published):
        self.latencies: list[float] = []
        self._published = published  # repository -> number of the push that readers find, or None
        self._looks: list[tuple[float, int, int, float]] = []  # when next, repository, push, pushed at

    def expect(self, repository: int, number: int, pushed_at: float) -> None:
        heapq.heappush(self._looks, (pushed_at, repository, number, pushed_at))

    @property
    def outstanding(self) -> int:
        return len(self._looks)

    def look(self) -> None:
        """At whatever is due."""
        while self._looks and self._looks[0][0] <= time.monotonic():
            _, repository, number, pushed_at = heapq.heappop(self._looks)
            seen, now = self._published(repository), time.monotonic()
            if seen is not None and seen >= number:
                self.latencies.append(now - pushed_at)
            else:
                pause = min(0.25, max(0.001, (now - pushed_at) / 50))
                heapq.heappush(self._looks, (now + pause, repository, number, pushed_at))

    def pass_until(self, end: float) -> None:
        """Looks until that moment."""
        while (left := end - time.monotonic()) > 0:
            self.look()
            let_pass(min(left, self._until_next_look(left)))

    def finish(self, end: float) -> None:
        """Looks until all is seen, but not beyond that moment."""
        while self._looks and time.monotonic() < end:
            let_pass(self._until_next_look(0))
            self.look()

    def _until_next_look(self, otherwise: float) -> float:
        return max(0.0003, self._looks[0][0] - time.monotonic() if self._looks else otherwise)
