"""The rows of docs/performance.md: each takes a directory of its own and returns its figures."""

import json
import os
import shutil
import statistics
import sys
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench_upstreams import large_repository, repository_of_many_refs, small_repository
from daemon import SECRET, Daemon
from forge import github_headers, github_push
from https_upstream import HttpsUpstreams, under_many_names
from measuring import Cost, DaemonCpu, Figure, run_measured
from memory import memory_of
from processes import Server, free_port, is_listening
from upstream import git
from waiting import let_pass, wait_for


@dataclass(frozen=True)
class Options:
    seconds: float  # that polls are watched
    rounds: int  # of deliveries
    fetches: int  # of the large repository
    repositories: int  # of the row of that name
    interval: float  # of that row, in seconds
    large: Path | None  # the large repository; None: one is made
    load: float  # seconds of deliveries in masses, each round


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def milliseconds(seconds: float) -> float:
    return seconds * 1000


@contextmanager
def running(daemon: Daemon, env: dict | None = None):
    """Starts it, and ends it whatever happens."""
    try:
        yield daemon.start(env=env or {})
    finally:
        if daemon.running():
            daemon.stop(60)


def following(directory: Path, server: HttpsUpstreams, repositories: list[dict]):
    # Who waits for /readyz asks often.
    daemon = Daemon(directory / "daemon", repositories, server={"rate_limit": "off"})
    daemon.settings["credential"] = [server.credential]
    daemon.write_config()
    # The environment is for what freshet leaves to the git program.
    return running(daemon, server.git_environment)


def wait_until_ready(daemon: Daemon, timeout: float) -> None:
    """Every repository was refreshed, and none fails."""
    wait_for(lambda: daemon.public("GET", "/readyz?max_age=1h").status == 200, "all is fetched", timeout)


def mirror_in(daemon: Daemon) -> Path:
    [mirror] = [objects.parent for objects in (daemon.directory / "state").rglob("objects")
                if (objects.parent / "HEAD").exists()]
    return mirror


# Polls without a change

def cost_of_polls(directory: Path, server: HttpsUpstreams, paths: list[Path], seconds: float,
                  **repository) -> float:
    """CPU seconds of one poll: all that the daemon and its children spend, by the polls that arrive."""
    followed = [
        {"name": path.stem, "url": server.url(path)} | repository
        | ({} if "mirror" in repository else {"path": str(directory / "www" / path.stem), "git": False})
        for path in paths]
    with following(directory, server, followed) as daemon:
        wait_until_ready(daemon, 300)
        let_pass(2)
        cpu, before, began = DaemonCpu(daemon), server.posts(), time.monotonic()
        let_pass(seconds)
        spent, polls = cpu.spent_so_far(), server.posts() - before
        say(f"  {polls} polls in {time.monotonic() - began:.0f} s took {spent:.3f} s of CPU")
        return spent / polls


def poll(directory: Path, options: Options) -> list[Figure]:
    """no-change poll: CPU against `git ls-remote` over HTTPS"""
    upstream = small_repository(directory / "upstreams/small.git")
    paths = under_many_names(upstream, 60)
    with HttpsUpstreams(upstream.path.parent) as server:
        command = ["git", "ls-remote", server.url(upstream.path)]
        theirs = [run_measured(*command, env=server.git_environment) for _ in range(20)]
        ours = cost_of_polls(directory, server, paths, options.seconds, mirror=True, interval="2s")
        theirs += [run_measured(*command, env=server.git_environment) for _ in range(20)]
    return [Figure("poll", "CPU of a no-change poll", "ms", milliseconds(ours), "git ls-remote",
                   milliseconds(Cost.typical(theirs).cpu), 1 / 100, "1/100")]


def polls_of_many_refs(directory: Path, count: int, names: int, seconds: float, **repository) -> tuple[float, float]:
    """CPU seconds of a poll and of `git ls-remote`, of an upstream that has so many refs."""
    upstream = repository_of_many_refs(directory / "upstreams/many.git", count)
    paths = under_many_names(upstream, names)
    with HttpsUpstreams(upstream.path.parent) as server:
        command = ["git", "ls-remote", server.url(upstream.path)]
        theirs = [run_measured(*command, env=server.git_environment) for _ in range(10)]
        ours = cost_of_polls(directory, server, paths, seconds, interval="2s", **repository)
    return ours, Cost.typical(theirs).cpu


