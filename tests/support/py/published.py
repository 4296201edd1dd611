"""What a reader finds at a published path."""

import os
from pathlib import Path

from upstream import git


def published_commit(path: Path) -> str | None:
    """The commit that the link at `path` names; None while nothing is there."""
    try:
        return os.path.basename(os.readlink(path))
    except FileNotFoundError:
        return None


def assert_complete(path: Path) -> str:
    """The tree at `path` is exactly the commit that its link names. Returns that commit."""
    tree = path.resolve(strict=True)
    assert git(tree, "rev-parse", "HEAD") == tree.name
    assert git(tree, "status", "--porcelain", "--ignored", "--untracked-files=all") == ""
    return tree.name


def files_of(path: Path) -> dict[str, str]:
    """Relative path -> content of the regular files, without .git."""
    found = {}
    for directory, folders, names in os.walk(path.resolve()):
        if ".git" in folders:
            folders.remove(".git")
        for name in set(names) - {".git"}:
            file = Path(directory, name)
            if not file.is_symlink():
                found[str(file.relative_to(path.resolve()))] = file.read_text()
    return found
