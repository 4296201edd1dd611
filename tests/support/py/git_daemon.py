"""Upstreams over git://, without any sign-in: `git daemon`."""

import shutil
import tempfile
from pathlib import Path

from processes import Server, free_port, is_listening
from upstream import ISOLATED
from waiting import wait_for


class GitDaemon:
    """Serves all repositories below `root`."""

    def __init__(self, root: Path):
        self.root = root
        self.directory = Path(tempfile.mkdtemp(prefix="freshet-git-daemon-"))
        self.port = free_port()
        self._server = None

    def start(self) -> None:
        log = self.directory / "log"
        self._server = Server(["git", "-c", "safe.directory=*", "daemon", "--export-all", "--reuseaddr",
                               "--listen=127.0.0.1", f"--port={self.port}", f"--base-path={self.root}"],
                              log, env=ISOLATED)
        wait_for(lambda: is_listening(self.port), f"git daemon listens; it said: {log.read_text()}")

    def stop(self) -> None:
        if self._server:
            self._server.stop()
        shutil.rmtree(self.directory)

    def url(self, repository: Path) -> str:
        return f"git://127.0.0.1:{self.port}/{repository.relative_to(self.root)}"
