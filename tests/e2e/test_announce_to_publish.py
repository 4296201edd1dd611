"""From the arrival of a delivery to the switch of the tree: the figure that people want."""

from metrics import metrics_of
from waiting import let_pass, wait_for

COUNT = "freshet_announce_to_publish_seconds_count"
SUM = "freshet_announce_to_publish_seconds_sum"


def count(daemon) -> float:
    return metrics_of(daemon).value(COUNT)


def times(daemon, name: str = "site") -> dict | None:
    return daemon.status(name)["webhook"]["announce_to_publish"]


def test_a_published_announcement_is_measured(site):
    assert metrics_of(site.daemon).types["freshet_announce_to_publish_seconds"] == "histogram"
    assert (count(site.daemon), times(site.daemon)) == (0, None)
    site.wait_for(site.push({"README": "second\n"}))
    wait_for(lambda: count(site.daemon) == 1, "it is counted")
    measured = times(site.daemon)
    assert set(measured) == {"last", "worst", "count"}
    assert 0 <= measured["last"] == measured["worst"] < 60
    assert measured["count"] == 1


def test_the_time_that_a_slow_upstream_takes_is_in_it(http_site, http_upstreams):
    http_upstreams.hold()
    commit = http_site.push({"README": "second\n"})
    let_pass(1)
    http_upstreams.release()
    http_site.wait_for(commit)
    wait_for(lambda: count(http_site.daemon) == 1, "it is counted")
    assert metrics_of(http_site.daemon).value(SUM) >= 1
    assert times(http_site.daemon)["worst"] >= 1


def test_each_delivery_that_one_refresh_serves_is_measured(http_site, http_upstreams):
    packs = http_upstreams.packs_asked_for()
    http_upstreams.hold()
    http_site.push({"README": "the first\n"})
    wait_for(lambda: http_upstreams.packs_asked_for() > packs, "its refresh runs")
    for number in range(3):
        commit = http_site.push({"README": f"{number}\n"})
    http_upstreams.release()
    http_site.wait_for(commit)
    wait_for(lambda: count(http_site.daemon) == 4, "each is counted")


def test_what_was_published_already_is_not_measured(site):
    site.wait_for(site.push({"README": "second\n"}))
    wait_for(lambda: count(site.daemon) == 1, "the push is counted")
    assert site.daemon.push(site.url, site.upstream.tip()).status == 202
    wait_for(lambda: metrics_of(site.daemon).value("freshet_refreshes_total", trigger="delivery",
                                                   result="unchanged") == 1, "the second one was served")
    assert count(site.daemon) == 1
    assert times(site.daemon)["count"] == 1


def test_a_change_that_a_person_asked_for_is_not_measured(site):
    site.upstream.commit({"README": "second\n"})
    assert site.daemon.refresh().json["result"] == "updated"
    assert count(site.daemon) == 0


def test_a_mirror_without_a_checkout_is_measured_to_the_end_of_its_refresh(make_daemon, upstream):
    daemon = make_daemon({"name": "site", "url": str(upstream.path), "mirror": True})
    daemon.wait_for_state("ok")
    daemon.push(str(upstream.path), upstream.commit({"README": "second\n"}))
    wait_for(lambda: count(daemon) == 1, "it is counted")
