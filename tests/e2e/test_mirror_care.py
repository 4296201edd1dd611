"""What freshet keeps although the upstream, or the disk, has lost it."""

import os
import shutil

import pytest

from daemon import run_freshet
from lying_site import mirror_of, refs_of
from published import assert_complete, files_of
from tree_watch import TreeWatch
from upstream import git
from waiting import let_pass, wait_for

LOST = "refs/freshet/lost"


@pytest.fixture
def backup(upstream, make_daemon):
    """A mirror without a checkout that takes over what the upstream has; backup(ref...) starts it
    with these refs beside main."""

    def backup(*refs: str, **settings):
        for ref in refs:
            upstream.commit({"name": ref}, branch="passing", parent=upstream.tip())
            upstream.set_ref(ref, upstream.tip("refs/heads/passing"))
        upstream.delete_ref("refs/heads/passing")
        daemon = make_daemon({"name": "site", "url": str(upstream.path), "mirror": True} | settings)
        daemon.wait_for_state("ok")
        assert refs_in(daemon) == refs_of(upstream.path) and len(refs_in(daemon)) == len(refs) + 1
        return daemon

    return backup


def refs_in(daemon) -> dict[str, str]:
    return refs_of(mirror_of(daemon, "site.git"), "refs/heads", "refs/tags")


def branches(count: int) -> list[str]:
    return [f"refs/heads/branch{n}" for n in range(count)]


def delete(upstream, refs) -> None:
    git(upstream.path, "pack-refs", "--all", "--prune")  # or a poll could see some of them deleted
    git(upstream.path, "update-ref", "--stdin", data="".join(f"delete {ref}\n" for ref in refs).encode())


def accept_loss(daemon):
    return run_freshet("refresh", "site", "--accept-loss", "--wait", "--config", daemon.config)


# Deletions

def test_a_mass_deletion_is_held_until_somebody_accepts_it(backup, upstream):
    daemon = backup(*branches(20))
    before = refs_in(daemon)
    gone = branches(15)
    delete(upstream, gone)

    daemon.refresh()
    daemon.wait_for_state("held")
    assert refs_in(daemon) == before
    daemon.refresh()
    assert daemon.wait_for_state("held")["last_success"]
    assert refs_in(daemon) == before

    accepted = accept_loss(daemon)
    assert accepted.returncode == 0, accepted.stderr
    daemon.wait_for_state("ok")
    assert refs_in(daemon) == refs_of(upstream.path)
    lost = refs_of(mirror_of(daemon, "site.git"), LOST)
    assert {before[ref] for ref in gone} <= set(lost.values())


@pytest.mark.parametrize("refs, deleted, held", [
    (branches(9), 9, False),  # fewer than ten
    (branches(19), 10, False),  # ten, but just half of the twenty
    (branches(18), 10, True),
    (branches(8) + [f"refs/tags/v{n}" for n in range(8)], 12, True),
], ids=["9 of 10", "10 of 20", "10 of 19", "12 of 17 with tags"])
def test_ten_refs_and_more_than_half_are_a_mass_deletion(backup, upstream, refs, deleted, held):
    daemon = backup(*refs)
    before = refs_in(daemon)
    delete(upstream, refs[:deleted])
    daemon.refresh()
    if held:
        daemon.wait_for_state("held")
        assert refs_in(daemon) == before
    else:
        daemon.wait_for_state("ok")
        assert refs_in(daemon) == refs_of(upstream.path)


def test_an_emptied_upstream_that_is_filled_again_is_followed_without_a_hand(backup, upstream):
    daemon = backup(*branches(14), interval="1s")
    before = refs_in(daemon)
    delete(upstream, before)
    daemon.wait_for_state("held")
    assert refs_in(daemon) == before
    for ref, commit in before.items():
        upstream.set_ref(ref, commit)
    upstream.commit({"README": "second\n"})
    wait_for(lambda: refs_in(daemon) == refs_of(upstream.path), "the mirror follows again")
    assert daemon.wait_for_state("ok")["last_error"] is None


def test_a_held_repository_is_still_held_after_a_restart(backup, upstream):
    daemon = backup(*branches(14))
    before = refs_in(daemon)
    delete(upstream, branches(14))
    daemon.refresh()
    daemon.wait_for_state("held")
    daemon.stop()
    daemon.start()
    daemon.wait_for_state("held")
    assert refs_in(daemon) == before


def test_a_loss_is_accepted_once_and_not_for_ever(backup, upstream):
    daemon = backup(*branches(14))
    delete(upstream, branches(14))
    daemon.refresh()
    daemon.wait_for_state("held")
    assert accept_loss(daemon).returncode == 0
    for ref in branches(14):
        upstream.set_ref(ref, upstream.tip())
    assert daemon.refresh().status == 200
    before = refs_in(daemon)
    delete(upstream, branches(14))
    daemon.refresh()
    daemon.wait_for_state("held")
    assert refs_in(daemon) == before


