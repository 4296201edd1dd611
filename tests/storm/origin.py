"""An upstream repository of the storm, changed as pushes change it, at the cost of one process each."""

import subprocess
import threading
from pathlib import Path

from content import digest, files_of, versions_in
from upstream import ISOLATED, git

PUSHES_BETWEEN_REPACKS = 60
NEXT = "refs/storm/next"  # not followed by anybody


class Origin:
    """`lock` is to be held by whoever changes it."""

    def __init__(self, number: int, path: Path):
        self.number, self.path = number, path
        self.lock = threading.Lock()
        self.refs: dict[str, str] = {}  # what it serves
        self.had: dict[str, list[str]] = {}  # ref -> all commits that it had
        self.serial_of: dict[str, int] = {}  # commit -> serial
        self.commit_of: dict[int, str] = {}  # serial -> commit
        self.parent_of: dict[str, str | None] = {}
        self._serial = self._pushes = 0
        subprocess.run(["git", "init", "-q", "--bare", "-b", "main", "--template=", str(path)],
                       env=ISOLATED, check=True)
        # What was pushed away stays fetchable, as at forges, and nobody prunes behind a fetch.
        git(path, "config", "gc.auto", "0")
        git(path, "config", "uploadpack.allowAnySHA1InWant", "true")

    def commit(self, parent: str | None) -> str:
        """A new commit that no followed ref shows yet."""
        self._serial += 1
        stream = [b"commit %s\ncommitter Storm <storm@example.invalid> %d +0000\ndata 0\n"
                  % (NEXT.encode(), 1_700_000_000 + self._serial)]
        stream += [b"from %s\n" % parent.encode()] if parent else []
        stream += [b"deleteall\n"]
        stream += [b'M %s inline "%s"\ndata %d\n%s\n' % (mode.encode(), path.encode(), len(data), data)
                   for path, (mode, data) in files_of(self.number, self._serial).items()]
        if not parent:
            stream.insert(0, b"reset %s\n" % NEXT.encode())
        git(self.path, "fast-import", "--quiet", "--force", "--date-format=raw", data=b"".join(stream))
        commit = (self.path / NEXT).read_text().strip()
        self.serial_of[commit], self.commit_of[self._serial] = self._serial, commit
        self.parent_of[commit] = parent
        self._pushes += 1
        if self._pushes % PUSHES_BETWEEN_REPACKS == 0:
            git(self.path, "repack", "-adkq")
        return commit

    def move(self, ref: str, commit: str | None) -> None:
        """What a push does with a ref that git's own lock files keep whole for whoever reads it."""
        file = self.path / ref
        if commit:
            file.parent.mkdir(parents=True, exist_ok=True)
            beside = file.with_name(file.name + ".lock")
            beside.write_text(commit + "\n")
            beside.rename(file)
            self.refs[ref] = commit
            self.had.setdefault(ref, []).append(commit)
        else:
            file.unlink(missing_ok=True)
            self.refs.pop(ref, None)

    def digest_of(self, commit: str) -> str:
        return digest(files_of(self.number, self.serial_of[commit]))

    def versions_of(self, commit: str) -> dict[str, int]:
        return versions_in(self.number, self.serial_of[commit])
