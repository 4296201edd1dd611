"""The rows of docs/performance.md about deliveries: how many, how quickly, and under which attacks."""

import random
import statistics
import threading
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from background import Repeatedly
from bench_upstreams import small_repository
from daemon import Daemon
from delivery_load import (BodyFlood, StalledClients, need, push_of_7_kb, send_deliveries, webhook_program)
from forge import github_push
from https_upstream import HttpsUpstreams
from measuring import DaemonCpu, Figure
from memory import memory_of
from metrics import metrics_of
from rows import Options, current, following, say, wait_until_ready
from upstream import Upstream
from waiting import let_pass, wait_for

STALLED = 500
STORM_REPOSITORIES, STORM_DELIVERIES, STORM_SECONDS = 100, 20_000, 10
STORM_RATE = 3000  # a second, so that slow answers leave 2,000
BODIES, BODY_MEMORY, OTHER_MEMORY = 200, 64, 16  # MiB: body_memory, and what buffers and threads take


def webhook_url(daemon: Daemon) -> str:
    return f"http://127.0.0.1:{daemon.public_port}/api/v1/webhooks/github"


def accepted(daemon: Daemon) -> float:
    return metrics_of(daemon).value("freshet_deliveries_total", outcome="accepted")


@contextmanager
def small_site(directory: Path):
    """A daemon that follows one real repository over HTTPS, and a delivery for it."""
    upstream = small_repository(directory / "upstreams/small.git")
    with HttpsUpstreams(upstream.path.parent) as server:
        url = server.url(upstream.path)
        with following(directory, server, [{"name": "small", "url": url, "mirror": True}]) as daemon:
            wait_until_ready(daemon, 60)
            yield daemon, push_of_7_kb(url, upstream.tip())


def load_freshet(directory: Path, daemon: Daemon, body: bytes, seconds: float):
    """All deliveries are accepted: that many 202."""
    cpu, before = DaemonCpu(daemon), accepted(daemon)
    load = send_deliveries(directory, webhook_url(daemon), [body], seconds)
    load = replace(load, busy_after=wait_until_refreshed(daemon))
    if accepted(daemon) - before < load.requests:
        raise RuntimeError("not every delivery was accepted")
    say(f"  freshet: {load.rate:,.0f}/s, p50 {load.p50:.2f} ms, p99 {load.p99:.2f} ms, max {load.max:.1f} ms; "
        f"busy for {load.busy_after:.1f} s after it; {cpu.spent_so_far() / load.requests * 1e6:.0f} us of CPU each")
    return load


def wait_until_refreshed(daemon: Daemon) -> float:
    """Seconds until no refresh waits or runs."""
    began = time.monotonic()
    wait_for(lambda: not metrics_of(daemon).value("freshet_queue_depth") and
             all(one["state"] == "ok" for one in daemon.admin("GET", "/api/v1/repositories").json["repositories"]),
             "what was announced is refreshed")
    return time.monotonic() - began


def deliveries(directory: Path, options: Options) -> list[Figure]:
    """signed 7 KB pushes over 16 connections: rate and p99 against `webhook` running /bin/true"""
    need("wrk")
    need("webhook")
    ours, theirs = [], []
    with small_site(directory) as (daemon, body), webhook_program(directory) as (their_url, finish):
        def load_webhook():
            load = send_deliveries(directory, their_url, [body], options.load)
            theirs.append(replace(load, busy_after=finish()))
            say(f"  webhook: {load.rate:,.0f}/s, p50 {load.p50:.2f} ms, p99 {load.p99:.2f} ms, max {load.max:.1f} ms; "
                f"busy for {theirs[-1].busy_after:.1f} s after it")

        for turn in range(3):
            for run in [lambda: ours.append(load_freshet(directory, daemon, body, options.load)),
                        load_webhook][::1 if turn % 2 else -1]:
                run()
                let_pass(1)
    def per_delivery(what: str, rate) -> Figure:
        mine, other = (statistics.median(map(rate, loads)) for loads in (ours, theirs))
        return Figure("deliveries", f"a delivery, {what} ({mine:,.0f}/s)", "us", 1e6 / mine,
                      f"webhook ({other:,.0f}/s)", 1e6 / other, 1 / 5, "1/5")

    return [per_delivery("answered", lambda load: load.rate),
            per_delivery("answered and done", lambda load: load.done_rate),
            Figure("deliveries", "answer to a delivery, p99", "ms", statistics.median(load.p99 for load in ours),
                   "webhook", statistics.median(load.p99 for load in theirs), 1 / 10, "1/10")]


