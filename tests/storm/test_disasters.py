"""Each disaster truly happens, and what lasts is over when it is undone."""

import datetime
import errno
import os
import random
import threading

import pytest

from disasters import DISASTERS, prepare
from disasters_damage import DAMAGE, check_mirror, mirror_of
from gateway import Gateway
from upstream import git
from waiting import wait_for
from world import World


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    world = World(tmp_path_factory.mktemp("world"), seed=3, count=5, make_gateway=Gateway)
    try:
        prepare(world)
        world.start()
        all_well(world)
        yield world
    finally:
        world.close()


def all_well(world) -> None:
    for repository in world.repositories:
        world.daemon.wait_for_state("ok", repository.name, 120)


def strike(world, name: str, shows=lambda disaster: True):
    """The first of the kind that a seed makes of which `shows` is true; others are undone."""
    for seed in range(60):
        disaster = DISASTERS[name](world, random.Random(seed))
        if "right to mount" in disaster.what or "not installed" in disaster.what:
            pytest.skip(disaster.what)
        if shows(disaster):
            return disaster
        if disaster.undo:
            disaster.undo()
    raise AssertionError(f"no {name} is as it should be; the last: {disaster.what}")


def error_of_writing(path) -> int | None:
    try:
        path.write_bytes(bytes(20 << 20))
    except OSError as error:
        return error.errno
    finally:
        try:
            path.unlink(missing_ok=True)
        except OSError:
            pass
    return None


@pytest.mark.parametrize("name, error", [("full_disk", errno.ENOSPC), ("read_only", errno.EROFS)])
@pytest.mark.parametrize("disk", ["state", "trees"])
def test_nothing_can_be_written_until_the_disk_is_well_again(world, name, error, disk):
    disaster = strike(world, name, lambda disaster: f"the disk of {disk}" in disaster.what)
    try:
        assert error_of_writing(world.disks[disk].path / "file") == error
    finally:
        disaster.undo()
    assert error_of_writing(world.disks[disk].path / "file") is None
    all_well(world)


@pytest.mark.parametrize("name", ["kill", "terminate"])
def test_another_daemon_runs_afterwards(world, name):
    before = world.daemon.process.pid
    strike(world, name)
    assert world.daemon.process.pid != before and world.daemon.running()
    all_well(world)


def test_a_stopped_daemon_does_nothing_until_it_goes_on(world):
    stat = f"/proc/{world.daemon.process.pid}/stat"

    def state() -> str:
        with open(stat) as file:
            return file.read().rpartition(")")[2].split()[0]
    striking = threading.Thread(target=strike, args=(world, "stop_continue"))
    striking.start()
    wait_for(lambda: state() == "T", "it is stopped")
    striking.join()
    wait_for(lambda: state() != "T", "it goes on")
    all_well(world)


def test_the_daemons_clock_is_wrong_and_that_of_files_is_not(world):
    def wrong_by() -> float:
        now = world.daemon.admin("GET", "/api/v1/status").json["now"]
        theirs = datetime.datetime.fromisoformat(now.replace("Z", "+00:00"))
        return (theirs - datetime.datetime.now(datetime.timezone.utc)).total_seconds()
    disaster = strike(world, "clock_jump")
    wait_for(lambda: wrong_by() < -4, "its clock is behind")
    disaster.undo()
    wait_for(lambda: abs(wrong_by()) < 3, "its clock is right", 60)
    all_well(world)


@pytest.mark.parametrize("way", DAMAGE)
def test_a_file_is_damaged_as_it_is_said(tmp_path, way):
    path = tmp_path / "file"
    whole = random.Random(7).randbytes(5000)
    path.write_bytes(whole)
    with path.open("rb") as held:
        DAMAGE[way](path, random.Random(1))
        held_size = os.fstat(held.fileno()).st_size
    assert held_size == len(whole), "a mapped file never becomes shorter"
    if way == "deleted":
        assert not path.exists()
    elif way == "replaced by a directory":
        assert path.is_dir()
    else:
        assert path.read_bytes() != whole
        assert way != "cut short" or whole.startswith(path.read_bytes())
        assert way != "flipped bits in" or path.stat().st_size == len(whole)
    assert way == "deleted" or [found.name for found in tmp_path.iterdir()] == ["file"]


def test_a_mirror_with_flipped_bits_is_not_sound_until_its_check_was_due(world):
    repository = min((one for one in world.repositories if one.interval), key=lambda one: one.interval)
    for pack in (mirror_of(world, repository) / "objects/pack").glob("*.pack"):
        for seed in range(20):
            DAMAGE["flipped bits in"](pack, random.Random(seed))
    assert complaint(world, repository)
    check_mirror(world, repository)
    wait_for(lambda: not complaint(world, repository), "the mirror was fetched anew", 120)
    all_well(world)


def complaint(world, repository) -> str:
    try:
        git(mirror_of(world, repository), "fsck", "--full", "--no-dangling", "--no-progress")
    except AssertionError as error:
        return str(error)
    return ""


def test_a_deleted_mirror_comes_back(world):
    strike(world, "delete_mirror", lambda disaster: ".git was deleted" in disaster.what)
    for repository in world.repositories:
        world.daemon.refresh(repository.name)
    all_well(world)
    assert not [one.name for one in world.repositories if complaint(world, one)]


@pytest.mark.parametrize("name", ["damage_state", "delete_slot", "flip_pack"])
def test_the_daemon_gets_over_damage(world, name):
    done = [DISASTERS[name](world, random.Random(seed)) for seed in range(3)]
    for disaster in done:
        if disaster.undo:
            disaster.undo()
    assert all(str(world.directory) in disaster.what or "beside trees" in disaster.what for disaster in done)
    all_well(world)


def test_a_reload_leaves_a_whole_configuration(world):
    done = {DISASTERS["reload"](world, random.Random(seed)).what.split(":")[0] for seed in range(12)}
    assert len(done) == 4, done
    assert world.daemon.running() and world.config.read_text().startswith("state_dir")
    all_well(world)
