"""Upstreams over ssh: an sshd with keys of its own, for the user who runs the tests.

Nothing of the user's own ssh set-up is read or changed: a wrapper named ssh, first on the PATH that
the program under test gets, runs the real ssh with this server's keys.
"""

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

from processes import Server, free_port, is_listening
from waiting import wait_for

SSHD = """\
ListenAddress 127.0.0.1
Port {port}
HostKey {dir}/host_key
AuthorizedKeysFile {dir}/authorized_keys
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
AcceptEnv GIT_PROTOCOL
LogLevel VERBOSE
"""
WRAPPER = """\
#!/bin/sh
exec '{ssh}' -F /dev/null -o IdentitiesOnly=yes -o IdentityAgent=none -o StrictHostKeyChecking=yes \\
  -o UserKnownHostsFile='{dir}/known_hosts' -i '{dir}/user_key' "$@"
"""


class SshUpstreams:
    def __init__(self):
        self.directory = Path(tempfile.mkdtemp(prefix="freshet-ssh-"))
        self.port = free_port()
        self.user = pwd.getpwuid(os.getuid()).pw_name
        self._server = None

    @property
    def wrapper_directory(self) -> Path:
        return self.directory / "bin"

    def start(self) -> None:
        for key in ("host_key", "user_key"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f",
                            str(self.directory / key)], check=True)
        shutil.copy(self.directory / "user_key.pub", self.directory / "authorized_keys")
        host_key = (self.directory / "host_key.pub").read_text()
        (self.directory / "known_hosts").write_text(f"[127.0.0.1]:{self.port} {host_key}")
        places = {"dir": self.directory, "port": self.port, "ssh": shutil.which("ssh")}
        (self.directory / "sshd_config").write_text(SSHD.format(**places))
        self.wrapper_directory.mkdir()
        (self.wrapper_directory / "ssh").write_text(WRAPPER.format(**places))
        (self.wrapper_directory / "ssh").chmod(0o755)
        if os.getuid() == 0:
            os.makedirs("/run/sshd", mode=0o755, exist_ok=True)  # sshd wants it; its service makes it
        log = self.directory / "log"
        self._server = Server(["/usr/sbin/sshd", "-D", "-e", "-f", str(self.directory / "sshd_config")], log)
        wait_for(lambda: is_listening(self.port), f"sshd listens; it said: {log.read_text()}")

    def stop(self) -> None:
        if self._server:
            self._server.stop()
        shutil.rmtree(self.directory)

    def sessions(self) -> int:
        """How many commands were run for clients, over however many connections."""
        return (self.directory / "log").read_text().count("Starting session: command")

    def url(self, repository: Path) -> str:
        return f"ssh://{self.user}@127.0.0.1:{self.port}{repository}"
