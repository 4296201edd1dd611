"""What publishing costs: from the mirror's ref to the link, against git bringing a working tree there."""

import os
import shutil
import statistics
import time
from pathlib import Path

from daemon import Daemon
from measuring import Figure, run_measured
from rows import Options, milliseconds, mirror_in, running, say, wait_until_ready
from upstream import Upstream, git
from waiting import let_pass, wait_for

IN_A_FOLDER = 250


def file_name(number: int) -> str:
    return f"folder{number // IN_A_FOLDER // 40}/folder{number // IN_A_FOLDER % 40}/file{number}"


def repository_of(path: Path, files: int) -> Upstream:
    upstream = Upstream(path)
    upstream.commit({file_name(number): f"{number}\n" * 40 for number in range(files)})
    return upstream


def change_ten(upstream: Upstream, files: int, turn: int) -> str:
    """Ten files far from one another."""
    step = files // 10
    return upstream.commit({file_name(number * step + turn): f"changed in turn {turn}\n" * 40
                            for number in range(10)})


def published(path: Path) -> str:
    try:
        return os.path.basename(os.readlink(path))
    except FileNotFoundError:
        return ""


def has_spare(path: Path) -> bool:
    directory = path.parent / f".{path.name}.freshet"
    return any(name.startswith("spare.") for name in os.listdir(directory))


def loose(mirror: Path) -> str:
    try:
        return (mirror / "refs/heads/main").read_text().strip()
    except FileNotFoundError:
        return ""


def watch_for(predicate, what: str, pause: float = 0, timeout: float = 300) -> None:
    """As wait_for, but with a shorter pause or none: what is measured may take less than one. Without a pause it
    takes a processor from what it watches."""
    limit = time.monotonic() + timeout
    while not predicate():
        if pause:
            let_pass(pause)
        else:
            os.sched_yield()
        if time.monotonic() > limit:
            raise RuntimeError(f"still not: {what}")


def mirror_to_link(daemon: Daemon, mirror: Path, path: Path, commit: str) -> float:
    """Wall seconds from the mirror's ref to the link."""
    daemon.admin("POST", "/api/v1/repositories/site/refresh")
    watch_for(lambda: loose(mirror) == commit, "the mirror is updated")
    began = time.monotonic()
    watch_for(lambda: published(path) == commit, "the tree is published")
    return time.monotonic() - began


def daemon_for(directory: Path, upstream: Upstream, **checkout) -> tuple[Daemon, Path]:
    path = directory / "www/site"
    followed = {"name": "site", "url": f"file://{upstream.path}", "path": str(path), "interval": "off"}
    return Daemon(directory / "daemon", [followed | checkout]), path


