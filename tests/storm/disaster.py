"""What a disaster is, and the daemon's ends and starts that belong to many of them."""

import os
import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

STATE_OF_A_PERSON = re.compile(r"(/\S+paused\.json) does not say .* mend it, or remove it")
NEARLY_FULL = 16 << 20  # bytes: what the storm's daemon leaves free


@dataclass
class Disaster:
    """`forgives`: what may not be held against freshet, by the names of the model's promises. `undo`: ends
    what lasts; the daemon runs when it is done. `of_disk`: the other undos have to wait for this one."""

    what: str
    forgives: set[str] = field(default_factory=set)
    undo: Callable[[], None] | None = None
    of_disk: bool = False


def end_daemon(world, rng) -> str:
    """In one of the two ways; how."""
    with world.starting:
        if not world.daemon.running():
            return "while it did not run"
        if rng.random() < 0.5:
            world.kill()
            return "after kill -9"
        if status := world.stop():
            raise AssertionError(f"SIGTERM ended the daemon with {status}: {world.daemon.log}")
        return "after SIGTERM"


def start_daemon(world) -> str:
    """What happened. On a disk that is full or read-only it may refuse; the disaster's undo starts it.
    What a person has asked for and cannot be read any more it leaves to a person to decide."""
    with world.starting:
        if world.daemon.running():
            return "it runs"
        said = len(world.daemon.log_text())
        try:
            world.start()
        except AssertionError:
            last = world.daemon.log_text()[said:]
            if unreadable := STATE_OF_A_PERSON.search(last):
                remove(Path(unreadable[1]))
                world.start()
                return f"{unreadable[1]} was removed by hand, as the daemon advised, and it started"
            if any(disk_is_bad(disk.path) for disk in world.disks.values()):
                return f"it refused to start: {last.strip()[-300:]}"
            raise
        return "it started"


def disk_is_bad(path: Path) -> bool:
    disk = os.statvfs(path)
    return bool(disk.f_flag & os.ST_RDONLY) or disk.f_bavail * disk.f_frsize < NEARLY_FULL or disk.f_favail < 100


def remove(path: Path) -> None:
    """Whatever it is, and however much others change it meanwhile."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
