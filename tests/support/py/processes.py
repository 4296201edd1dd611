"""Child processes that are always ended, by their own id, and free ports for them."""

import os
import random
import signal
import socket
import subprocess
from pathlib import Path


# Below the range that outgoing connections take theirs from (ip_local_port_range), so that none of
# them gets in between; each is given once, so that two servers of one test never meet.
_ports = iter(random.SystemRandom().sample(range(12000, 32000), 20000))


def free_port() -> int:
    for port in _ports:
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("no free port is left")


def is_listening(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


class Server:
    """A program in a session of its own, with its output in a file."""

    def __init__(self, command, log: Path, **options):
        self.log = log
        with log.open("ab") as output:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output,
                                            stderr=output, start_new_session=True, **options)

    def stop(self) -> None:
        """Ends all of the session's first process group, so that no worker of it is left."""
        try:
            os.killpg(self.process.pid, signal.SIGTERM)
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()


def processes_of_session(session: int) -> dict[int, str]:
    """pid -> command line of what still runs (zombies aside) in a session that Popen began."""
    found = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
            command = (stat.parent / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue  # it ended while we looked
        if int(fields[3]) == session and fields[0] != "Z":
            found[int(stat.parent.name)] = command
    return found
