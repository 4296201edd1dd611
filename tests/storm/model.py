"""What must be true, whatever befalls: told of what was done and seen, it says which promise was broken.

Pure: no files, no clock; times are arguments, in seconds of one clock.

A ref is the list of the values that it had. Each checkout *walks* along its ref's values: what a reader
sees must be a value at or behind the one seen before, so a tree never goes back by itself, and a push
that rewrites history is simply the next value. A 202 promises the value that the ref had when the
delivery was sent, or a later one.
"""

from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass, field
from typing import Hashable, Iterable, NamedTuple


class Violation(NamedTuple):
    promise: str  # which of PROMISES
    what: str  # a repository, a path, "the daemon"
    time: float
    text: str

    def __str__(self) -> str:
        return f"{self.promise}: {self.what}: {self.text}"


PROMISES = {
    "whole": "every tree seen is exactly one commit",
    "its own": "every commit seen is one that its ref had by then",
    "never back": "a tree never goes back by itself",
    "202": "what was answered 202 is published, or its repository shows as failing",
    "alone": "a repository is not failing while nothing was done to it",
    "settled": "in the calm every repository is ok and shows its ref's commit",
    "answers": "each delivery is answered as it should be",
    "alive": "the daemon never ends by itself, starts again, and answers",
    "clean": "in the calm mirrors are sound and nothing is left behind",
    "discreet": "no secret is in the log",
}


@dataclass(frozen=True)
class Bounds:
    """In seconds. Generous: what is slow is not wrong."""

    alone: float = 90  # from a 202 to the tree, while nothing is done to repository and machine
    recovery: float = 180  # until a failure that began under harm is over: backoff, breaker, retries
    calm: float = 240  # until everything is settled
    reading: float = 10  # a look that took longer says nothing of keep_old


@dataclass
class Value:
    commit: str | None  # None: the ref was deleted
    digest: str
    versions: dict[str, int]  # path -> version, for those published in place
    began: float  # from then on it may be seen
    served: float | None = None  # from then on nothing older is served


@dataclass
class Walk:
    """One checkout, or one ref of a mirror."""

    ref: Hashable
    at: int = -1  # the first value that what was seen can be
    commit: str | None = None  # seen last
    paths: dict[str, int] = field(default_factory=dict)  # in place: by file


@dataclass
class Promise:
    repository: str
    ref: Hashable
    value: int
    since: float
    told: bool = False  # that it is late


@dataclass
class Health:
    """Of a repository, or of the machine."""

    harms: int = 0  # that last
    ended: float = float("-inf")  # the last of them
    state: str = "pending"
    known: float = float("-inf")  # when that was seen


