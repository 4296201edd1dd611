"""What befalls the daemon and the machine that it runs on.

DISASTERS: name -> function (world, rng) -> Disaster. Each returns when the daemon is as it shall be while
the disaster lasts; one with an `undo` lasts until that is called. `prepare` is to be called before the
daemon's first start."""

import signal
from functools import partial
from pathlib import Path

from disaster import Disaster, start_daemon
from disasters_damage import damage_state, delete_mirror, delete_slot, flip_pack
from disasters_disk import full_disk, read_only
from waiting import let_pass, wait_for

CLOCK = "clock"  # the file that says how wrong the daemon's clock is


def prepare(world) -> None:
    """Has the daemon's wall clock follow a file, where Debian's package faketime is installed. Times of
    files stay the machine's, and so does the clock that only goes forward."""
    library = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
    if library is None:
        return
    clock = world.directory / CLOCK
    _set_clock(clock, 0)
    world.environment |= {
        "LD_PRELOAD": str(library), "FAKETIME_TIMESTAMP_FILE": str(clock), "FAKETIME_CACHE_DURATION": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1", "NO_FAKE_STAT": "1",
        "FAKE_UTIME": "0", "FAKETIME_DONT_RESET": "1", "FAKETIME_DISABLE_SHM": "1"}


# Ends and starts

def kill(world, rng) -> Disaster:
    """At any instant; sometimes again while it starts."""
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        with world.starting:
            if world.daemon.running():
                world.kill()
            how = start_daemon(world)
        let_pass(rng.choice([0.0, 0.05, 0.3]))
    return Disaster(f"kill -9; {how}")


def terminate(world, rng) -> Disaster:
    with world.starting:
        status = world.stop() if world.daemon.running() else 0
        if status:
            raise AssertionError(f"SIGTERM ended the daemon with {status}: {world.daemon.log}")
        let_pass(rng.choice([0.0, 0.0, 2.0]))
        return Disaster(f"SIGTERM; {start_daemon(world)}")


def stop_continue(world, rng) -> Disaster:
    """As a machine does that is put to sleep for a while, or has no processor to spare."""
    with world.starting:
        if not world.daemon.running():
            return Disaster("left out: it does not run")
        seconds = round(rng.uniform(0.5, 8), 1)
        world.daemon.process.send_signal(signal.SIGSTOP)
        try:
            let_pass(seconds)
        finally:
            world.daemon.process.send_signal(signal.SIGCONT)
    return Disaster(f"stopped for {seconds} s")


# The clock

def clock_jump(world, rng) -> Disaster:
    """Back, and with the undo forth again. Less than the five minutes that signatures with a time
    allow. Not forth and back: the times of files would be in the past of a clock that nobody set."""
    clock = world.directory / CLOCK
    if not clock.exists():
        return Disaster("left out: the package faketime is not installed")
    seconds = rng.randrange(5, 200)
    _set_clock(clock, -seconds)
    return Disaster(f"the clock is set back by {seconds} s", undo=partial(_set_clock, clock, 0))


def _set_clock(file: Path, seconds: int) -> None:
    beside = file.with_suffix(".new")
    beside.write_text(f"{seconds:+d}s\n")
    beside.rename(file)


# The configuration

def reload(world, rng) -> Disaster:
    with world.starting:
        if not world.daemon.running():
            return Disaster("left out: it does not run")
        return rng.choice([_same, _broken, _limits, _intervals])(world, rng)


def _same(world, _) -> Disaster:
    """Several signals, some of which arrive while it reads the file."""
    for _ in range(5):
        world.daemon.process.send_signal(signal.SIGHUP)
    return Disaster("reload of the same, five times")


def _broken(world, rng) -> Disaster:
    """The old one stays in force."""
    whole = world.config.read_text()
    broken = rng.choice([whole[:len(whole) // 2] + "\n[", whole + "\nno_such_key = 1\n",
                         whole.replace("state_dir", "state_dirr", 1)])
    said = len(world.daemon.log_text())
    world.config.write_text(broken)
    try:
        world.daemon.process.send_signal(signal.SIGHUP)
        wait_for(lambda: "the old one stays in force" in world.daemon.log_text()[said:],
                 "it says that the old one stays in force", 60)
    finally:
        world.config.write_text(whole)
    world.daemon.reload()
    return Disaster("reload of a broken file")


def _limits(world, rng) -> Disaster:
    world.daemon.settings["limits"] |= {"refreshes": rng.randint(2, 12), "per_host": rng.randint(1, 6)}
    world.daemon.reload()
    return Disaster(f"reload with other limits: {world.daemon.settings['limits']}")


def _intervals(world, rng) -> Disaster:
    """Of some repositories a little, up and down; those that nobody polls stay so."""
    polled = [one for one in world.daemon.settings["repository"] if one["interval"] != "off"]
    for settings in rng.sample(polled, len(polled) // 3):
        settings["interval"] = f"{rng.randint(2, 30)}s"
    world.daemon.reload()
    return Disaster("reload with other intervals")


DISASTERS = {
    "kill": kill, "terminate": terminate, "stop_continue": stop_continue, "full_disk": full_disk,
    "read_only": read_only, "damage_state": damage_state, "flip_pack": flip_pack,
    "delete_mirror": delete_mirror, "delete_slot": delete_slot, "clock_jump": clock_jump, "reload": reload,
}
