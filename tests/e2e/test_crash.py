"""kill -9 at random moments: what is published is always complete, and what was promised is kept."""

import os
import random
from pathlib import Path

from published import assert_complete, published_commit
from upstream import git
from waiting import let_pass, wait_for

CRASHES = 20
LONGEST_LIFE = 0.25  # seconds; a refresh takes some 0.05 to 0.1


def change(number: int, rng: random.Random) -> dict:
    """Many files with the same content, so that a mixture of two commits would show."""
    files = {f"folder{i % 7}/file{i}": f"{number}\n" for i in range(60)}
    files["large"] = str(number) * rng.randrange(1, 200_000)
    return files


def mirrors(state: Path) -> list[Path]:
    return [objects.parent for objects in state.rglob("objects") if (objects.parent / "HEAD").exists()]


def test_after_each_of_twenty_crashes_the_tree_is_complete_and_at_last_the_newest(follow, upstream):
    seed = int(os.environ.get("FRESHET_TEST_SEED", random.randrange(10**6)))
    print(f"FRESHET_TEST_SEED={seed}")
    rng = random.Random(seed)
    site = follow()
    pushed = {upstream.tip()}

    for number in range(CRASHES):
        if not site.daemon.running():
            site.daemon.start()
        for _ in range(rng.randrange(1, 4)):
            commit = upstream.commit(change(number, rng))
            pushed.add(commit)
            assert site.daemon.push(site.url, commit).status == 202
            let_pass(rng.uniform(0, LONGEST_LIFE / 2))
        let_pass(rng.uniform(0, LONGEST_LIFE))
        site.daemon.kill9()
        assert assert_complete(site.path) in pushed

    site.daemon.start()
    site.wait_for(commit)
    assert assert_complete(site.path) == commit
    [mirror] = mirrors(site.daemon.directory / "state")
    git(mirror, "fsck", "--strict")


def test_a_crash_during_the_very_first_fetch_is_got_over(follow, upstream, http_upstreams):
    http_upstreams.hold()
    site = follow(http_upstreams.url(upstream.path), first=False)
    wait_for(http_upstreams.packs_asked_for, "the fetch has begun")
    site.daemon.kill9()
    assert published_commit(site.path) is None
    http_upstreams.release()

    site.daemon.start()

    site.wait_for(upstream.tip())
    assert_complete(site.path)


def test_a_delivery_answered_202_is_kept_across_a_crash_right_after_it(site):
    """Nothing but the promise can bring it: polling is off, and no further delivery comes."""
    commit = site.push({"README": "second\n"})
    site.daemon.kill9()
    site.daemon.start()
    site.wait_for(commit)