def updates(directory: Path, upstream: Upstream, files: int, options: Options, **checkout) -> list[float]:
    """Of ten files, each one beginning when nothing of the one before is left to do."""
    daemon, path = daemon_for(directory, upstream, **checkout)
    walls = []
    with running(daemon):
        wait_until_ready(daemon, 600)
        mirror = mirror_in(daemon)
        for turn in range(options.rounds // 3):
            wait_for(lambda: has_spare(path), "a spare tree is ready", 300)
            walls.append(mirror_to_link(daemon, mirror, path, change_ten(upstream, files, turn)))
    shutil.rmtree(directory)
    say("  " + " ".join(f"{milliseconds(wall):.1f}" for wall in walls) + " ms")
    return walls


def git_updates(upstream: Upstream, trees: Path, files: int, turns: int) -> tuple[list[float], list[float]]:
    """Wall seconds of `git reset --hard` to such a change, and of the `git worktree add` before it."""
    resets, fresh = [], []
    for turn in range(turns):
        tree = trees / str(turn)
        os.sync()
        fresh.append(run_measured("git", "-C", upstream.path, "worktree", "add", "-q", "--detach", tree,
                                  "main").wall)
        commit = change_ten(upstream, files, files // 20 + turn)
        git(tree, "status")  # what it looks up for the first time is not what is measured
        resets.append(run_measured("git", "-C", tree, "reset", "-q", "--hard", commit).wall)
    return resets, fresh


def update(directory: Path, options: Options) -> list[Figure]:
    """10 of 50,000 files changed, mirror to link, against `git reset --hard` and `git worktree add`"""
    upstream, figures = repository_of(directory / "upstreams/site.git", 50_000), []
    mine = {with_git: statistics.median(updates(directory / str(with_git), upstream, 50_000, options, git=with_git))
            for with_git in (True, False)}
    resets, fresh = git_updates(upstream, directory / "trees", 50_000, 5)
    for with_git, of_reset, of_fresh in ((True, 5, 30), (False, 20, 150)):
        what = f"10 of 50,000 files, git = {str(with_git).lower()}"
        figures += [Figure("checkout-update", what, "ms", milliseconds(mine[with_git]), against,
                           milliseconds(statistics.median(walls)), 1 / part, f"1/{part}")
                    for against, walls, part in (("git reset --hard", resets, of_reset),
                                                 ("git worktree add", fresh, of_fresh))]
    return figures


def size(directory: Path, options: Options) -> list[Figure]:
    """10 files changed of 500,000 against 10 of 5,000, mirror to link"""
    walls = {}
    for files in (5_000, 500_000):
        upstream = repository_of(directory / f"upstreams/{files}.git", files)
        walls[files] = statistics.median(updates(directory / str(files), upstream, files, options, git=False))
    return [Figure("checkout-size", "10 of 500,000 files, git = false", "ms", milliseconds(walls[500_000]),
                   "10 of 5,000", milliseconds(walls[5_000]), 2, "2")]


def first_checkout(place: Path, upstream: Upstream, **checkout) -> float:
    """Wall seconds from the mirror's ref to the link, which nothing is published at before."""
    os.sync()  # what was removed before is not what is measured
    daemon, path = daemon_for(place, upstream, **checkout)
    with running(daemon):
        watch_for(lambda: any((place / "daemon").rglob("refs/heads/main")), "the mirror is there", 0.001)
        began = time.monotonic()
        watch_for(lambda: published(path), "the tree is published", 0.001)
        return time.monotonic() - began


def first(directory: Path, options: Options) -> list[Figure]:
    """first checkout of 50,000 files, mirror to link, against `git worktree add`"""
    upstream = repository_of(directory / "upstreams/site.git", 50_000)
    ours, theirs = [], []
    for turn in range(options.fetches):
        def publish():
            ours.append(first_checkout(directory / str(turn), upstream))

        def add():
            os.sync()
            theirs.append(run_measured("git", "-C", upstream.path, "worktree", "add", "-q", "--detach",
                                       directory / f"tree{turn}", "main").wall)

        for write in [publish, add][::1 if turn % 2 else -1]:
            os.sync()
            write()
    say(f"  {ours} against {theirs}")
    return [Figure("checkout-first", "first checkout of 50,000 files", "ms",
                   milliseconds(statistics.median(ours)), "git worktree add",
                   milliseconds(statistics.median(theirs)), 1, "1")]


def disk(directory: Path, options: Options) -> list[Figure]:
    """disk space of two trees against one"""
    upstream = repository_of(directory / "upstreams/site.git", 50_000)
    daemon, path = daemon_for(directory, upstream)
    with running(daemon):
        wait_until_ready(daemon, 300)
        wait_for(lambda: has_spare(path), "a spare tree is ready", 300)
        slots = path.parent / ".site.freshet"

        def blocks(*places: Path) -> int:
            seen = {}
            for place in places:
                for folder, _, names in os.walk(place):
                    for name in [*names, "."]:
                        status = os.lstat(os.path.join(folder, name))
                        seen[status.st_ino] = status.st_blocks
            return sum(seen.values())

        one, both = blocks(path.resolve()), blocks(slots)
    return [Figure("checkout-disk", "two trees of 50,000 files", "MiB", both / 2048, "one tree", one / 2048,
                   1.1, "1.1")]


CHECKOUT_ROWS = {"checkout-update": update, "checkout-size": size, "checkout-first": first,
                 "checkout-disk": disk}
