"""Repositories of a known size to measure with."""

from pathlib import Path
from random import Random

from upstream import Upstream, git


def small_repository(path: Path) -> Upstream:
    """A thousand files, three branches, ten tags."""
    upstream = Upstream(path)
    upstream.commit({f"folder{n % 40}/file{n}": f"{n}\n" * 20 for n in range(1000)})
    for branch in ("stable", "next"):
        upstream.set_ref(f"refs/heads/{branch}", upstream.tip())
    for number in range(10):
        upstream.set_ref(f"refs/tags/v{number}", upstream.tip())
    return upstream


def repository_of_many_refs(path: Path, count: int) -> Upstream:
    upstream = Upstream(path)
    commit = upstream.commit({"README": "many refs\n"})
    names = sorted([f"refs/pull/{number}/head" for number in range(count - 1)] + ["refs/heads/main"])
    git(path, "pack-refs", "--all")
    (path / "packed-refs").write_text("# pack-refs with: peeled fully-peeled sorted \n"
                                      + "".join(f"{commit} {name}\n" for name in names))
    return upstream


def large_repository(path: Path, mebibytes: int = 60) -> Upstream:
    """A pack of at least that size: a long history of many files, of which each commit writes some
    anew and edits a line in others."""
    upstream, rng, digits = Upstream(path), Random(1), bytes(range(48, 112))
    translate = bytes(digits[byte & 63] for byte in range(256))
    lines_of = {n: [_line(rng, translate) for _ in range(40)] for n in range(3000)}
    stream, commits = [], mebibytes * 10
    for commit in range(commits):
        stream.append(b"commit refs/heads/main\ncommitter Test <test@example.invalid> %d +0000\n"
                      b"data 9\nA change\n\n" % (1_700_000_000 + commit))
        for file in rng.sample(range(3000), 36):
            lines = lines_of[file]
            if rng.random() < 0.5:
                lines[:] = [_line(rng, translate) for _ in range(40)]
            else:
                lines[rng.randrange(40)] = _line(rng, translate)
            content = b"".join(lines)
            stream.append(b"M 100644 inline folder%d/part%d/file%d\ndata %d\n%s\n"
                          % (file % 30, file % 7, file, len(content), content))
    git(path, "fast-import", "--quiet", "--force", data=b"".join(stream))
    git(path, "repack", "-adq")
    size = sum(pack.stat().st_size for pack in (path / "objects/pack").glob("*.pack"))
    if size < mebibytes << 20:
        raise RuntimeError(f"the repository has only {size >> 20} MiB")
    return upstream


def _line(rng: Random, translate: bytes) -> bytes:
    return rng.randbytes(95).translate(translate) + b"\n"
