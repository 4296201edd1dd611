"""A reader that looks at a published tree all the time, and must never find it less than complete."""

import hashlib
import os
import threading
from pathlib import Path

from upstream import Upstream, git


class TreeWatch:
    """`with TreeWatch(path, upstream):` fails at its end when any look between found the link gone or
    a tree that is not, byte for byte, the commit that the link names."""

    def __init__(self, path: Path, upstream: Upstream):
        self._path, self._upstream = path, upstream
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look_again_and_again, daemon=True)
        self._blobs_of = {}
        self.looks = 0
        self.wrong = None

    def __enter__(self) -> "TreeWatch":
        self.wrong = self._look()  # here, so that the upstream can be moved away behind it
        self._thread.start()
        return self

    def __exit__(self, kind, _value, _traceback) -> None:
        self._over.set()
        self._thread.join()
        if kind is None:
            assert self.looks and self.wrong is None, self.wrong

    def _look_again_and_again(self) -> None:
        while self.wrong is None:
            self.wrong = self._look()
            self.looks += 1
            if self._over.wait(0.05):
                return

    def _look(self) -> str | None:
        try:
            tree = self._path.resolve(strict=True)
            found = blobs_in(tree)
            expected = self._blobs_of.get(tree.name) or self._blobs_of.setdefault(
                tree.name, blobs_of(self._upstream.path, tree.name))
            return None if found == expected else f"{tree} is not its commit"
        except (OSError, AssertionError) as error:
            return f"a reader met: {error}"


def blobs_of(repository: Path, commit: str) -> dict[str, tuple[str, str]]:
    """Path -> mode and blob id of the files and links of a commit."""
    lines = [line for line in git(repository, "ls-tree", "-r", "-z", commit).split("\0") if line]
    return {line.split("\t", 1)[1]: (line.split()[0], line.split()[2]) for line in lines}


def blobs_in(tree: Path) -> dict[str, tuple[str, str]]:
    found = {}
    for directory, folders, names in os.walk(tree):
        links = [folder for folder in folders if os.path.islink(os.path.join(directory, folder))]
        folders[:] = [folder for folder in folders if folder != ".git" and folder not in links]
        for name in set([*names, *links]) - {".git"}:
            path = Path(directory, name)
            if path.is_symlink():
                mode, content = "120000", os.fsencode(os.readlink(path))
            else:
                mode = "100755" if path.stat().st_mode & 0o100 else "100644"
                content = path.read_bytes()
            blob = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
            found[str(path.relative_to(tree))] = (mode, blob)
    return found


def ever_published(path: Path) -> set[str]:
    """The commits whose trees were published at `path` within the last keep_old."""
    slots = os.listdir(path.parent / f".{path.name}.freshet")
    return {slot for slot in slots if len(slot) == 40}
