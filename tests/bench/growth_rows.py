"""How costs grow: with repositories, with refs in one of them, with files in a tree."""

import shutil
import statistics
import time
from pathlib import Path

from bench_upstreams import repository_of_many_refs
from checkout_rows import first_checkout, git_updates, published, repository_of, updates
from fleet import Fleet
from https_upstream import HttpsUpstreams
from measuring import Cost, DaemonCpu, run_measured
from memory import memory_of
from rows import (Options, deliver, following, milliseconds, polls_of_many_refs, running, say, wait_until_ready)
from waiting import let_pass

# A checkout of one branch, which asks for that alone; and one that mirrors all refs beside it.
ONE_REF, ALL_REFS = {"git": False}, {"git": False, "refs": ["refs/pull/*"]}


def median_ms(seconds: list[float]) -> float:
    return milliseconds(statistics.median(seconds))


# Repositories

def repositories(directory: Path, count: int, options: Options) -> dict:
    """CPU of a poll, memory, start, delivery to published; by repositories that are followed"""
    fleet = Fleet(directory, count, options.interval)
    with fleet:
        began = time.monotonic()
        with running(fleet.daemon):
            wait_until_ready(fleet.daemon, 3600)
            first = time.monotonic() - began
        began = time.monotonic()
        with running(fleet.daemon):
            wait_until_ready(fleet.daemon, 3600)
            start = time.monotonic() - began
            # The first poll comes at any moment of the first interval.
            let_pass(options.interval)
            cpu, begin = DaemonCpu(fleet.daemon), time.monotonic()
            let_pass(max(options.seconds, 2 * options.interval))
            spent, end = cpu.spent_so_far(), time.monotonic()
            polls = sum(begin <= moment <= end for moments in fleet.asked().values() for moment in moments)
            memory = memory_of(fleet.daemon.process.pid, "VmRSS")
            told = [_publish(fleet, turn * 4 % count + turn % 2) for turn in range(options.rounds)]
    return {"cpu_per_poll_ms": milliseconds(spent / polls), "polls_per_second": polls / (end - begin),
            "cpu_percent": spent / (end - begin) * 100, "memory_mib": memory, "first_start_s": first, "start_s": start,
            "delivery_to_published_ms": median_ms(told)}


def _publish(fleet: Fleet, number: int) -> float:
    number -= number % 2  # one with a webhook
    before, after = fleet.upstreams.tip(number), fleet.upstreams.change(number)
    return deliver(fleet.daemon, fleet.url(number), before, after, lambda: published(fleet.tree(number)) == after)


# Refs

def refs(directory: Path, count: int, options: Options) -> dict:
    """CPU of a poll, delivery to published and `git fetch`; by refs of the upstream"""
    figures = {}
    for what, names, repository in (("one", 40, ONE_REF), ("all", 4, ALL_REFS)):
        place = directory / what
        (place / "upstreams").mkdir(parents=True)
        ours, theirs = polls_of_many_refs(place, count, names, options.seconds, **repository)
        figures |= {f"poll_cpu_{what}_ms": milliseconds(ours), "ls_remote_cpu_ms": milliseconds(theirs)}
        shutil.rmtree(place)
        ours, theirs = _deliveries(directory / f"{what}-delivered", count, options, repository)
        figures |= {f"delivery_{what}_ms": milliseconds(ours.wall), f"delivery_{what}_cpu_ms": milliseconds(ours.cpu),
                    f"fetch_{what}_ms": milliseconds(theirs.wall), f"fetch_{what}_cpu_ms": milliseconds(theirs.cpu)}
    return figures


def _deliveries(directory: Path, count: int, options: Options, repository: dict) -> tuple[Cost, Cost]:
    """Delivery to published with one ref moved, and `git fetch` of the same refs."""
    (directory / "upstreams").mkdir(parents=True)
    upstream, path = repository_of_many_refs(directory / "upstreams/many.git", count), directory / "www/many"
    ours, theirs = [], []
    with HttpsUpstreams(upstream.path.parent) as server:
        url, clone = server.url(upstream.path), directory / "clone.git"
        wanted = ["+refs/heads/main:refs/heads/main"] + ["+refs/pull/*:refs/pull/*"] * ("refs" in repository)
        fetch = ["git", "-C", clone, "fetch", "-q", "--no-tags", url, *wanted]
        run_measured("git", "init", "-q", "--bare", clone)
        run_measured(*fetch, env=server.git_environment)
        run_measured("git", "-C", clone, "pack-refs", "--all")  # as after `git clone`
        with following(directory, server, [{"name": "many", "url": url, "path": str(path)} | repository]) as daemon:
            wait_until_ready(daemon, 600)
            before = upstream.tip()
            for turn in range(options.rounds):
                after = upstream.commit({f"file{turn}": f"{turn}\n"})
                cpu = DaemonCpu(daemon)
                wall = deliver(daemon, url, before, after, lambda: published(path) == after)
                daemon.wait_for_state("ok", "many")
                ours.append(Cost(wall, cpu.spent()))
                theirs.append(run_measured(*fetch, env=server.git_environment))
                before = after
    shutil.rmtree(directory)
    return Cost.typical(ours), Cost.typical(theirs)


# Files

def files(directory: Path, count: int, options: Options) -> dict:
    """update of 10 files and first checkout against `git reset --hard`, `git worktree add`; by files in the tree"""
    upstream = repository_of(directory / "upstreams/site.git", count)
    figures = {}
    for with_git, what in ((True, "git"), (False, "plain")):
        walls = updates(directory / f"updates-{what}", upstream, count, options, git=with_git)
        figures[f"update_{what}_ms"] = median_ms(walls)
        firsts = []
        for turn in range(options.fetches):
            place = directory / f"first-{what}"
            firsts.append(first_checkout(place, upstream, git=with_git))
            shutil.rmtree(place)
        figures[f"first_{what}_ms"] = median_ms(firsts)
        say(f"  first checkouts, {what}: " + ", ".join(f"{wall:.2f}" for wall in firsts) + " s")
    resets, fresh = git_updates(upstream, directory / "trees", count, options.fetches)
    say("  git worktree add: " + ", ".join(f"{wall:.2f}" for wall in fresh) + " s")
    return figures | {"reset_hard_ms": median_ms(resets), "worktree_add_ms": median_ms(fresh)}


CURVES = {"repositories": (repositories, (10, 100, 1_000, 10_000)),
          "refs": (refs, (10, 1_000, 100_000)),
          "files": (files, (1_000, 10_000, 100_000, 500_000))}