class Model:
    def __init__(self, bounds: Bounds = Bounds()):
        self.bounds = bounds
        self.violations: list[Violation] = []
        self.checked = Counter()  # promise -> how often it was looked at
        self.slowest: dict[str, float] = {}
        self._values: dict[Hashable, list[Value]] = {}
        self._walks: dict[Hashable, Walk] = {}
        self._walks_of: dict[Hashable, list[Walk]] = {}
        self._promises: list[Promise] = []
        self._health: dict[str, Health] = {}
        self._machine = Health()
        self._calm: float | None = None

    # What is done

    def follow(self, checkout: Hashable, repository: str, ref: str) -> None:
        walk = Walk((repository, ref))
        self._walks[checkout] = walk
        self._walks_of.setdefault(walk.ref, []).append(walk)
        self._health.setdefault(repository, Health())

    def pushed(self, repository: str, ref: str, commit: str | None, time: float, digest: str = "",
               versions: dict[str, int] | None = None) -> Value:
        """Before the ref moves; `served` of what it returns is to be set once it did."""
        value = Value(commit, digest, versions or {}, time)
        self._values.setdefault((repository, ref), []).append(value)
        return value

    def delivered(self, repository: str, ref: str, status: int, time: float) -> None:
        """`time`: when it was sent."""
        values = self._values.get((repository, ref), [])
        if status != 202 or (repository, ref) not in self._walks_of:
            return
        served = [number for number, value in enumerate(values[-20:], max(0, len(values) - 20))
                  if value.served is not None and value.served <= time]
        if served:
            self._promises.append(Promise(repository, (repository, ref), served[-1], time))
            self._keep_promises((repository, ref), time)

    def answered(self, what: str, status: int, allowed: Iterable[int], time: float) -> None:
        self.checked["answers"] += 1
        if status not in allowed:
            self._broken("answers", what, time, f"answered {status}, allowed were {sorted(allowed)}")

    def harmed(self, repository: str | None, time: float) -> None:
        """None: the whole machine."""
        self._of(repository).harms += 1

    def healed(self, repository: str | None, time: float) -> None:
        health = self._of(repository)
        health.harms -= 1
        health.ended = max(health.ended, time)

    # What is seen

    def observed(self, checkout: Hashable, commit: str, time: float) -> None:
        """Somebody resolved the path. Looks at one checkout are told in their order."""
        walk = self._walks[checkout]
        values = self._values[walk.ref]
        self.checked["its own"] += 1
        self.checked["never back"] += 1
        walk.commit = commit
        ahead = [number for number in range(max(walk.at, 0), len(values))
                 if values[number].commit == commit and values[number].began <= time]
        behind = [number for number in range(max(walk.at, 0)) if values[number].commit == commit]
        if ahead:
            walk.at = ahead[0]
        elif behind:
            self._broken("never back", str(checkout), time, f"shows {commit} again, after "
                         f"{values[walk.at].commit}")
            walk.at = behind[-1]
        else:
            self._broken("its own", str(checkout), time, f"shows {commit}, which {walk.ref} never was")
        self._keep_promises(walk.ref, time)

    def compared(self, checkout: Hashable, commit: str, digest: str | None, problem: str, began: float,
                 ended: float) -> None:
        """What was read of a tree between the time that its path was resolved and now. `digest`: None
        when it could not be read, `problem` says why."""
        if ended - began > self.bounds.reading:
            return  # too slow a reader for what is promised
        self.checked["whole"] += 1
        expected = {value.digest for value in self._values[self._walks[checkout].ref] if value.commit == commit}
        if digest is None:
            self._broken("whole", str(checkout), ended, problem)
        elif expected and digest not in expected:
            self._broken("whole", str(checkout), ended, f"is not the commit {commit} that its link names")

    def observed_files(self, checkout: Hashable, versions: dict[str, int | None], time: float) -> None:
        """A look at a directory that is changed in place. None: the file is not whole."""
        walk, values = self._walks[checkout], self._values[self._walks[checkout].ref]
        for path, version in versions.items():
            self.checked["whole"] += 1
            at = max(walk.paths.get(path, 0), 0)
            found = next((number for number in range(at, len(values))
                          if values[number].versions.get(path) == version), None)
            if version is None:
                self._broken("whole", f"{checkout}/{path}", time, "is not a whole file")
            elif found is not None:
                walk.paths[path] = found
            elif any(value.versions.get(path) == version for value in values[:at]):
                self._broken("never back", f"{checkout}/{path}", time, f"shows version {version} again")
            else:
                self._broken("its own", f"{checkout}/{path}", time, f"shows version {version}, which "
                             f"{walk.ref} never had")

    def state(self, repository: str, state: str, error: str, time: float) -> None:
        """What the daemon says of a repository."""
        health = self._health[repository]
        if state != "refreshing":
            health.state, health.known = state, time
        self.checked["alone"] += 1
        if state in ("failing", "held") and not self._excused(health, time):
            self._broken("alone", repository, time, f"is {state} though nothing was done to it: {error}")

    def looked(self, promise: str, times: int = 1) -> None:
        """Somebody else looked whether it holds, and calls broken() where not."""
        self.checked[promise] += times

    def broken(self, promise: str, what: str, time: float, text: str) -> None:
        self._broken(promise, what, time, text)

    # The calm

    def calm(self, time: float) -> None:
        """From now on nothing is done, and everything is well."""
        self._calm = time

    def storm(self) -> None:
        self._calm = None

    def late(self, time: float) -> None:
        """To be called now and then: what was promised and is not there though nothing hinders it."""
        for promise in self._promises:
            healed = max(self._health[promise.repository].ended, self._machine.ended)
            well_since = max(promise.since, healed)
            hindered = self._health[promise.repository].harms or self._machine.harms
            # Harm before the promise counts too: its failures can have made the pauses long.
            recovering = healed + self.bounds.recovery > promise.since
            bound = self.bounds.recovery if recovering else self.bounds.alone
            if not promise.told and not hindered and time - well_since > bound:
                promise.told = True
                self._broken("202", promise.repository, time,
                             f"the value {promise.value} of {promise.ref[1]} was promised {time - promise.since:.0f} s "
                             f"ago, nothing hinders it since {time - well_since:.0f} s, and it is not there")

    def unsettled(self) -> list[str]:
        """What is not yet as it should be in the calm, since when it is calm."""
        found = []
        for checkout, walk in self._walks.items():
            last = self._values[walk.ref][-1].commit
            if last and walk.commit != last:
                found.append(f"{checkout} shows {walk.commit} and not {last}")
        for name, health in self._health.items():
            if health.known < self._calm:
                found.append(f"{name}: not seen since")
            elif health.state not in ("ok", "lagging"):
                found.append(f"{name} is {health.state}")
        return found + [f"{promise.repository}: a promise for {promise.ref[1]} is open"
                        for promise in self._promises]

    def overdue(self, time: float) -> bool:
        """Whether it was calm for so long that everything had to be settled; tells what is not."""
        if time - self._calm <= self.bounds.calm:
            return False
        for text in self.unsettled():
            self._broken("settled", text.split(" ")[0], time, f"{text} after {time - self._calm:.0f} s of calm")
        return True

    def settled(self, time: float) -> None:
        self.checked["settled"] += len(self._walks) + len(self._health)
        self._slow("calm until all is settled", time - self._calm)

    # Inside

    def _of(self, repository: str | None) -> Health:
        return self._machine if repository is None else self._health[repository]

    def _excused(self, health: Health, time: float) -> bool:
        return any(one.harms > 0 or time - one.ended < self.bounds.recovery
                   for one in (health, self._machine))

    def _keep_promises(self, ref: Hashable, time: float) -> None:
        values = self._values[ref]
        open_ones = []
        for promise in self._promises:
            if promise.ref != ref or not self._kept(promise, values):
                open_ones.append(promise)
                continue
            self.checked["202"] += 1
            health = self._health[promise.repository]
            alone = max(health.ended, self._machine.ended) < promise.since and not (
                health.harms or self._machine.harms)
            self._slow("202 until it was seen, nothing done to it" if alone
                       else "202 until it was seen, under harm", time - promise.since)
        self._promises = open_ones

    def _kept(self, promise: Promise, values: list[Value]) -> bool:
        later = {value.commit for value in values[promise.value:]}
        return all(walk.at >= promise.value or walk.commit in later for walk in self._walks_of[promise.ref])

    def _slow(self, what: str, seconds: float) -> None:
        self.slowest[what] = max(self.slowest.get(what, 0.0), seconds)

    def _broken(self, promise: str, what: str, time: float, text: str) -> None:
        self.violations.append(Violation(promise, what, time, text))