def stalled(directory: Path, options: Options) -> list[Figure]:
    """the same with 500 stalled connections open from eight other addresses: p99 and slowest answer"""
    need("wrk")
    with small_site(directory) as (daemon, body), StalledClients(daemon.public_port, STALLED) as clients:
        load = load_freshet(directory, daemon, body, options.load)
        say(f"  {clients.reopened} stalled connections were let go, and came again")
    row = "deliveries-stalled"
    return [Figure(row, "answer with 500 stalled connections, p99", "ms", load.p99, "", None, 1000, "1 s"),
            Figure(row, "slowest answer", "ms", load.max, "", None, 1000, "1 s")]


# A storm

class QueueWatch(Repeatedly):
    """Looks at the daemon's own numbers, again and again, while `with` lasts."""

    def __init__(self, daemon: Daemon):
        super().__init__(0.1, self._ask)
        self.deepest, self.looks, self.refreshing = 0.0, 0, 0
        self._daemon = daemon

    def _ask(self) -> None:
        self.looks += 1
        self.deepest = max(self.deepest, metrics_of(self._daemon).value("freshet_queue_depth"))
        states = Counter(one["state"] for one in self._daemon.admin("GET", "/api/v1/repositories").json["repositories"])
        self.refreshing = max(self.refreshing, states["refreshing"])


class Pusher(threading.Thread):
    """Pushes to one repository after the other, by chance, until stop()."""

    def __init__(self, upstreams: list[Upstream]):
        super().__init__()
        self.pushes = 0
        self._upstreams, self._stop_pushing = upstreams, threading.Event()

    def run(self) -> None:
        while not self._stop_pushing.is_set():
            random.choice(self._upstreams).commit({"README": f"{self.pushes}\n"})
            self.pushes += 1

    def stop(self) -> None:
        self._stop_pushing.set()


def storm(directory: Path, options: Options) -> list[Figure]:
    """20,000 deliveries for 100 repositories in 10 s, pushes meanwhile: none lost, refreshes coalesced"""
    need("wrk")
    upstreams = [Upstream(directory / f"upstreams/site{number}.git") for number in range(STORM_REPOSITORIES)]
    for upstream in upstreams:
        upstream.commit({"README": "first\n"})
    with HttpsUpstreams(directory / "upstreams") as server:
        urls = [server.url(upstream.path) for upstream in upstreams]
        followed = [{"name": upstream.path.stem, "url": url, "mirror": True}
                    for upstream, url in zip(upstreams, urls)]
        bodies = [github_push(url, upstream.tip()) for upstream, url in zip(upstreams, urls)]
        with following(directory, server, followed) as daemon:
            wait_until_ready(daemon, 120)
            return measure_storm(directory, daemon, upstreams, bodies)


