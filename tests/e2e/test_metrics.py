"""GET /metrics: the contract's names, a text that Prometheus reads, and numbers that count."""

import re
import ssl
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from certificates import make_authority
from daemon import SECRET
from forge import github_headers
from lies import answer, with_headers
from lying_site import RECOVERS_WITHIN, liar, lying_site, make_lying_site  # noqa: F401
from metrics import Metrics, metrics_of
from waiting import wait_for

DOCUMENT = Path(__file__).resolve().parents[2] / "docs/monitoring.md"
# Of the contract: name -> type, labels.
CONTRACT = {
    "deliveries_total": ("counter", {"forge", "outcome"}),
    "delivery_ack_seconds": ("histogram", {"le"}),
    "refreshes_total": ("counter", {"repository", "trigger", "result"}),
    "refresh_seconds": ("histogram", {"le"}),
    "announce_to_publish_seconds": ("histogram", {"le"}),
    "last_success_timestamp_seconds": ("gauge", {"repository"}),
    "repository_failing": ("gauge", {"repository", "class"}),
    "missed_webhooks_total": ("counter", {"repository"}),
    "polls_total": ("counter", {"result"}),
    "fetched_bytes_total": ("counter", set()),
    "queue_depth": ("gauge", set()),
    "host_breaker_open": ("gauge", {"host"}),
    "rate_limit_remaining": ("gauge", {"host"}),
    "config_last_reload_successful": ("gauge", set()),
    "build_info": ("gauge", {"version"}),
}
FORGES = {"github", "gitea", "gitlab", "bitbucket", "generic"}
OUTCOMES = {"accepted", "pong", "ignored", "duplicate", "unauthorized", "invalid", "unavailable"}
STATES = {"pending", "refreshing", "ok", "lagging", "failing", "held", "paused"}


def labels_of(metrics: Metrics, family: str) -> set[str]:
    name = f"{family}_bucket" if metrics.types[family] == "histogram" else family
    return metrics.label_names(name)


def values_of(metrics: Metrics, name: str, label: str) -> dict[str, float]:
    return {dict(its)[label]: value for (sample, its), value in metrics.samples.items() if sample == name}


def text_of(daemon) -> str:
    return daemon.admin("GET", "/metrics").body.decode()


def promtool_says(text: str) -> tuple[int, str]:
    run = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True)
    return run.returncode, run.stdout + run.stderr


@pytest.fixture
def busy_site(lying_site, liar):
    """Everything that can be counted has a sample: what fails, what is limited, what speaks HTTPS."""
    liar.lie(answer(404, X_RateLimit_Remaining=41, X_RateLimit_Limit=60, X_RateLimit_Reset=3000))
    lying_site.site.wait_for_failure({"not_found"})
    return lying_site


def test_each_name_of_the_contract_is_there_with_its_type_and_labels(busy_site):
    metrics = metrics_of(busy_site.daemon)
    found = {name: (metrics.types.get(f"freshet_{name}"), labels_of(metrics, f"freshet_{name}"))
             for name in CONTRACT}
    assert found == CONTRACT


def test_promtool_has_nothing_to_say(busy_site):
    assert promtool_says(text_of(busy_site.daemon)) == (0, "")
    assert promtool_says("# TYPE a_total gauge\na_total 1\n")[0] != 0, "it would say so"


def test_the_document_lists_exactly_what_there_is(busy_site, make_daemon, upstream, tmp_path):
    authority = make_authority(tmp_path / "authority")
    secure = make_daemon({"name": "site", "url": str(upstream.path), "path": str(tmp_path / "secure")},
                         start=False,
                         server={"tls_cert": str(authority.chain), "tls_key": str(authority.key)})
    secure.tls = ssl.create_default_context(cafile=authority.ca_file)
    secure.start()
    documented = dict(re.findall(r"^\| `(\w+)(?:\{[\w,]*\})?` \| (\w+) \|", DOCUMENT.read_text(), re.M))
    metrics = metrics_of(busy_site.daemon)
    there = metrics.types | metrics_of(secure).types
    assert documented == there
    labels = {name: labels_of(metrics, name) - {"le"} for name in metrics.types}
    listed = {name: set(filter(None, names.split(","))) for name, names in
              re.findall(r"^\| `(\w+)(?:\{([\w,]*)\})?` \|", DOCUMENT.read_text(), re.M)}
    assert {name: names for name, names in listed.items() if name in labels} == labels


def test_counters_are_there_from_the_first_scrape(make_daemon):
    metrics = metrics_of(make_daemon())
    deliveries = {its for name, its in metrics.samples if name == "freshet_deliveries_total"}
    assert deliveries == {frozenset({("forge", forge), ("outcome", outcome)})
                          for forge in FORGES for outcome in OUTCOMES}
    assert metrics.value("freshet_deliveries_total") == 0
    assert values_of(metrics, "freshet_polls_total", "result") == {"unchanged": 0, "updated": 0, "failed": 0}
    assert values_of(metrics, "freshet_repositories", "state") == dict.fromkeys(STATES, 0)
    for name in ("fetched_bytes_total", "drift_repaired_files_total", "ledger_rows_lost_total"):
        assert (f"freshet_{name}", frozenset()) in metrics.samples


