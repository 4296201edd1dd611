"""The storm itself: rounds of harm, each followed by a calm in which everything has to become true."""

import errno
import os
import random
from collections import Counter
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Callable

from actors import Forges, Pushers
from checks import Checks
from disaster import Disaster, start_daemon
from disasters import DISASTERS, prepare
from gateway import Gateway
from history import History
from lines import Line
from model import Bounds, Model
from plan import Blow, Deck, Harm, Push, Stray, make_plan
from readers import Readers, Watcher
from report import report
from waiting import StateNotReached, wait_for
from world import KEEP_OLD, World

FIRST_REFRESHES = 180  # seconds until all repositories are published for the first time
ACTORS_DONE = 180  # seconds until the last push is made and the last delivery answered


@dataclass(frozen=True)
class Options:
    seed: int
    minutes: float
    repositories: int
    chosen: frozenset[str]  # kinds of harm
    round_seconds: float = 40
    say: Callable[[str], None] = print


class Storm:
    """Once. Everything that it leaves is in `directory`."""

    def __init__(self, directory: Path, options: Options):
        self._options, self._say = options, options.say
        self._history = History(Model(Bounds(reading=KEEP_OLD - 1)), directory / "history.jsonl")
        self._world = World(directory, options.seed, options.repositories,
                            partial(Gateway, seed=options.seed))
        self._checks = Checks(self._world, partial(self._broken, "clean"))
        self._weather, self._fate = (Line(self._history.now, threads=1) for _ in range(2))
        self._forges = Forges(self._world, self._history)
        self._pushers = Pushers(self._world, self._history, self._forges)
        self._readers, self._watcher = Readers(self._world, self._history), Watcher(self._world, self._history)
        self._undo: list[Disaster] = []
        disasters = [name for name in DISASTERS if name in options.chosen]
        self._disasters = Deck(f"disasters {options.seed}", disasters) if disasters else None

    def run(self) -> bool:
        """Whether every promise was kept."""
        history, rounds = self._history, 0
        try:
            self._begin()
            while not rounds or history.now() < 60 * self._options.minutes and not self._over():
                rounds += 1
                self._round(rounds)
            requests = self._world.gateway.seen().values()
        finally:
            self._end()
        harmed = sum((Counter(counts.by_fault) for counts in requests), Counter())
        self._say(report(history, self._options.seed, rounds, harmed, self._notes()))
        history.close()
        return not history.model.violations

    # Beginning and end

    def _begin(self) -> None:
        world, history = self._world, self._history
        for repository in world.repositories:
            for checkout in repository.checkouts:
                history.tell("follow", checkout.path, repository.name, checkout.ref)
            for ref in repository.followed() if repository.mirror else ():
                history.tell("follow", (repository.name, ref), repository.name, ref)
            for ref, commit in list(repository.origin.refs.items()):
                history.push(repository, ref, commit)
        prepare(world)
        world.start()
        wait_for(lambda: all(checkout.path.exists() for repository in world.repositories
                             for checkout in repository.checkouts),
                 "everything is published for the first time", FIRST_REFRESHES)
        world.leave_untracked_files()
        self._readers.start()
        self._watcher.start()
        self._calm("start")

    def _end(self) -> None:
        for line in self._weather, self._fate, self._pushers, self._forges:
            line.end()
        self._readers.end()
        self._watcher.end()
        if self._world.daemon.running() and (status := self._world.stop()):
            self._broken("alive", "the daemon", f"ended with {status} when it was asked to")
        self._world.close()

    def _over(self) -> bool:
        """After the first broken promise nothing that follows says much."""
        return bool(self._history.model.violations)

    # A round

    def _round(self, number: int) -> None:
        history, options = self._history, self._options
        seconds = min(options.round_seconds, 30 * options.minutes)
        history.tell("storm")
        plan = make_plan(f"{options.seed} {number}", self._world, seconds, options.chosen,
                         self._disasters)
        began, before = history.now(), Counter(history.counts)
        act = {Push: (self._pushers.line, self._pushers.push), Stray: (self._pushers.line, self._forges.stray),
               Harm: (self._weather, self._harm), Blow: (self._fate, self._strike)}
        for event in plan:
            line, what = act[type(event)]
            line.put(began + event.at, partial(what, event))
        self._wait_for_actors(seconds)
        self._make_well()
        took = 0.0 if self._over() else self._calm(f"round {number}")
        done = Counter(history.counts) - before
        self._say(f"round {number}: {history.now() - began:.0f} s, calm after {took:.0f} s; "
                  + ", ".join(f"{times} {what}" for what, times in sorted(done.items())))

    def _wait_for_actors(self, seconds: float) -> None:
        """Until the round's time is over and what is to be undone by itself is undone."""
        end = self._history.now() + seconds
        actors = self._weather, self._fate, self._pushers
        wait_for(lambda: all([line.idle() for line in actors]) and self._history.now() > end,
                 "what was planned is done", seconds + ACTORS_DONE)

    def _make_well(self) -> None:
        self._world.gateway.heal()
        self._undo.sort(key=lambda disaster: disaster.of_disk)
        while self._undo:
            self._undo_disaster(self._undo.pop())
        try:
            wait_for(self._forges.idle, "every delivery is answered", ACTORS_DONE)
        except StateNotReached as error:
            self._broken("answers", "the daemon", str(error))

    def _calm(self, what: str) -> float:
        """Seconds until everything was settled."""
        history = self._history
        began = history.now()
        history.tell("calm", began)
        wait_for(lambda: not history.tell("unsettled", quiet=True)
                 or history.tell("overdue", history.now(), quiet=True), f"{what} is settled", 3600)
        took = history.now() - began
        if not self._over():
            history.tell("settled", history.now())
            self._checks.run()
            history.tell("looked", "clean", len(self._world.repositories))
            history.tell("looked", "discreet")
        return took

    def _harm(self, harm: Harm) -> None:
        world, history = self._world, self._history
        harmed = [repository.name for repository in world.repositories
                  if harm.target in (repository.name, repository.host)]
        history.harm(harmed)
        world.gateway.harm(harm.target, harm.fault, harm.share)
        history.did(f"fault: {harm.fault.kind}", target=harm.target, fault=str(harm.fault), share=harm.share,
                    seconds=harm.until - harm.at)
        self._weather.put(history.now() + harm.until - harm.at, partial(self._heal, harm.target, harmed))

    def _heal(self, target: str, harmed: list[str]) -> None:
        self._world.gateway.heal(target)
        self._history.note("healed", target=target)
        self._history.heal(harmed)

    def _strike(self, blow: Blow) -> None:
        history = self._history
        history.harm(None)
        history.note("disaster", name=blow.name, seed=blow.seed)
        try:
            disaster = self._befall(blow)
        except AssertionError as error:
            self._broken("alive", "the daemon", f"{blow.name}: {error}")
            return
        history.did(f"disaster: {blow.name}", happened=disaster.what,
                    forgives=sorted(disaster.forgives))
        if disaster.undo:
            self._undo.append(disaster)
        else:
            history.heal(None)

    def _befall(self, blow: Blow) -> Disaster:
        """Where the disk is bad already not everything can be done to it."""
        try:
            return DISASTERS[blow.name](self._world, random.Random(blow.seed))
        except OSError as error:
            if error.errno not in (errno.EROFS, errno.ENOSPC):
                raise
            return Disaster(f"left out: {error}; {start_daemon(self._world)}")

    def _undo_disaster(self, disaster: Disaster) -> None:
        try:
            disaster.undo()
        except AssertionError as error:
            self._broken("alive", "the daemon", f"after {disaster.what}: {error}")
        self._history.note("undone", disaster=disaster.what)
        self._history.heal(None)

    # What is told

    def _broken(self, promise: str, what: str, text: str) -> None:
        self._history.tell("broken", promise, what, self._history.now(), text)

    def _notes(self) -> list[str]:
        notes = [f"{self._readers.looks} looks of readers; the daemon was started {self._world.starts} times "
                 f"and took {self._watcher.most_memory:.0f} MiB of memory at most"]
        if os.geteuid():
            notes.append("left out without root: what befalls disks")
        return notes
