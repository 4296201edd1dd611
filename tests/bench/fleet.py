"""Many small repositories, a server for them, and a daemon that publishes all of them."""

import json
import os
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from daemon import Daemon
from processes import Server, free_port, is_listening
from published import published_commit
from small_repositories import SmallRepositories
from tree_watch import blobs_in
from waiting import let_pass, wait_for


@dataclass
class Change:
    """One push. Times are seconds of the monotonic clock."""

    number: int
    told: bool
    commit: str
    pushed: float  # when the ref had moved
    published: float | None = None

    @property
    def seconds(self) -> float:
        return self.published - self.pushed


class Fleet:
    """`with Fleet(...)` runs the server; the daemon is started by who uses it.

    Half of the repositories have a webhook, and half of each half are published with `git = true`."""

    def __init__(self, directory: Path, count: int, interval: float):
        self.count = count
        self.upstreams = SmallRepositories(directory / "upstreams", count)
        self._trees, self._log = directory / "www", directory / "server.log"
        self._port = free_port()
        self.daemon = Daemon(directory / "daemon", [
            {"name": self.upstreams.name(number), "url": self.url(number), "path": str(self.tree(number)),
             "interval": f"{interval:g}s", "git": number % 4 < 2} for number in range(count)],
            # Who waits for /readyz asks often.
            server={"rate_limit": "off"})

    @staticmethod
    def has_webhook(number: int) -> bool:
        return number % 2 == 0

    def url(self, number: int) -> str:
        return f"http://127.0.0.1:{self._port}/{self.upstreams.name(number)}.git"

    def tree(self, number: int) -> Path:
        return self._trees / self.upstreams.name(number)

    def __enter__(self) -> "Fleet":
        program = str(Path(__file__).parent / "live_server.py")
        self.server = Server([sys.executable, program, str(self.upstreams.root), str(self._port)], self._log)
        try:
            wait_for(lambda: is_listening(self._port), "the server listens")
        except AssertionError as error:
            self.server.stop()
            raise RuntimeError(f"the server said: {self._log.read_text()}") from error
        return self

    def __exit__(self, *_) -> None:
        self.server.stop()

    def asked(self) -> dict[int, list[float]]:
        """When each repository's refs were asked for."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/report") as answer:
            report = json.load(answer)
        return {number: report.get(f"/{self.upstreams.name(number)}.git", []) for number in range(self.count)}

    def change(self, number: int) -> Change:
        """A push, told by a signed delivery where there is a webhook."""
        change = Change(number, self.has_webhook(number), self.upstreams.change(number), time.monotonic())
        if change.told:
            answer = self.daemon.push(self.url(number), change.commit)
            if answer.status != 202:
                raise RuntimeError(f"a delivery was answered {answer.status}: {answer.body}")
        return change

    def wrong_trees(self) -> list[str]:
        """The repositories of which what is published is not, file by file, the commit of the upstream."""
        return [self.upstreams.name(number) for number in range(self.count) if not self._is_right(number)]

    def _is_right(self, number: int) -> bool:
        tree = self.tree(number)
        return (published_commit(tree) == self.upstreams.tip(number)
                and blobs_in(tree.resolve()) == self.upstreams.files(number))


class Outstanding:
    """The changes that are not published yet."""

    def __init__(self, fleet: Fleet):
        self._fleet = fleet
        self._changes: dict[int, Change] = {}

    def __len__(self) -> int:
        return len(self._changes)

    def __contains__(self, number: int) -> bool:
        return number in self._changes

    def add(self, change: Change) -> None:
        self._changes[change.number] = change

    def look(self) -> list[Change]:
        """Those that are published by now."""
        done = [change for change in self._changes.values() if _shows(self._fleet.tree(change.number), change.commit)]
        for change in done:
            change.published = time.monotonic()
            del self._changes[change.number]
        return done

    def pause(self) -> None:
        """Until it is worth to look again: what was told of is watched closely."""
        let_pass(0.001 if any(change.told for change in self._changes.values()) else 0.01)


def _shows(tree: Path, commit: str) -> bool:
    return os.readlink(tree).endswith(commit)