def many_refs(directory: Path, options: Options) -> list[Figure]:
    """poll of an upstream with 100,000 refs: CPU against `git ls-remote`"""
    ours, theirs = polls_of_many_refs(directory, 100_000, 40, options.seconds)
    return [Figure("many-refs", "CPU of a poll, 100,000 refs", "ms", milliseconds(ours), "git ls-remote",
                   milliseconds(theirs), 1 / 300, "1/300")]


# A delivery

def current(mirror: Path, ref: str) -> str:
    try:
        return (mirror / ref).read_text().strip()
    except FileNotFoundError:
        return git(mirror, "rev-parse", "-q", "--verify", ref, check=False)


def deliver(daemon: Daemon, url: str, before: str, after: str, there) -> float:
    """Wall seconds from the delivery until `there()`."""
    body = github_push(url, after, before=before)
    headers = github_headers(body, SECRET)
    began = time.monotonic()
    answer = daemon.deliver(body, headers)
    if answer.status != 202:
        raise RuntimeError(f"the delivery was answered {answer.status}: {answer.body}")
    while not there():
        let_pass(0.0005)
        if time.monotonic() - began > 60:
            raise RuntimeError("what was delivered did not arrive")
    return time.monotonic() - began


def delivery(directory: Path, options: Options) -> list[Figure]:
    """delivery to mirror updated, one-commit change: wall and CPU against `git fetch` over HTTPS"""
    upstream = small_repository(directory / "upstreams/small.git")
    ours, theirs = [], []
    with HttpsUpstreams(upstream.path.parent) as server:
        url = server.url(upstream.path)
        clone = directory / "clone.git"
        run_measured("git", "clone", "-q", "--mirror", url, clone, env=server.git_environment)
        with following(directory, server, [{"name": "small", "url": url, "mirror": True}]) as daemon:
            wait_until_ready(daemon, 60)
            mirror = mirror_in(daemon)
            for number in range(options.rounds):
                before = upstream.tip()
                after = upstream.commit({f"folder{number % 40}/file{number}": f"changed {number}\n"})

                def fetch_ours():
                    cpu = DaemonCpu(daemon)
                    wall = deliver(daemon, url, before, after,
                                   lambda: current(mirror, "refs/heads/main") == after)
                    daemon.wait_for_state("ok", "small")
                    ours.append(Cost(wall, cpu.spent()))

                def fetch_theirs():
                    theirs.append(run_measured("git", "-C", clone, "fetch", "-q", "origin",
                                               env=server.git_environment))

                # Whoever comes second finds the server's files in memory: take turns.
                for fetch in [fetch_ours, fetch_theirs][::1 if number % 2 else -1]:
                    fetch()
    mine, git_fetch = Cost.typical(ours), Cost.typical(theirs)
    return [Figure("delivery", "delivery to mirror updated, wall", "ms", milliseconds(mine.wall), "git fetch",
                   milliseconds(git_fetch.wall), 1 / 2, "1/2"),
            Figure("delivery", "delivery to mirror updated, CPU", "ms", milliseconds(mine.cpu), "git fetch",
                   milliseconds(git_fetch.cpu), 1 / 5, "1/5")]


# A first fetch

def first_fetch(directory: Path, options: Options) -> list[Figure]:
    """first fetch of a repository of 50 MB or more: wall and memory against `git clone --bare`"""
    upstream = options.large or large_repository(directory / "upstreams/large.git").path
    say(f"  {upstream}: {sum(p.stat().st_size for p in upstream.rglob('*.pack')) / 1e6:.0f} MB of packs")
    ours, theirs, peaks = [], [], []
    with HttpsUpstreams(upstream.parent) as server:
        for number in range(options.fetches):
            place = directory / f"round{number}"

            def fetch_ours():
                began = time.monotonic()
                followed = [{"name": "large", "url": server.url(upstream), "mirror": True}]
                with following(place, server, followed) as daemon:
                    cpu = DaemonCpu(daemon)
                    daemon.wait_for_state("ok", "large", timeout=600)
                    ours.append(Cost(time.monotonic() - began, cpu.spent()))
                    peaks.append(memory_of(daemon.process.pid, "VmHWM"))

            def fetch_theirs():
                theirs.append(run_measured("git", "clone", "-q", "--bare", server.url(upstream),
                                           place / "clone.git", env=server.git_environment))

            for fetch in [fetch_ours, fetch_theirs][::1 if number % 2 else -1]:
                fetch()
            say(f"  round {number}: freshet {ours[-1].wall:.2f} s, git {theirs[-1].wall:.2f} s")
            shutil.rmtree(place)
    mine, git_clone = Cost.typical(ours), Cost.typical(theirs)
    return [Figure("first-fetch", "first fetch, wall", "s", mine.wall, "git clone --bare", git_clone.wall,
                   1.0, "1"),
            Figure("first-fetch", "peak memory of the daemon", "MiB", max(peaks), "", None, 40, "40 MiB")]


