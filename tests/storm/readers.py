"""Who looks at freshet from outside: readers of what it publishes, and a watcher of the daemon itself."""

import os
import re
import threading
from collections import deque
from http.client import HTTPException
from pathlib import Path

from content import FILE, LINK, UNTRACKED, Entry, digest, read_tree, version_of
from daemon import request
from history import History
from memory import memory_of
from world import KEEP_OLD, Checkout, Repository, World

BETWEEN_LOOKS = 0.01  # seconds
PATIENT_SHARE = 8  # one look of so many reads its tree only after half of keep_old
# What is written in place has this name beside its own until it is whole. None of them stays: in the calm
# the whole directory is compared.
BEING_WRITTEN = re.compile(r"(.*/)?\.freshet-[0-9a-f]{16}\.new")
LONGEST_SILENCE = 60  # seconds without an answer of a daemon that runs


def mirror_of(world: World, repository: Repository) -> Path | None:
    """The bare repository that freshet keeps of it."""
    found = list((world.state_dir / "mirrors").glob(f"*/{repository.name}*.git"))
    return found[0] if len(found) == 1 else None


def ref_of(mirror: Path, ref: str) -> str | None:
    """As git finds it, without a process for each look."""
    for _ in range(3):  # it may be packed between the two looks
        try:
            return (mirror / ref).read_text().strip()
        except OSError:
            pass
        try:
            for line in (mirror / "packed-refs").read_text().splitlines():
                if line.endswith(f" {ref}"):
                    return line.split(" ")[0]
        except OSError:
            pass
    return None


class Readers:
    """Look at every published tree again and again until end(), also while the daemon is dead."""

    def __init__(self, world: World, history: History, threads: int = 2):
        self._world, self._history = world, history
        self._over = threading.Event()
        self.looks = 0
        self._mirrors: dict[str, Path] = {}
        everything = [(repository, checkout) for repository in world.repositories
                      for checkout in repository.checkouts or [None]]
        self._threads = [threading.Thread(target=self._look_again_and_again, args=(everything[n::threads],),
                                          daemon=True) for n in range(threads)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        self._over.set()
        for thread in self._threads:
            if thread.ident:  # it was started
                thread.join()

    def _look_again_and_again(self, places: list) -> None:
        patient = deque()  # (when to read, its look)
        number = 0
        while not self._over.is_set():
            for repository, checkout in places:
                number += 1
                self._look(repository, checkout, patient if number % PATIENT_SHARE == 0 else None)
                while patient and patient[0][0] <= self._history.now():
                    self._read(*patient.popleft()[1:])
                if self._over.wait(BETWEEN_LOOKS):
                    break
        for look in patient:
            os.close(look[2])

    def _look(self, repository: Repository, checkout: Checkout | None, patient: deque | None) -> None:
        self.looks += 1
        if checkout is None:
            self._look_at_mirror(repository)
        elif checkout.mode == "in_place":
            self._look_in_place(repository, checkout)
        else:
            self._look_at_link(repository, checkout, patient)

    def _look_at_link(self, repository: Repository, checkout: Checkout, patient: deque | None) -> None:
        began = self._history.now()
        try:
            target = os.readlink(checkout.path)
            tree = os.open(checkout.path.parent / target, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            self._history.tell("compared", checkout.path, "", None, f"a reader met: {error}", began,
                               self._history.now(), quiet=True)
            return
        commit = os.path.basename(target)
        self._history.tell("observed", checkout.path, commit, began, quiet=True)
        if patient is None:
            self._read(checkout, tree, commit, began)
        else:
            patient.append((began + KEEP_OLD / 2, checkout, tree, commit, began))

    def _read(self, checkout: Checkout, tree: int, commit: str, began: float) -> None:
        found, problem = None, ""
        try:
            found = digest(read_tree(tree))
        except OSError as error:
            problem = f"a reader of {commit} met after {self._history.now() - began:.1f} s: {error}"
        finally:
            os.close(tree)
        self._history.tell("compared", checkout.path, commit, found, problem, began, self._history.now(),
                           quiet=True)

    def _look_in_place(self, repository: Repository, checkout: Checkout) -> None:
        tree = os.open(checkout.path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            files = read_tree(tree, forgiving=True)
        finally:
            os.close(tree)
        now = self._history.now()
        if files.pop(UNTRACKED, None) != Entry(FILE, checkout.path.name.encode()):
            self._history.tell("broken", "whole", str(checkout.path), now, "what nobody tracks did not stay")
        number = repository.origin.number
        self._history.tell("observed_files", checkout.path,
                           {path: version_of(number, path, entry.data) for path, entry in files.items()
                            if entry.mode != LINK and not BEING_WRITTEN.fullmatch(path)}, now, quiet=True)
        commit = self._commit_in_place(repository, files)
        if commit:
            self._history.tell("observed", checkout.path, commit, now, quiet=True)

    def _commit_in_place(self, repository: Repository, files: dict[str, Entry]) -> str | None:
        """Whose files they are; None while they are those of several commits."""
        origin, shown = repository.origin, digest(files)
        stamp = files.get("stamp")
        serial = stamp and version_of(origin.number, "stamp", stamp.data)
        commit = origin.commit_of.get(serial)
        return commit if commit and origin.digest_of(commit) == shown else None

    def _look_at_mirror(self, repository: Repository) -> None:
        mirror = self._mirrors.get(repository.name) or mirror_of(self._world, repository)
        if not mirror:
            return
        self._mirrors[repository.name] = mirror
        for ref in sorted(repository.followed()):
            now = self._history.now()
            if commit := ref_of(mirror, ref):
                self._history.tell("observed", (repository.name, ref), commit, now, quiet=True)


class Watcher:
    """Asks the daemon each second what it says of itself and of its repositories."""

    def __init__(self, world: World, history: History):
        self._world, self._history = world, history
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._answered = history.now()
        self._told = False
        self.most_memory = 0.0

    def start(self) -> None:
        self._answered = self._history.now()
        self._thread.start()

    def end(self) -> None:
        self._over.set()
        if self._thread.ident:
            self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(1):
            if self._ended_by_itself():
                return
            self._history.tell("looked", "alive", quiet=True)
            if self._ask():
                self._answered, self._told = self._history.now(), False
            silent = self._history.now() - self._answered
            if silent > LONGEST_SILENCE and not self._told:
                self._told = True
                self._broken(f"did not answer /healthz with 200 for {silent:.0f} s")
            self._history.tell("late", self._history.now(), quiet=True)

    def _ended_by_itself(self) -> bool:
        world = self._world
        with world.starting:
            if not world.meant_to_run or world.daemon.running():
                return False
            self._broken(f"ended by itself with {world.daemon.process.returncode}")
            return True

    def _ask(self) -> bool:
        world = self._world
        if not world.meant_to_run:
            return True
        try:
            self.most_memory = max(self.most_memory, memory_of(world.daemon.process.pid, "VmRSS"))
            health = request(world.daemon.public_port, "GET", "/healthz", timeout=5)
            listed = request(world.daemon.admin_port, "GET", "/api/v1/repositories", timeout=10)
        except (OSError, HTTPException, RuntimeError):
            return False
        if listed.status == 200:
            for entry in listed.json["repositories"]:
                error = entry["last_error"] or {}
                self._history.tell("state", entry["name"], entry["state"],
                                   f"{error.get('class')}: {error.get('message')}", self._history.now(),
                                   quiet=True)
        return health.status == 200

    def _broken(self, text: str) -> None:
        self._history.tell("broken", "alive", "the daemon", self._history.now(), text)
