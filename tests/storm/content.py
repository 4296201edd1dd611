"""What the commits of the storm hold: every file says which commit it is of, so that a mixture shows.

A commit has a serial, unique in its repository, and its files follow from that alone: a reader can tell
what a tree should be without asking git. Some files change with every commit, some seldom, some come and
go, and one turns from a file into a program, a link and a directory.
"""

import hashlib
import os
import stat
from typing import NamedTuple

FILE, PROGRAM, LINK = "100644", "100755", "120000"
# Lies in each tree that is published in place; nobody tracks it, and it has to stay.
UNTRACKED = "nobody tracks this"


class Entry(NamedTuple):
    mode: str
    data: bytes


def files_of(number: int, serial: int) -> dict[str, Entry]:
    """Path -> what is there, in the commit `serial` of the repository `number`."""
    versions = {"stamp": serial, "a/b/c/deep": serial}
    versions |= {f"often/{i}": serial for i in range(5)}
    versions |= {f"seldom/{i}": serial - (serial + i) % 7 for i in range(4)}
    versions |= {f"comes/and goes/{i}": serial for i in range(3) if (serial + i) % 3}
    files = {path: Entry(FILE, _text(number, path, version)) for path, version in versions.items()}
    turn = serial % 4
    if turn == 3:
        files["turning/inside"] = Entry(FILE, _text(number, "turning/inside", serial))
    elif turn == 2:
        files["turning"] = Entry(LINK, b"often/%d" % (serial % 5))
    else:
        files["turning"] = Entry(PROGRAM if turn else FILE, _text(number, "turning", serial))
    return files


def version_of(number: int, path: str, data: bytes) -> int | None:
    """Of which serial a file is that says so itself; None: it is not what it says, or not whole."""
    try:
        version = int(data.split(b"\n", 1)[0].rsplit(b" ", 1)[1])
    except (IndexError, ValueError):
        return None
    return version if data == _text(number, path, version) else None


def versions_in(number: int, serial: int) -> dict[str, int]:
    """Path -> the version of the regular files of a commit."""
    return {path: version_of(number, path, entry.data)
            for path, entry in files_of(number, serial).items() if entry.mode != LINK}


def digest(files: dict[str, Entry]) -> str:
    hashed = hashlib.sha256()
    for path, (mode, data) in sorted(files.items()):
        hashed.update(b"%s %s %d\0" % (mode.encode(), path.encode(), len(data)) + data)
    return hashed.hexdigest()


def read_tree(directory: int, forgiving: bool = False) -> dict[str, Entry]:
    """All below an open directory but `.git`. `forgiving`: what goes away meanwhile is passed over."""
    found = {}
    for folder, folders, names, fd in os.fwalk(".", dir_fd=directory, onerror=None if forgiving else _raise):
        base = folder.removeprefix(".").lstrip("/")
        folders[:] = [name for name in folders if base or name != ".git"]
        for name in names + folders:
            if not base and name == ".git":
                continue
            try:
                entry = _read_entry(name, fd)
            except OSError:
                if not forgiving:
                    raise
                continue
            if entry:
                found[f"{base}/{name}".lstrip("/")] = entry
    return found


def _read_entry(name: str, fd: int) -> Entry | None:
    status = os.stat(name, dir_fd=fd, follow_symlinks=False)
    if stat.S_ISDIR(status.st_mode):
        return None
    if stat.S_ISLNK(status.st_mode):
        return Entry(LINK, os.fsencode(os.readlink(name, dir_fd=fd)))
    file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=fd)
    with open(file, "rb") as opened:
        mode = os.fstat(file).st_mode
        return Entry(PROGRAM if mode & 0o100 else FILE, opened.read())


def _raise(error: OSError) -> None:
    raise error


def _text(number: int, path: str, version: int) -> bytes:
    """Of changing length, some of it longer than a page."""
    seed = hashlib.sha256(b"%d %s %d" % (number, path.encode(), version)).hexdigest().encode()
    return b"%d %s %d\n" % (number, path.encode(), version) + (seed + b"\n") * (1 + int(seed[:2], 16) // 3)
