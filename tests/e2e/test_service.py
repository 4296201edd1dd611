"""The service manager: the unit file is right, and the daemon says what Type=notify asks for."""

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from daemon import BINARY
from lies import answer
from lying_site import liar, lying_site, make_lying_site  # noqa: F401
from metrics import metrics_of
from waiting import wait_for

UNIT = Path(__file__).resolve().parents[2] / "systemd/freshet.service"


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd-analyze")
def test_the_unit_file_pleases_systemd(tmp_path):
    unit = tmp_path / "freshet.service"
    unit.write_text(UNIT.read_text().replace("/usr/bin/freshet", BINARY))
    run = subprocess.run(["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True)
    complaints = [line for line in run.stderr.splitlines() if "freshet" in line]
    assert (run.returncode, complaints) == (0, []), run.stderr


class Manager:
    """The socket that a service manager listens on."""

    def __init__(self, path: Path):
        self.path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.setblocking(False)
        self._said = []

    def said(self) -> list[str]:
        while True:
            try:
                self._said += self._socket.recv(4096).decode().split("\n")
            except BlockingIOError:
                return self._said

    def heard(self, message: str) -> bool:
        return message in self.said()


def test_the_daemon_tells_when_it_is_ready_alive_and_stopping(follow, tmp_path):
    manager = Manager(tmp_path / "notify")
    site = follow(start=False)
    site.daemon.start(env={"NOTIFY_SOCKET": str(manager.path), "WATCHDOG_USEC": "1000000"})
    wait_for(lambda: manager.heard("READY=1"), "it says that it is ready")
    wait_for(lambda: manager.said().count("WATCHDOG=1") >= 3, "it says that it is alive")
    assert site.daemon.stop() == 0
    assert manager.heard("STOPPING=1")


def status_of(manager) -> str:
    """The last one; empty before the first."""
    return ["", *(line.removeprefix("STATUS=") for line in manager.said() if line.startswith("STATUS="))][-1]


def test_the_status_line_is_kept_current(lying_site, liar, tmp_path):
    daemon = lying_site.daemon
    daemon.stop()
    manager = Manager(tmp_path / "notify")
    daemon.start(env={"NOTIFY_SOCKET": str(manager.path)})
    wait_for(lambda: status_of(manager) == "2 repositories: 2 ok", "it counts")
    liar.lie(answer(404))
    wait_for(lambda: status_of(manager) == "2 repositories: 1 ok, 1 failing (site: not_found)", "it names what fails")
    said = len(manager.said())
    polls = metrics_of(daemon).value("freshet_polls_total")
    wait_for(lambda: metrics_of(daemon).value("freshet_polls_total") > polls + 3, "polls went by")
    assert [line for line in manager.said()[said:] if line.startswith("STATUS=")] == [], "only what is new"


def test_a_reload_is_told_from_its_begin_to_its_end(follow, tmp_path):
    manager = Manager(tmp_path / "notify")
    site = follow(start=False)
    site.daemon.start(env={"NOTIFY_SOCKET": str(manager.path)})
    wait_for(lambda: manager.heard("READY=1"), "it is ready")
    for broken in (False, True):
        if broken:
            site.daemon.config.write_text("nonsense\n")
        said = len(manager.said())
        before = time.monotonic_ns() // 1000
        site.daemon.process.send_signal(signal.SIGHUP)
        wait_for(lambda: "READY=1" in manager.said()[said:], "it is ready again, whatever the file says")
        told = [line for line in manager.said()[said:] if not line.startswith(("STATUS=", "WATCHDOG="))]
        assert told[0] == "RELOADING=1" and told[2] == "READY=1" and len(told) == 3
        stamp = int(told[1].removeprefix("MONOTONIC_USEC="))
        # Of CLOCK_MONOTONIC, cut to milliseconds.
        assert before - 1000 <= stamp <= time.monotonic_ns() // 1000


def test_without_a_service_manager_it_runs_as_well(site):
    assert "NOTIFY_SOCKET" not in os.environ
    assert site.daemon.stop() == 0
