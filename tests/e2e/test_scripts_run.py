"""scripts/run, as a new user would use it: start it, paste what it prints, see the change."""

import os
import re
import signal
import subprocess
import threading
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from daemon import request, wait_for_commit
from processes import processes_of_session
from published import assert_complete, published_commit
from upstream import git
from waiting import wait_for

SOURCE = Path(__file__).resolve().parents[2]
BUILD_TIME = 800  # seconds; the first run builds a release


class Run:
    """scripts/run in a directory of its own, until stop()."""

    def __init__(self, directory: Path, *arguments):
        self.lines = []
        self.log = directory / "log"
        directory.mkdir(exist_ok=True)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [SOURCE / "scripts/run", *map(str, arguments)], cwd=directory, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=log, text=True, start_new_session=True,
                env=dict(os.environ) | {"FRESHET_DEMO_DIR": str(directory / "demo")})
        threading.Thread(target=lambda: self.lines.extend(self.process.stdout), daemon=True).start()
        self.command = wait_for(lambda: self._line_with("curl "), "it prints a command", BUILD_TIME)
        self.status_url = re.search(r"http://\S+", self._line_with("Status")).group()

    def _line_with(self, text: str) -> str | None:
        if self.process.poll() is not None:
            raise AssertionError(f"scripts/run ended with {self.process.returncode}: {self.log.read_text()}")
        return next((line.strip() for line in list(self.lines) if text in line), None)

    def tree(self) -> Path:
        return Path(self._line_with("Tree").split(maxsplit=1)[1])

    def paste(self) -> str:
        return subprocess.run(self.command, shell=True, cwd="/", check=True, text=True,
                              capture_output=True).stdout

    def stop(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(30)


@pytest.fixture
def run(tmp_path):
    runs = []

    def run(*arguments):
        # A name that a shell and TOML have to be careful with.
        runs.append(Run(tmp_path / 'it\'s a "place"', *arguments))
        return runs[-1]

    yield run
    for started in runs:
        if started.process.poll() is None:
            started.process.kill()
            started.process.wait()
        print(started.log.read_text())


def test_the_printed_command_shows_a_change_published_and_the_next_run_keeps_it(run):
    first = run()
    tree = first.tree()
    before = assert_complete(tree)
    assert (tree / "scripts/run").exists()

    assert '"accepted"' in first.paste()

    wait_for(lambda: published_commit(tree) != before, "the change is published")
    assert (tree / "HELLO").read_text().startswith("Hello")
    after = assert_complete(tree)
    session = first.process.pid
    assert first.stop() == 0
    wait_for(lambda: not processes_of_session(session), "nothing of it is left")

    second = run()
    assert published_commit(second.tree()) == after
    status = request(urlsplit(second.status_url).port, "GET", "/api/v1/repositories")
    assert after in status.body.decode()


def test_two_runs_side_by_side_take_different_ports(run, upstream):
    first = run()
    second = run(upstream.path, "published here")
    assert first.status_url != second.status_url


def test_an_upstream_of_one_s_own_is_published_where_one_wants_it(run, upstream, tmp_path):
    started = run(upstream.path, tmp_path / "published")
    assert started.tree() == tmp_path / "published"
    wait_for_commit(tmp_path / "published", upstream.tip())

    commit = upstream.commit({"README": "second\n"})
    assert '"accepted"' in started.paste()

    wait_for_commit(tmp_path / "published", commit)
    assert git(tmp_path / "published", "log", "-1", "--format=%H") == commit


@pytest.mark.parametrize("arguments", [["one"], ["--no-such-option"], ["a", "b", "c"]])
def test_wrong_usage_is_told(arguments):
    run = subprocess.run([SOURCE / "scripts/run", *arguments], capture_output=True, text=True)
    assert run.returncode == 2
    assert "scripts/run URL PATH" in run.stderr
