"""Thousands of small bare repositories, each with files of its own, made and changed without a process."""

import os
import time
import zlib
from hashlib import sha1
from pathlib import Path
from random import Random

from upstream import git

# Name -> bytes. A change writes the first of each folder anew.
SIZES = {"README.md": 400, "data/values": 6000, "docs/guide": 2000, "docs/notes": 900, "src/main": 3000}
CHANGED = ("README.md", "data/values", "docs/guide")
CONFIG = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n"


class SmallRepositories:
    def __init__(self, root: Path, count: int):
        self.root, self.count = root, count
        self._rng = Random(1)
        for number in range(count):
            self._create(number)
        git(self.path(0), "fsck", "--strict")

    @staticmethod
    def name(number: int) -> str:
        return f"group{number % 100}/repository{number}"

    def path(self, number: int) -> Path:
        return self.root / f"{self.name(number)}.git"

    def tip(self, number: int) -> str:
        return (self.path(number) / "refs/heads/main").read_text().strip()

    def files(self, number: int) -> dict[str, tuple[str, str]]:
        """Path -> mode and blob id of what the tip's commit holds."""
        path = self.path(number)
        return {name: ("100644", blob) for name, blob in _blobs_of(path, self.tip(number)).items()}

    def change(self, number: int) -> str:
        """A commit after the tip; returns its hash."""
        return self._commit(number, CHANGED, self.tip(number))

    def _create(self, number: int) -> None:
        path = self.path(number)
        (path / "refs/heads").mkdir(parents=True)
        (path / "objects").mkdir()
        (path / "HEAD").write_text("ref: refs/heads/main\n")
        (path / "config").write_text(CONFIG)
        self._commit(number, SIZES, None)

    def _commit(self, number: int, names, parent: str | None) -> str:
        path = self.path(number)
        blobs = {} if parent is None else _blobs_of(path, parent)
        for name in names:
            content = b"".join(self._rng.randbytes(32).hex().encode() + b"\n" for _ in range(SIZES[name] // 65 + 1))
            blobs[name] = _write(path, b"blob", content)
        tree = _write_tree(path, blobs)
        who = b"Test <test@example.invalid> %d +0000" % time.time()
        commit = _write(path, b"commit", b"tree %s\n%sauthor %s\ncommitter %s\n\nA change\n" % (
            tree.encode(), b"parent %s\n" % parent.encode() if parent else b"", who, who))
        new = path / "refs/heads/main.new"
        new.write_text(commit + "\n")
        new.rename(path / "refs/heads/main")
        return commit


def _write(path: Path, kind: bytes, content: bytes) -> str:
    data = b"%s %d\0" % (kind, len(content)) + content
    name = sha1(data).hexdigest()
    folder = f"{path}/objects/{name[:2]}"
    os.makedirs(folder, exist_ok=True)
    with open(f"{folder}/{name[2:]}", "wb") as file:
        file.write(zlib.compress(data, 1))
    return name


def _read(path: Path, name: str) -> bytes:
    return zlib.decompress((path / "objects" / name[:2] / name[2:]).read_bytes()).partition(b"\0")[2]


def _write_tree(path: Path, blobs: dict[str, str]) -> str:
    """Of files that lie in one folder at most."""
    entries = {name: (b"100644", blob) for name, blob in blobs.items() if "/" not in name}
    for folder in {name.partition("/")[0] for name in blobs if "/" in name}:
        inside = {name.partition("/")[2]: blob for name, blob in blobs.items() if name.startswith(folder + "/")}
        entries[folder] = (b"40000", _write_tree(path, inside))
    return _write(path, b"tree", b"".join(
        b"%s %s\0%s" % (mode, name.encode(), bytes.fromhex(entry)) for name, (mode, entry) in sorted(entries.items())))


def _blobs_of(path: Path, commit: str) -> dict[str, str]:
    return _blobs_in(path, _read(path, commit)[5:45].decode(), "")


def _blobs_in(path: Path, tree: str, folder: str) -> dict[str, str]:
    content, blobs = _read(path, tree), {}
    while content:
        head, _, rest = content.partition(b"\0")
        mode, name = head.decode().split(" ")
        entry, content = rest[:20].hex(), rest[20:]
        blobs |= _blobs_in(path, entry, f"{folder}{name}/") if mode == "40000" else {folder + name: entry}
    return blobs
