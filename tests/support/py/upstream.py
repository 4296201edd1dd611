"""Upstream repositories: real bare repositories, changed as a push would change them."""

import os
import subprocess
from itertools import count
from pathlib import Path

ISOLATED = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_AUTHOR_NAME": "Test", "GIT_AUTHOR_EMAIL": "test@example.invalid",
    "GIT_COMMITTER_NAME": "Test", "GIT_COMMITTER_EMAIL": "test@example.invalid",
}
_seconds = count(1_700_000_000)


def git(directory, *arguments, data: bytes | None = None, check: bool = True) -> str:
    run = subprocess.run(["git", "-C", str(directory), *arguments], input=data, env=ISOLATED,
                         capture_output=True)
    if check and run.returncode:
        raise AssertionError(f"git {' '.join(arguments)}: {run.stderr.decode()}")
    return run.stdout.decode().rstrip("\n")


class Link(str):
    """A file's content that makes it a symbolic link to that."""


class Executable(str):
    """A file's content that makes it executable."""


class Upstream:
    """A bare repository; every change of a ref is what a push would have made of it."""

    def __init__(self, path: Path):
        self.path = path
        subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(path)], env=ISOLATED, check=True)

    def commit(self, files: dict, branch: str = "main", parent: str | None = "") -> str:
        """A commit on `branch` that changes `files` (None: deleted). Parent: a commit; "": the
        branch's tip; None: none, so that the history is rewritten. Returns its hash."""
        ref = f"refs/heads/{branch}"
        if parent == "":
            parent = self.tip(ref)
        stream = [f"commit {ref}\ncommitter Test <test@example.invalid> {next(_seconds)} +0000\n"
                  "data <<END\nA change\nEND\n"]
        stream += [f"from {parent}\n" if parent else ""]
        stream += [_change(name, content) for name, content in files.items()]
        git(self.path, "fast-import", "--quiet", "--force", "--date-format=raw",
            data="".join(stream).encode())
        return self.tip(ref)

    def commit_tree(self, listing: str, branch: str = "main") -> str:
        """A commit whose tree is what `git mktree` reads, however hostile."""
        tree = git(self.path, "mktree", data=listing.encode())
        parent = self.tip(f"refs/heads/{branch}")
        commit = git(self.path, "commit-tree", tree, "-m", "Hostile", *(["-p", parent] if parent else []))
        self.set_ref(f"refs/heads/{branch}", commit)
        return commit

    def blob(self, content: str) -> str:
        return git(self.path, "hash-object", "-w", "--stdin", data=content.encode())

    def tip(self, ref: str = "refs/heads/main") -> str:
        return git(self.path, "rev-parse", "-q", "--verify", ref, check=False)

    def set_ref(self, ref: str, commit: str) -> None:
        git(self.path, "update-ref", ref, commit)

    def delete_ref(self, ref: str) -> None:
        git(self.path, "update-ref", "-d", ref)


def _change(name: str, content) -> str:
    if content is None:
        return f"D {name}\n"
    mode = {Link: "120000", Executable: "100755"}.get(type(content), "100644")
    return f"M {mode} inline {name}\ndata {len(content.encode())}\n{content}\n"
