"""Files of the daemon's that are deleted, cut, changed, or replaced by something else.

As a disk or a person does it: bits flip in place, but a file does not become shorter while somebody has
it mapped; it is replaced by a shorter one. What readers look at is never touched, for what they would see
is nothing that freshet could help."""

import os
import time
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from disaster import Disaster, end_daemon, remove, start_daemon
from waiting import wait_for

WEEK = 8 * 24 * 3600  # seconds: after that a mirror is checked as a whole
RUNNING = "while it ran"
POLLED_OFTEN = 5  # seconds between polls; without them after a delivery it is three times as long
CHECKED = 120  # seconds until the check that is due was made, on a busy machine


# What is done to a file

def _delete(path: Path, _) -> None:
    remove(path)


def _cut(path: Path, rng) -> None:
    content = path.read_bytes()
    _replace(path, content[:rng.randrange(len(content))] if content else b"")


def _garbage(path: Path, rng) -> None:
    _replace(path, rng.randbytes(max(1, path.stat().st_size)))


def _flip(path: Path, rng) -> None:
    with path.open("r+b", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        for _ in range(rng.choice([1, 1, 8, 64]) if size else 0):
            at = rng.randrange(size)
            byte = os.pread(file.fileno(), 1, at)
            if byte:
                os.pwrite(file.fileno(), bytes([byte[0] ^ 1 << rng.randrange(8)]), at)


def _directory(path: Path, _) -> None:
    remove(path)
    path.mkdir()


DAMAGE = {"deleted": _delete, "cut short": _cut, "replaced by garbage": _garbage, "flipped bits in": _flip,
          "replaced by a directory": _directory}


def _replace(path: Path, content: bytes) -> None:
    beside = path.with_name(path.name + ".damage")
    beside.write_bytes(content)
    beside.rename(path)


def _damage(path: Path, rng, ways=tuple(DAMAGE)) -> str:
    """What was done; the daemon may have removed the file meanwhile."""
    ways = [way for way in ways if way == "deleted" or path.is_file()]
    if path.name in NO_DIRECTORY and "replaced by a directory" in ways:
        ways.remove("replaced by a directory")
    way = rng.choice(ways)
    try:
        DAMAGE[way](path, rng)
    except OSError as error:
        return f"{path}: {error}"
    return f"{way} {path}" if way == "flipped bits in" else f"{path} {way}"


# The state directory

# Beside the mirrors, which disasters of their own are about, and the lock, whose whole point is that
# nobody touches it.
STATE = ["ledger.sqlite3*", "journal/*", "paused.json", "renamed.json", "notify/*", "gates/*", "git.config"]
STATE_FOLDERS = ["journal", "notify", "gates", "ssh"]
# Only a person puts a directory there, and is told to take it away.
NO_DIRECTORY = {"git.config", "paused.json"}


def damage_state(world, rng) -> Disaster:
    """While it runs, or between an end and a start."""
    when = RUNNING if rng.random() < 0.5 else end_daemon(world, rng)
    files = sorted(file for pattern in STATE for file in world.state_dir.glob(pattern))
    if rng.random() < 0.15:
        done = [_damage(world.state_dir / rng.choice(STATE_FOLDERS), rng, ("deleted",))]
    else:
        done = [_damage(file, rng) for file in rng.sample(files, min(len(files), rng.choice([1, 1, 2, 4])))]
    return Disaster(f"{when}: {'; '.join(done)}; {start_daemon(world)}")


# Mirrors

OBJECTS = ["objects/pack/*.pack", "objects/pack/*.idx", "objects/pack/*.rev", "objects/??/*"]
REFS = ["packed-refs", "refs/heads/**/*", "refs/tags/**/*", "refs/freshet/**/*", "HEAD"]
OTHERS = ["config", "freshet.checked", "worktrees/*/*", "info/*", "shallow"]
PARTS = ["objects", "objects/pack", "refs", "worktrees", "config", "HEAD", "packed-refs", "freshet.lock"]


def mirror_of(world, repository) -> Path:
    address = urlsplit(repository.url)
    return world.state_dir / "mirrors" / f"{address.hostname}+{address.port}" / f"{repository.name}.git"


def flip_pack(world, rng) -> Disaster:
    """What is not noticed at once is found by the check of each mirror that is due every week: the
    undo has that week go by."""
    repository = rng.choice(world.repositories)
    mirror = mirror_of(world, repository)
    when = RUNNING if rng.random() < 0.7 else end_daemon(world, rng)
    # A reader of a mirror sees its refs themselves.
    patterns = OBJECTS + ([] if repository.mirror else REFS) + OTHERS
    files = sorted(file for pattern in patterns for file in mirror.glob(pattern) if file.is_file())
    done = [_damage(file, rng) for file in rng.sample(files, min(len(files), rng.choice([1, 1, 3, 10])))]
    return Disaster(f"{when}: {'; '.join(done)}; {start_daemon(world)}",
                    undo=partial(check_mirror, world, repository))


def check_mirror(world, repository) -> None:
    """Waits for the check that is due, and for a new mirror when it found damage. What is polled often has
    it after a week; for the others somebody asks after two, or the storm would wait for long."""
    start_daemon(world)
    mirror = mirror_of(world, repository)
    mark = mirror / "freshet.checked"
    polled = repository.interval and repository.interval <= POLLED_OFTEN

    long_ago = time.time() - (1 if polled else 2) * WEEK

    def is_due() -> bool:
        if not polled:
            world.daemon.refresh(repository.name)
        try:
            os.utime(mark, (long_ago, long_ago))
        except FileNotFoundError:
            return False
        return mark.is_file() and (mirror / "HEAD").is_file()
    wait_for(is_due, f"the mirror of {repository.name} is there", CHECKED)

    def checked() -> bool:
        if not polled:
            world.daemon.refresh(repository.name)
        try:
            return mark.stat().st_mtime > long_ago + WEEK / 2
        except OSError:
            return False
    wait_for(checked, f"the mirror of {repository.name} is checked, which is due", CHECKED)


def delete_mirror(world, rng) -> Disaster:
    """All of it, or a part."""
    repository = rng.choice(world.repositories)
    mirror = mirror_of(world, repository)
    when = RUNNING if rng.random() < 0.7 else end_daemon(world, rng)
    part = mirror if rng.random() < 0.5 else mirror / rng.choice(PARTS)
    if not part.exists():
        return Disaster(f"left out: {part} is not there; {start_daemon(world)}")
    if part.is_dir() and rng.random() < 0.5:  # at once, not file by file
        away = world.directory / f"away-{world.starts}-{rng.randrange(10**9)}"
        part.rename(world.state_dir / away.name)
        remove(world.state_dir / away.name)
    else:
        remove(part)
    return Disaster(f"{when}: {part} was deleted; {start_daemon(world)}",
                    undo=partial(check_mirror, world, repository))


# Beside the published trees

def delete_slot(world, rng) -> Disaster:
    """Spare trees, what is under way, and notes: everything beside a published tree but that tree and
    those that readers may still be in."""
    when = RUNNING if rng.random() < 0.5 else end_daemon(world, rng)
    places = sorted(world.trees.glob(".*.freshet"))
    done = []
    for place in rng.sample(places, min(len(places), 10)):
        for path in sorted([*place.glob("spare.*"), *place.glob("tmp.*"), place / "drift_checked"]):
            if rng.random() < 0.5:
                remove(path)
                done.append(path.name)
        if when != RUNNING and rng.random() < 0.3:  # as a killed daemon leaves it; swept at the next start
            (place / f"tmp.{rng.randrange(10**9)}").mkdir(exist_ok=True)
            done.append("a new tmp.")
    return Disaster(f"{when}: {len(done)} of what lies beside trees deleted or added; {start_daemon(world)}")
