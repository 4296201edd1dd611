"""What is looked at in the calm: mirrors, what is left behind, the process, the log."""

import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from daemon import SECRET
from memory import memory_of
from processes import processes_of_session
from readers import mirror_of
from upstream import git
from waiting import StateNotReached, wait_for
from world import HOSTS, KEEP_OLD, TLS_HOSTS, TOKEN, Repository, World

FULL_HASH = re.compile(r"[0-9a-f]{40}")
MOST_SPARES = 2
# What freshet's own notes beside a published path are called.
NOTES = re.compile(r"[0-9a-f]{40}\.retired|in_place|drift_checked|lock|README")
TEMPORARY = re.compile(r"(.*\.lock|tmp_.*|\.tmp.*|tmp\..*|link\..*|trash\..*|.*\.tmp|freshet\.unclean|.*\.keep)")
UNTIL_CLEAN = 4 * KEEP_OLD + 60  # seconds: old trees are kept for a while, and swept after it
MORE_FILES = 16  # open files beyond those at the first calm; connections are kept for a while, too
# freshet keeps up to 16 connections for each host, and as many that packs come over; libcurl closes the idle ones
# when it has something to do the next time.
MORE_SOCKETS = 32 * len(HOSTS + TLS_HOSTS)
MOST_MEMORY = 512  # MiB


class Checks:
    """`found(what, text)` is called with each thing that is wrong."""

    def __init__(self, world: World, found):
        self._world, self._found = world, found
        self._files = None  # open at the first calm
        self._log_read = 0

    def run(self) -> None:
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(self._check_mirror, self._world.repositories))
        self._wait_until_clean()
        self._check_process()
        self._check_log()

    # Mirrors

    def _check_mirror(self, repository: Repository) -> None:
        mirror = mirror_of(self._world, repository)
        if not mirror:
            self._found(repository.name, "has no mirror")
            return
        try:
            git(mirror, "fsck", "--full", "--no-dangling", "--no-progress")
        except AssertionError as error:
            self._found(repository.name, f"its mirror is not sound: {error}")
        if repository.mirror:
            theirs, ours = (git(path, "for-each-ref", "--format=%(refname) %(objectname)", "refs/heads",
                                "refs/tags") for path in (repository.origin.path, mirror))
            if theirs != ours:
                self._found(repository.name, f"its mirror's refs are not the upstream's: {ours!r}, {theirs!r}")

        for checkout in repository.checkouts:
            if not checkout.git:
                continue
            try:
                if changed := git(checkout.path, "status", "--porcelain", "--untracked-files=no"):
                    self._found(str(checkout.path), f"git finds changes in it: {changed!r}")
            except AssertionError as error:
                self._found(str(checkout.path), f"git does not work in it: {error}")

    # What is left behind

    def _wait_until_clean(self) -> None:
        left = []

        def clean() -> bool:
            left[:] = self._leftovers()
            return not left
        try:
            wait_for(clean, "nothing is left behind", UNTIL_CLEAN)
        except StateNotReached:
            for path in left[:20]:
                self._found(path, f"is left behind, {UNTIL_CLEAN} s after everything was settled")

    def _leftovers(self) -> list[str]:
        found = []
        for beside in self._world.trees.glob(".*.freshet"):
            found += self._left_beside(beside)
        for folder, folders, names in os.walk(self._world.state_dir):
            if folder.endswith("/objects"):
                folders[:] = [name for name in folders if name in ("pack", "info")]
                names = names + [name for name in os.listdir(folder) if name.startswith("tmp_")]
            found += [f"{folder}/{name}" for name in names if TEMPORARY.fullmatch(name)
                      and not name.endswith("freshet.lock")]
        session = self._world.daemon.process.pid
        found += [f"the process {pid}: {command}"
                  for pid, command in processes_of_session(session).items() if pid != session]
        return found

    def _left_beside(self, beside: Path) -> list[str]:
        path = beside.parent / beside.name[1:-len(".freshet")]
        current = os.path.basename(os.readlink(path)) if path.is_symlink() else ""
        names = os.listdir(beside)
        spares = [name for name in names if name.startswith("spare.")]
        found = [name for name in names if not NOTES.fullmatch(name) and name != current and name not in spares]
        return [f"{beside}/{name}" for name in found + spares[MOST_SPARES:]]

    # The process

    def _check_process(self) -> None:
        pid = self._world.daemon.process.pid
        if (memory := memory_of(pid, "VmRSS")) > MOST_MEMORY:
            self._found("the daemon", f"takes {memory:.0f} MiB of memory")
        files, sockets = _open_files(pid)
        if self._files is None:
            self._files = files, sockets
        before = self._files
        try:
            wait_for(lambda: _no_more(_open_files(pid), before), "as many files are open as before", 60)
        except StateNotReached:
            files, sockets = _open_files(pid)
            self._found("the daemon", f"has {files} files and {sockets} sockets open, {before} after the start")

    def _check_log(self) -> None:
        """What was written since the last look."""
        with self._world.daemon.log.open("rb") as log:
            log.seek(self._log_read)
            text = log.read()
        self._log_read += len(text)
        for secret in SECRET, TOKEN:
            if secret.encode() in text:
                self._found("the log", "holds a secret")


def _open_files(pid: int) -> tuple[int, int]:
    """Sockets, and everything else."""
    targets = []
    for link in Path(f"/proc/{pid}/fd").iterdir():
        try:
            targets.append(os.readlink(link))
        except OSError:
            pass  # closed while we looked
    sockets = sum(target.startswith("socket:") for target in targets)
    return len(targets) - sockets, sockets


def _no_more(now: tuple[int, int], before: tuple[int, int]) -> bool:
    return now[0] <= before[0] + MORE_FILES and now[1] <= before[1] + MORE_SOCKETS