@pytest.mark.parametrize("lose", ["rewritten", "deleted"])
def test_a_lost_tip_is_kept_and_nobody_takes_it_for_a_ref_of_the_upstream(backup, upstream, lose):
    daemon = backup("refs/heads/topic")
    tip = upstream.tip("refs/heads/topic")
    if lose == "rewritten":
        upstream.commit({"README": "instead\n"}, branch="topic", parent=None)
    else:
        upstream.delete_ref("refs/heads/topic")
    assert daemon.refresh().status == 200
    assert refs_in(daemon) == refs_of(upstream.path)
    mirror = mirror_of(daemon, "site.git")
    assert tip in refs_of(mirror, LOST).values()
    git(mirror, "gc", "-q", "--prune=now")
    assert git(mirror, "cat-file", "-t", tip) == "commit"


def test_a_branch_that_only_moves_on_leaves_nothing_behind(backup, upstream):
    daemon = backup()
    upstream.commit({"README": "second\n"})
    assert daemon.refresh().status == 200
    assert refs_of(mirror_of(daemon, "site.git"), LOST) == {}


# Corruption

def flip_bytes(pack) -> None:
    content = bytearray(pack.read_bytes())
    for position in range(12, len(content) - 20, 16):
        content[position] ^= 0x55
    rewrite(pack, bytes(content))


def cut_in_half(pack) -> None:
    rewrite(pack, pack.read_bytes()[:pack.stat().st_size // 2])


def rewrite(pack, content: bytes) -> None:
    """As a disk does it: whoever reads the file at this moment does not see it shrink."""
    beside = pack.with_suffix(".damaged")
    beside.write_bytes(content)
    beside.rename(pack)


@pytest.mark.parametrize("damage", [flip_bytes, cut_in_half, lambda pack: pack.unlink()],
                         ids=["bytes flipped", "cut in half", "gone"])
def test_a_damaged_pack_is_found_and_the_mirror_rebuilt_while_the_tree_stays(
        site, upstream, tmp_path, damage):
    site.wait_for(site.push({"README": "second\n"}))
    mirror = mirror_of(site.daemon, "site.git")
    with TreeWatch(site.path, upstream):
        for pack in (mirror / "objects/pack").glob("*.pack"):
            damage(pack)
        third = site.push({"docs/new.html": "<p>third</p>\n"})
        site.wait_for(third)
        assert site.daemon.wait_for_state("ok")["last_error"] is None
    assert_complete(site.path)
    assert files_of(site.path) == {"README": "second\n", "docs/index.html": "<p>first</p>\n",
                                   "docs/new.html": "<p>third</p>\n"}
    git(tmp_path, "clone", "-q", "--bare", "--no-local", mirror_of(site.daemon, "site.git"), "clone")
    git(tmp_path / "clone", "fsck", "--strict")
    if damage is flip_bytes:  # the others can be got over without a rebuild, by fetching again
        git(mirror_of(site.daemon, "site.git"), "fsck", "--strict")


def test_a_damaged_mirror_whose_upstream_is_away_keeps_the_tree_and_is_rebuilt_later(
        site, upstream, tmp_path):
    published = upstream.tip()
    for pack in (mirror_of(site.daemon, "site.git") / "objects/pack").glob("*.pack"):
        flip_bytes(pack)
    with TreeWatch(site.path, upstream):
        upstream.path.rename(tmp_path / "away")
        assert site.daemon.refresh().status == 502
        assert site.path.resolve().name == published
        (tmp_path / "away").rename(upstream.path)
        site.wait_for(site.push({"README": "second\n"}))
    assert_complete(site.path)


@pytest.fixture
def quiet(http_upstreams, upstream, make_daemon, tmp_path):
    """A polled repository to which nothing is ever pushed."""
    daemon = make_daemon({"name": "site", "url": http_upstreams.url(upstream.path), "interval": "1s",
                          "path": str(tmp_path / "site")})
    daemon.wait_for_state("ok")
    mark = mirror_of(daemon, "site.git") / "freshet.checked"
    wait_for(mark.exists, "the first fetch counts as a check")
    yield daemon, mark
    daemon.wait_for_state("ok")
    assert_complete(tmp_path / "site")


def test_a_quiet_mirror_is_checked_after_a_week(quiet):
    daemon, mark = quiet
    for pack in (mark.parent / "objects/pack").glob("*.pack"):
        flip_bytes(pack)
    assert not sound(mark.parent)
    os.utime(mark, (0, 0))
    wait_for(lambda: sound(mark.parent), "it was checked and fetched anew")


def test_a_quiet_mirror_that_somebody_removed_comes_back(quiet):
    daemon, mark = quiet
    shutil.rmtree(mark.parent)
    wait_for(lambda: mark.exists() and sound(mark.parent), "it was fetched anew")


def sound(mirror) -> bool:
    try:
        git(mirror, "fsck", "--full")
    except AssertionError:
        return False
    return True


# Upkeep

def test_packs_that_pile_up_are_put_together_while_pushes_go_on(site, upstream):
    for number in range(70):
        site.wait_for(site.push({"README": f"{number}\n"}))
    mirror = mirror_of(site.daemon, "site.git")

    def packs() -> int:
        return len(list((mirror / "objects/pack").glob("*.pack")))

    let_pass(1)
    wait_for(lambda: packs() < 60, "there are fewer packs than pushes", 60)
    site.wait_for(site.push({"README": "the last\n"}))
    git(mirror, "fsck", "--strict")
