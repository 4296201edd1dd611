"""The program under valgrind, as people run it: no error, nothing lost, and nothing that each round adds to."""

import signal

import pytest

from daemon import BINARY, SECRET
from event_stream import EventStream
from forge import github_headers, github_push
from memory import is_sanitized
from metrics import metrics_of
from published import files_of, published_commit
from recorder import Recorder
from toml import to_toml
from upstream import Upstream
from valgrind import Valgrind
from waiting import wait_for

pytestmark = pytest.mark.skipif(is_sanitized(BINARY), reason="valgrind cannot run what a sanitizer watches")

PATIENCE = 300  # seconds; everything takes twenty times as long
ROUNDS = 10
# What lists of the last deliveries and refreshes may add before they are full, and SQLite's pages.
KEPT_A_ROUND = 16 * 1024


class Watched:
    """A daemon under valgrind, what it follows, and rounds of all that befalls it."""

    def __init__(self, tmp_path, http_upstreams, upstream, make_daemon):
        self.valgrind = Valgrind(tmp_path)
        self.upstream, self.url = upstream, http_upstreams.url(upstream.path)
        self.local = Upstream(tmp_path / "upstreams/local.git")
        self.local.commit({"README": "first\n"})
        self.update, self.gate = Recorder(tmp_path / "update"), Recorder(tmp_path / "gate")
        self.www = tmp_path / "www"
        self.www.mkdir()
        self.rounds = 0
        self.daemon = make_daemon(
            self.repository("site", self.url, gate=[{"run": self.gate.run}],
                            on_update=[{"run": self.update.run}]),
            self.repository("in-place", self.url, mode="in_place"),
            self.repository("local", f"file://{self.local.path}", git=False, interval="1s"),
            self.repository("away", f"file://{tmp_path}/nowhere"),
            defaults={"keep_old": "0s"}, under=self.valgrind.command)
        self.wait_for_all()

    def repository(self, name: str, url: str, **settings) -> dict:
        return {"name": name, "url": url, "path": str(self.www / name)} | settings

    def wait_for_all(self) -> None:
        """Each shows the last commit of its upstream."""
        for name, upstream in ("site", self.upstream), ("local", self.local):
            wait_for(lambda: published_commit(self.www / name) == upstream.tip(), f"{name} is fresh", PATIENCE)
        text = files_of(self.www / "site")
        wait_for(lambda: files_of(self.www / "in-place") == text, "in-place is fresh", PATIENCE)

    def refresh(self, name: str) -> int:
        return self.daemon.refresh(name, wait=f"{PATIENCE}s").status

    def reload(self, text: str, answer: str) -> None:
        before = self.daemon.log_text().count(answer)
        self.daemon.config.write_text(text)
        self.daemon.process.send_signal(signal.SIGHUP)
        wait_for(lambda: self.daemon.log_text().count(answer) > before, answer, PATIENCE)

    def round(self) -> None:
        self.rounds += 1
        self.follow_pushes()
        self.refuse_what_is_wrong()
        self.take_other_settings()
        self.tell_who_asks()

    def follow_pushes(self) -> None:
        files = {"README": "x" * 20_000 + f"\n{self.rounds}\n", f"dir/{self.rounds % 3}": f"{self.rounds}\n"}
        self.local.commit(files)
        assert self.daemon.push(self.url, self.upstream.commit(files)).status == 202
        self.wait_for_all()
        self.local.commit(files, parent=None)  # rewritten
        assert self.daemon.push(self.url, self.upstream.commit(files, parent=None)).status == 202
        self.wait_for_all()
        wait_for(lambda: len(self.update.calls()) >= 2 * self.rounds, "the command ran", PATIENCE)

    def refuse_what_is_wrong(self) -> None:
        body = github_push(self.url, self.upstream.tip())
        assert self.daemon.deliver(body, github_headers(body, "not the secret")).status == 401
        assert self.daemon.deliver(b"{", github_headers(b"{", SECRET)).status == 400
        self.daemon.push("https://forge.example/somebody/else.git", self.upstream.tip())
        assert self.refresh("away") == 502
        good = self.upstream.tip()
        self.upstream.commit({"README": "bad\n"})
        self.gate.end_with(1, "this is bad")
        assert self.refresh("site") == 502
        self.upstream.set_ref("refs/heads/main", good)
        self.gate.end_with(0)
        assert self.refresh("site") == 200
        assert self.refresh("in-place") == 200

    def take_other_settings(self) -> None:
        usual = to_toml(self.daemon.settings)
        more = self.repository("more", self.url, mirror=True)
        self.reload(to_toml(self.daemon.settings | {"repository": self.daemon.settings["repository"] + [more]}),
                    "configuration reloaded")
        assert self.refresh("more") == 200
        self.reload(usual + "\n[log]\nlevle = 1\n", "configuration not reloaded")
        self.reload(usual, "configuration reloaded")

    def tell_who_asks(self) -> None:
        metrics_of(self.daemon)
        for path in "/", "/api/v1/status", "/api/v1/repositories", "/api/v1/deliveries", "/nothing":
            self.daemon.admin("GET", path)
        with EventStream(self.daemon.admin_port, timeout=PATIENCE) as events:
            self.daemon.push(self.url, self.upstream.tip())
            assert events.next()

    def heap(self):
        wait_for(lambda: metrics_of(self.daemon).value("freshet_queue_depth") == 0, "nothing is due", PATIENCE)
        return self.valgrind.heap(self.daemon.process.pid)


@pytest.fixture
def watched(tmp_path, http_upstreams, upstream, make_daemon):
    return Watched(tmp_path, http_upstreams, upstream, make_daemon)


def test_rounds_of_everything_leave_no_error_and_no_memory_behind(watched):
    heaps = []
    for _ in range(ROUNDS):
        watched.round()
        heaps.append(watched.heap())
        print(heaps[-1])
    assert {heap.lost for heap in heaps} == {0}
    # A poll that is at work while we look uses some 50 KiB more: the least of each half counts.
    first, second = heaps[:ROUNDS // 2], heaps[ROUNDS // 2:]
    grown = min(heap.used for heap in second) - min(heap.used for heap in first)
    assert grown < KEPT_A_ROUND * ROUNDS / 2, f"{grown} bytes more after {ROUNDS} rounds: {heaps}"

    status = watched.daemon.stop(PATIENCE)
    assert watched.valgrind.complaints() == ""
    assert status == 0