def measure_storm(directory: Path, daemon: Daemon, upstreams: list[Upstream],
                  bodies: list[bytes]) -> list[Figure]:
    state = daemon.directory / "state"
    mirrors = {upstream.path.name: next(path for path in state.rglob(upstream.path.name) if path.is_dir())
               for upstream in upstreams}
    before, pusher = metrics_of(daemon).value("freshet_refreshes_total"), Pusher(upstreams)
    # Who pushes later than the last delivery was promised nothing.
    last_push = threading.Timer(STORM_SECONDS * 0.8, pusher.stop)
    with QueueWatch(daemon) as watch:
        pusher.start()
        last_push.start()
        try:
            load = send_deliveries(directory, webhook_url(daemon), bodies, STORM_SECONDS, STORM_RATE)
        finally:
            last_push.cancel()
            pusher.stop()
            pusher.join()
        began = time.monotonic()

        def behind() -> list[str]:
            return [upstream.path.name for upstream in upstreams
                    if current(mirrors[upstream.path.name], "refs/heads/main") != upstream.tip()]

        wait_for(lambda: not behind() and metrics_of(daemon).value("freshet_queue_depth") == 0,
                 "every repository has its last push", 120)
        caught_up = time.monotonic() - began
    refreshes = metrics_of(daemon).value("freshet_refreshes_total") - before
    say(f"  {load.requests:,} deliveries in {load.seconds:.1f} s, all 202, p99 {load.p99:.1f} ms, max "
        f"{load.max:.0f} ms; {pusher.pushes} pushes meanwhile, {refreshes:.0f} refreshes; every last push was "
        f"there {caught_up:.2f} s later; in {watch.looks} looks at most {watch.deepest:.0f} waited and "
        f"{watch.refreshing} ran")
    row, waiting = "deliveries-storm", (watch.deepest + watch.refreshing) / len(upstreams)
    return [Figure(row, "20,000 deliveries for 100 repositories", "s", STORM_DELIVERIES / load.rate, "", None,
                   STORM_SECONDS, f"{STORM_SECONDS} s"),
            Figure(row, "pushes lost", "", len(behind()), "", None, 0, "0"),
            Figure(row, "refreshes waiting or running, a repository", "", waiting, "", None, 2, "2")]


# Large bodies

def answered_meanwhile(daemon: Daemon, body: bytes, over: threading.Event) -> list[float]:
    """Wall seconds of small signed deliveries, one after the other, until the flood is over."""
    walls = []
    while not walls or not over.is_set():
        began = time.monotonic()
        answer = daemon.deliver(body)
        if answer.status != 202:
            raise RuntimeError(f"a signed delivery was answered {answer.status}: {answer.body}")
        walls.append(time.monotonic() - began)
        let_pass(0.02)
    return walls


def bodies_memory(directory: Path, options: Options) -> list[Figure]:
    """200 parallel bodies of 25 MB without a right signature: peak memory, and answers meanwhile"""
    figures = []
    wrong = b"X-Hub-Signature-256: sha256=" + b"0123456789abcdef" * 4
    for what, fields in (("no signature", []), ("a wrong signature", [wrong])):
        place = directory / what.replace(" ", "-")
        upstream = small_repository(directory / "upstreams" / f"{place.name}.git")
        daemon = Daemon(place, [{"name": "small", "url": str(upstream.path), "mirror": True}],
                        server={"body_memory": f"{BODY_MEMORY}MiB"})
        daemon.start()
        try:
            wait_until_ready(daemon, 60)
            before, over = memory_of(daemon.process.pid, "VmHWM"), threading.Event()
            flood = BodyFlood(daemon.public_port, BODIES, *fields)

            def run():
                try:
                    flood.run()
                finally:
                    over.set()

            sender = threading.Thread(target=run)
            sender.start()
            walls = answered_meanwhile(daemon, github_push(str(upstream.path), upstream.tip()), over)
            sender.join()
            grown = memory_of(daemon.process.pid, "VmHWM") - before
        finally:
            daemon.stop(60)
        statuses = Counter(status.decode() or "none" for status in flood.statuses)
        say(f"  {what}: answers {dict(statuses)}, memory {before:.0f} + {grown:.1f} MiB; {len(walls)} signed "
            f"deliveries meanwhile, slowest {max(walls) * 1000:.0f} ms")
        figures += [Figure("bodies-memory", f"growth by 200 bodies of 25 MB, {what}", "MiB", grown, "", None,
                           BODY_MEMORY + OTHER_MEMORY, f"{BODY_MEMORY} + {OTHER_MEMORY} MiB"),
                    Figure("bodies-memory", f"slowest signed delivery meanwhile, {what}", "ms",
                           max(walls) * 1000, "", None, 1000, "1 s")]
    return figures


DELIVERY_ROWS = {"deliveries": deliveries, "deliveries-stalled": stalled, "deliveries-storm": storm,
                 "bodies-memory": bodies_memory}
