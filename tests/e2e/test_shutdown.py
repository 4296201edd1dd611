"""SIGTERM ends the daemon within seconds, whatever it is doing, and leaves nothing running."""

import signal
import time
from concurrent.futures import ThreadPoolExecutor

from processes import processes_of_session
from published import assert_complete
from waiting import wait_for

SECONDS = 10


def stop_in_time(daemon) -> None:
    session = daemon.process.pid
    began = time.monotonic()
    assert daemon.stop() == 0
    assert time.monotonic() - began < SECONDS
    wait_for(lambda: not processes_of_session(session), "no process of the daemon is left", 5)


def test_an_idle_daemon_stops(site):
    stop_in_time(site.daemon)


def test_an_interrupt_from_the_keyboard_stops_it_too(site):
    site.daemon.process.send_signal(signal.SIGINT)
    assert site.daemon.process.wait(SECONDS) == 0


def test_a_fetch_that_hangs_is_cancelled_and_carried_on_at_the_next_start(http_site, http_upstreams):
    http_upstreams.hold()
    packs_before = http_upstreams.packs_asked_for()
    published = http_site.upstream.tip()
    commit = http_site.push({"README": "second\n"})
    wait_for(lambda: http_upstreams.packs_asked_for() > packs_before, "the fetch hangs")

    stop_in_time(http_site.daemon)

    assert assert_complete(http_site.path) == published
    http_upstreams.release()
    http_site.daemon.start()
    http_site.wait_for(commit)


def test_a_request_that_waits_for_a_refresh_does_not_hold_it_up(http_site, http_upstreams):
    http_upstreams.hold()
    packs_before = http_upstreams.packs_asked_for()
    http_site.upstream.commit({"README": "second\n"})
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(http_site.daemon.refresh, wait="60s")
        wait_for(lambda: http_upstreams.packs_asked_for() > packs_before, "the fetch hangs")
        stop_in_time(http_site.daemon)
        waiting.exception(timeout=SECONDS)  # answered or cut, but not left waiting


def test_a_killed_daemon_leaves_no_children(http_site, http_upstreams):
    http_upstreams.hold()
    packs_before = http_upstreams.packs_asked_for()
    http_site.push({"README": "second\n"})
    wait_for(lambda: http_upstreams.packs_asked_for() > packs_before, "the fetch hangs")
    session = http_site.daemon.process.pid
    http_site.daemon.kill9()
    wait_for(lambda: not processes_of_session(session), "its children ended with it", 10)
