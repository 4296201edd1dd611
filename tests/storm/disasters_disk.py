"""Disks that are full or can only be read. They take the right to mount: without it nothing happens."""

import os
import subprocess
from functools import partial

from disaster import Disaster, disk_is_bad, start_daemon
from waiting import wait_for

LEFT_FREE = [0, 4096, 300_000, 8 << 20]  # bytes


def full_disk(world, rng) -> Disaster:
    """Of bytes or of inodes. Takes no memory: the disk shrinks to what is used."""
    name, disk = _choose(world, rng)
    if not disk:
        return Disaster(name)
    now = os.statvfs(disk.path)
    used = (now.f_blocks - now.f_bfree) * now.f_frsize
    inodes = rng.random() < 0.2
    if inodes:
        left = rng.choice([0, 1, 20])
        full = f"nr_inodes={now.f_files - now.f_ffree + left}"
        what = f"the disk of {name} has {left} inodes left"
    else:
        left = rng.choice(LEFT_FREE)
        full = f"size={used + left}"
        what = f"the disk of {name} has {left} bytes left"
    if not _mount("-o", f"remount,{full}", disk.path):
        return Disaster(f"left out: more was written to the disk of {name} at that moment")
    return Disaster(what, undo=partial(_enlarge, world, disk, now.f_files), of_disk=True)


def _enlarge(world, disk, inodes: int) -> None:
    assert _mount("-o", f"remount,size={disk.size},nr_inodes={inodes}", disk.path)
    start_daemon(world)


def read_only(world, rng) -> Disaster:
    """For what is opened from then on; files that are open can be written to their end, as a mount
    that others lay over a directory leaves them."""
    name, disk = _choose(world, rng)
    if not disk:
        return Disaster(name)
    assert _mount("--bind", disk.path, disk.path)
    # Busy while somebody has a file open for writing that he opened since the line above.
    wait_for(lambda: _mount("-o", "remount,ro,bind", disk.path), f"{disk.path} is read-only")
    return Disaster(f"the disk of {name} can only be read", undo=partial(_writable, world, disk),
                    of_disk=True)


def _writable(world, disk) -> None:
    assert _mount("-o", "remount,rw,bind", disk.path)
    subprocess.run(["umount", "-l", str(disk.path)], check=True, capture_output=True)
    start_daemon(world)


def _choose(world, rng):
    """A disk that nothing is wrong with, or why there is none."""
    name = rng.choice(sorted(world.disks))
    disk = world.disks[name]
    if disk.size is None:
        return "left out: it takes the right to mount", None
    if disk_is_bad(disk.path):
        return f"left out: something is wrong with the disk of {name} already", None
    return name, disk


def _mount(*arguments) -> bool:
    return subprocess.run(["mount", *map(str, arguments)], stdin=subprocess.DEVNULL,
                          capture_output=True).returncode == 0
