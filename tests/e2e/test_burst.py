"""A burst of deliveries costs a refresh or two, and the newest commit is what is published."""

from concurrent.futures import ThreadPoolExecutor

from waiting import wait_for

DELIVERIES = 50


def deliver_together(site, commits):
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda commit: site.daemon.push(site.url, commit), commits))
    assert {answer.status for answer in answers} == {202}


def test_a_burst_during_a_fetch_leads_to_one_more(http_site, http_upstreams):
    packs_before = http_upstreams.packs_asked_for()
    http_upstreams.hold()
    http_site.push({"README": "the first of many\n"})
    wait_for(lambda: http_upstreams.packs_asked_for() == packs_before + 1, "the first fetch waits")

    commits = [http_site.upstream.commit({"README": f"{n}\n"}) for n in range(DELIVERIES)]
    deliver_together(http_site, commits)
    http_upstreams.release()

    http_site.wait_for(commits[-1])
    assert http_upstreams.packs_asked_for() == packs_before + 2


def test_a_burst_on_an_idle_daemon_leads_to_two_fetches_at_most(http_site, http_upstreams):
    packs_before = http_upstreams.packs_asked_for()
    commits = [http_site.upstream.commit({"README": f"{n}\n"}) for n in range(DELIVERIES)]

    deliver_together(http_site, commits)

    http_site.wait_for(commits[-1])
    assert http_upstreams.packs_asked_for() - packs_before in (1, 2)


def test_a_push_after_every_delivery_of_a_burst_is_not_lost(http_site):
    """Commits and deliveries interleave with refreshes as they happen to: the last one counts."""
    for n in range(DELIVERIES):
        newest = http_site.push({"README": f"{n}\n"})
    http_site.wait_for(newest)


def test_a_delivery_that_comes_late_brings_nothing_and_costs_no_fetch(http_site, http_upstreams):
    older = http_site.push({"README": "older\n"})
    http_site.wait_for(older)
    newest = http_site.push({"README": "newest\n"})
    http_site.wait_for(newest)
    http_site.daemon.wait_for_state("ok", "site")
    packs_before, said = http_upstreams.packs_asked_for(), len(http_site.daemon.log_text())

    http_site.daemon.push(http_site.url, older)

    wait_for(lambda: "nothing new" in http_site.daemon.log_text()[said:], "its refresh is over")
    assert http_upstreams.packs_asked_for() == packs_before