# Ten thousand repositories

def copy_mirror(template: Path, place: Path) -> None:
    """Objects are shared; whatever is written or locked is a copy."""
    def copy(source, target):
        (os.link if "/objects/" in str(source) else shutil.copyfile)(source, target)
    shutil.copytree(template, place, copy_function=copy)


def lateness(asked: dict[str, list[float]], names: list[str], begin: float, end: float,
             interval: float) -> list[float]:
    """For each repository the longest time that nobody asked for its refs, in intervals."""
    longest = []
    for name in names:
        moments = [moment for moment in asked.get(name, []) if begin <= moment <= end]
        moments = [moments[0] if moments else begin, *moments[1:], end]
        longest.append(max(later - earlier for earlier, later in zip(moments, moments[1:])) / interval)
    return longest


def repositories(directory: Path, options: Options) -> list[Figure]:
    """10,000 repositories at 60 s without changes: CPU, memory and lateness of polls"""
    upstream = small_repository(directory / "upstream.git")
    port, log = free_port(), directory / "server.log"
    server = Server([sys.executable, str(Path(__file__).parent / "canned_server.py"), str(upstream.path),
                     str(port)], log)
    base = f"http://127.0.0.1:{port}"
    names = [f"/group{number % 100}/repository{number}.git" for number in range(options.repositories)]
    followed = [{"name": name[1:-4], "url": base + name, "mirror": True, "interval": f"{options.interval:g}s"}
                for name in names]
    try:
        wait_for(lambda: is_listening(port), f"the server listens; it said: {log.read_text()}")
        daemon = Daemon(directory / "daemon", followed[:1])
        with running(daemon):
            wait_until_ready(daemon, 60)
        template = mirror_in(daemon)
        root = Path(str(template).removesuffix(names[0]))
        say(f"  copying {len(names) - 1} mirrors")
        for name in names[1:]:
            copy_mirror(template, Path(str(root) + name))
        daemon.settings["repository"] = followed
        daemon.write_config()
        return watch_many(daemon, base, names, options)
    finally:
        server.stop()


def watch_many(daemon: Daemon, base: str, names: list[str], options: Options) -> list[Figure]:
    began = time.monotonic()
    with running(daemon):
        wait_until_ready(daemon, 1800)
        say(f"  all were asked once after {time.monotonic() - began:.1f} s")
        let_pass(5)
        cpu, begin = DaemonCpu(daemon), time.monotonic()
        # Long enough that each poll's successor is seen too.
        let_pass(max(options.seconds, 3 * options.interval))
        end = time.monotonic()
        share = cpu.spent_so_far() / (end - begin)
        resident, peak = memory_of(daemon.process.pid, "VmRSS"), memory_of(daemon.process.pid, "VmHWM")
        with urllib.request.urlopen(base + "/report") as answer:
            asked = json.load(answer)
    longest = lateness(asked, names, began, end, options.interval)
    polls = sum(begin <= moment <= end for name in names for moment in asked.get(name, []))
    say(f"  {polls / (end - begin):.1f} polls/s; peak memory {peak:.0f} MiB; median of the longest pauses "
        f"{statistics.median(longest):.3f} intervals; {sum(value > 1.1 for value in longest)} late")
    row = f"{len(names):,} repositories"
    return [Figure(row, "CPU", "% of a core", share * 100, "", None, 10, "10 %"),
            Figure(row, "resident memory", "MiB", resident, "", None, 150, "150 MiB"),
            Figure(row, "latest poll", "intervals", max(longest), "", None, 1.1, "1.1")]


ROWS = {"poll": poll, "delivery": delivery, "many-refs": many_refs, "first-fetch": first_fetch,
        "repositories": repositories}
