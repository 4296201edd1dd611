"""The service manager: the unit file is right, and the daemon says what Type=notify asks for."""

import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from daemon import BINARY
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


def test_without_a_service_manager_it_runs_as_well(site):
    assert "NOTIFY_SOCKET" not in os.environ
    assert site.daemon.stop() == 0