def test_the_process_shows_what_it_uses(site):
    metrics = metrics_of(site.daemon)
    assert 0 <= time.time() - metrics.value("process_start_time_seconds") < 3600
    assert 2**20 < metrics.value("process_resident_memory_bytes") < 2**32
    assert 8 < metrics.value("process_open_fds") < metrics.value("process_max_fds")
    assert 0 < metrics.value("process_cpu_seconds_total") < 60


def test_repositories_are_counted_by_state(lying_site, liar):
    def states():
        counts = values_of(metrics_of(lying_site.daemon), "freshet_repositories", "state")
        return {state: count for state, count in counts.items() if count}
    wait_for(lambda: states() == {"ok": 2}, "both are fine")
    liar.lie(answer(404))
    wait_for(lambda: states() == {"ok": 1, "failing": 1}, "one fails")


def test_requests_that_are_refused_early_are_counted_by_reason(make_daemon):
    daemon = make_daemon(server={"max_body": "1KiB", "body_memory": "1MiB"})
    body = b"x" * 2000
    assert daemon.deliver(body, github_headers(body, SECRET)).status == 413
    assert daemon.public("GET", "/nowhere").status == 404
    assert daemon.public("PUT", "/healthz").status == 405
    assert daemon.deliver(b"{}", {"Content-Type": "text/plain"}).status == 415
    assert daemon.admin("GET", "/metrics", {"Host": "evil.example"}).status == 403
    assert daemon.deliver(b"{}", github_headers(b"{}", "wrong")).status == 401
    metrics = metrics_of(daemon)
    refused = {(dict(its)["listener"], dict(its)["reason"]): value for (name, its), value
               in metrics.samples.items() if name == "freshet_requests_refused_total" and value}
    assert refused == {("public", "too_large"): 1, ("public", "unknown_route"): 1, ("public", "method"): 1,
                       ("public", "media_type"): 1, ("admin", "forbidden"): 1}
    # Who shows a wrong signature was heard: that is a delivery.
    assert metrics.value("freshet_deliveries_total", forge="github", outcome="unauthorized") == 1


def test_what_hosts_still_allow_is_shown_as_they_say_it(lying_site, liar):
    host = liar.url().split("/")[2]
    daemon = lying_site.daemon
    assert "freshet_rate_limit_remaining{" not in text_of(daemon)
    liar.lie(with_headers({"RateLimit-Remaining": "17", "RateLimit-Limit": "600", "RateLimit-Reset": "900"}))
    wait_for(lambda: values_of(metrics_of(daemon), "freshet_rate_limit_remaining", "host") == {host: 17},
             "it is shown")
    assert values_of(metrics_of(daemon), "freshet_rate_limit_quota", "host") == {host: 600}
    [shown] = [one for one in daemon.admin("GET", "/api/v1/status").json["hosts"] if one["host"] == host]
    assert shown["rate_limit_remaining"] == 17


def test_every_host_shows_whether_it_is_held_back(lying_site, liar):
    daemon = lying_site.daemon
    host, other = (server.url().split("/")[2] for server in (liar, lying_site.healthy.server))
    assert values_of(metrics_of(daemon), "freshet_host_breaker_open", "host") == {host: 0, other: 0}
    liar.stop()

    def held_back():
        daemon.refresh()  # fails, as the next poll would some seconds later
        return values_of(metrics_of(daemon), "freshet_host_breaker_open", "host") == {host: 1, other: 0}
    wait_for(held_back, "it is held back", timeout=60)


@pytest.fixture
def memory():
    """A directory on a file system of its own."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as directory:
        yield directory


def test_free_space_is_shown_for_each_file_system(make_daemon, upstream, tmp_path, memory):
    daemon = make_daemon({"name": "site", "url": str(upstream.path), "path": str(tmp_path / "a/b/site")},
                         {"name": "memory", "url": str(upstream.path), "path": f"{memory}/site"},
                         limits={"min_free_disk": "7MiB"})
    metrics = metrics_of(daemon)
    free = values_of(metrics, "freshet_disk_free_bytes", "path")
    assert set(free) == {daemon.settings["state_dir"], memory}
    assert all(free.values())
    assert metrics.value("freshet_disk_min_free_bytes") == 7 * 2**20


def test_what_is_not_polled_has_no_interval(make_daemon, upstream, tmp_path):
    settings = {"url": str(upstream.path)}
    daemon = make_daemon(settings | {"name": "often", "path": str(tmp_path / "a"), "interval": "20m"},
                         settings | {"name": "never", "path": str(tmp_path / "b"), "interval": "off"})
    assert values_of(metrics_of(daemon), "freshet_poll_interval_seconds", "repository") == {"often": 1200}


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
