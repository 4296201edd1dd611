"""GET /metrics: the contract's names, a text that Prometheus reads, and numbers that count."""

import pytest

from lies import answer
from lying_site import RECOVERS_WITHIN, liar, lying_site, make_lying_site  # noqa: F401
from metrics import Metrics, metrics_of
from waiting import wait_for

NAMES = {"freshet_refreshes_total": "counter", "freshet_polls_total": "counter",
         "freshet_missed_webhooks_total": "counter", "freshet_fetched_bytes_total": "counter",
         "freshet_host_breaker_open": "gauge"}


def test_each_name_of_the_contract_is_there_with_its_type(lying_site):
    wait_for(lambda: metrics_of(lying_site.daemon).value("freshet_polls_total") >= 1, "polls are counted")
    types = metrics_of(lying_site.daemon).types
    assert {name: types.get(name) for name in NAMES} == NAMES
    assert all(name.startswith("freshet_") for name in types)


def test_labels_are_those_of_the_contract(lying_site):
    wait_for(lambda: metrics_of(lying_site.daemon).value("freshet_polls_total") >= 1, "polls are counted")
    metrics = metrics_of(lying_site.daemon)
    assert metrics.label_names("freshet_refreshes_total") == {"repository", "trigger", "result"}
    assert metrics.label_names("freshet_polls_total") == {"result"}


def test_refreshes_and_fetched_bytes_are_counted(lying_site, upstream):
    daemon = lying_site.daemon
    before = metrics_of(daemon)
    assert before.value("freshet_refreshes_total", repository="site", trigger="start", result="updated") == 1
    lying_site.site.wait_for(upstream.commit({"README": "x" * 10_000 + "\n"}))
    wait_for(lambda: metrics_of(daemon).value("freshet_refreshes_total", repository="site", trigger="poll",
                                              result="updated") == 1, "a poll that updated is counted")
    assert metrics_of(daemon).value("freshet_fetched_bytes_total") \
        > before.value("freshet_fetched_bytes_total") > 0


def test_a_failure_shows_and_goes(lying_site, liar):
    daemon = lying_site.daemon
    liar.lie(answer(404))
    lying_site.site.wait_for_failure({"not_found"})
    failed = metrics_of(daemon)
    assert failed.value("freshet_refreshes_total", repository="site", result="failed") >= 1
    liar.behave()
    daemon.wait_for_state("ok", timeout=RECOVERS_WITHIN)
    assert metrics_of(daemon).value("freshet_repository_failing", repository="site") == 0


def test_metrics_are_private(site):
    assert site.daemon.admin("GET", "/metrics").status == 200
    assert site.daemon.public("GET", "/metrics").status == 404
    assert site.daemon.admin("GET", "/metrics", {"Host": "evil.example"}).status == 403
    assert site.daemon.admin("POST", "/metrics").status == 405


def test_a_name_with_odd_characters_does_not_break_the_format(make_daemon, upstream, tmp_path):
    name = "forge.example/acme/a-b_c.d"
    daemon = make_daemon({"name": name, "url": str(upstream.path), "path": str(tmp_path / "site")})
    wait_for(lambda: metrics_of(daemon).value("freshet_refreshes_total", repository=name) == 1,
             "it is counted")


@pytest.mark.parametrize("text", [
    "freshet_a 1\n", "# TYPE a_total counter\na_total{b=c} 1\n", "# TYPE a_total counter\na_total x\n",
    "# TYPE a_total counter\na_total 1\na_total 1\n", "# TYPE a counter\na 1\n",
    "# TYPE a gauge\n# TYPE b gauge\nb 1\na 1\n", "# TYPE a gauge\na 1",
])
def test_the_format_check_finds_what_prometheus_would_refuse(text):
    with pytest.raises(AssertionError):
        Metrics(text)
