"""The way to all upstreams of the storm, which does harm when it is told to.

    gateway = Gateway("127.0.0.1:8080", ["127.0.0.11"], ["127.0.0.15"], directory / "certificates", directory)
    gateway.start()
    gateway.harm("site7", Fault("status", status=503))   # all of its requests, until it is healed
    gateway.harm("127.0.0.11", Fault("stall", "body"), share=0.3)
    gateway.heal()

Requests go to the backend, an honest server of plain HTTP. The process of its own
(gateway_server.py) ends with the one that started it."""

import json
import socket
import subprocess
import sys
import threading
from dataclasses import asdict, dataclass, field
from pathlib import Path

from faults import Fault
from gateway_certificates import make_certificates
from processes import Server, free_port

PROGRAM = Path(__file__).with_name("gateway_server.py")


@dataclass(frozen=True)
class Counts:
    """Since the gateway's start."""

    requests: int = 0
    failed: int = 0  # the backend's own failures: the storm's fault, not freshet's
    by_fault: dict[str, int] = field(default_factory=dict)

    @property
    def harmed(self) -> int:
        return sum(self.by_fault.values())


class Gateway:
    """May be used from several threads."""

    def __init__(self, backend: str, hosts: list[str], tls_hosts: list[str], certificates: Path,
                 directory: Path, seed: int = 0):
        """`certificates`, where there are TLS hosts, and `directory` are made and filled."""
        self.hosts, self.tls_hosts = list(hosts), list(tls_hosts)
        self.log = directory / "gateway.log"
        directory.mkdir(parents=True, exist_ok=True)
        self._backend, self._seed = backend, seed
        self._certificates = make_certificates(certificates, tls_hosts) if tls_hosts else None
        self._ports: dict[str, int] = {}
        self._mutex = threading.Lock()
        self._server: Server | None = None
        self._control = None

    @property
    def ca_file(self) -> Path:
        """Whom to trust for the TLS hosts."""
        return self._certificates.ca_file

    @property
    def pid(self) -> int:
        return self._server.process.pid

    def start(self) -> None:
        """Again after a stop on the same ports."""
        listeners = {host: self._bound(host) for host in self.hosts + self.tls_hosts}
        ours, theirs = socket.socketpair()
        passed = [theirs.fileno(), *(listener.fileno() for listener in listeners.values())]
        settings = {
            "backend": self._backend, "seed": self._seed, "control": theirs.fileno(),
            "certificates": self._certificates.pairs if self._certificates else {},
            "hosts": [[host, listener.fileno(), host in self.tls_hosts]
                      for host, listener in listeners.items()],
        }
        support = str(Path(sys.modules["processes"].__file__).parent)
        self._server = Server([sys.executable, str(PROGRAM), json.dumps(settings)], self.log,
                              pass_fds=passed, env={"PYTHONPATH": support, "PYTHONDONTWRITEBYTECODE": "1"})
        for sock in (theirs, *listeners.values()):
            sock.close()
        ours.settimeout(60)
        self._control = ours.makefile("rw")
        ours.close()
        self._ask("seen")  # it listens

    def stop(self) -> None:
        if self._server:
            self._control.close()
            self._server.stop()
            self._server = None

    def __enter__(self) -> "Gateway":
        self.start()
        return self

    def __exit__(self, *_) -> None:
        self.stop()

    def url(self, host: str, name: str) -> str:
        scheme = "https" if host in self.tls_hosts else "http"
        return f"{scheme}://{host}:{self._ports[host]}/{name}.git"

    def harm(self, target: str, fault: Fault, share: float = 1.0) -> None:
        """Target: the name of a repository, or a host. Share: of the requests (of the connections, for
        a fault of hosts). Several faults may hold for one target: the first that befalls a request."""
        is_host = target in self.hosts or target in self.tls_hosts
        if fault.of_host and not is_host:
            raise ValueError(f"{fault} befalls hosts, and {target} is none")
        if fault.of_tls and target not in self.tls_hosts:
            raise ValueError(f"{target} does not speak TLS")
        self._ask("harm", target, asdict(fault), share)

    def heal(self, target: str | None = None) -> None:
        """Ends all faults of the target, or all faults. What they hold up goes on at once."""
        self._ask("heal", target)

    def cut(self, host: str) -> None:
        """Ends all of a host's connections at this moment, as a router that was restarted."""
        self._ask("cut", host)

    def seen(self) -> dict[str, Counts]:
        """By repository."""
        return {name: Counts(*counts) for name, counts in self._ask("seen").items()}

    def _bound(self, host: str) -> socket.socket:
        """A socket of the host's port; at first of one that is free there."""
        while True:
            port = self._ports.get(host) or free_port()
            sock = socket.socket()
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                sock.bind((host, port))
            except OSError:
                sock.close()
                if host in self._ports:
                    raise
                continue
            self._ports[host] = port
            return sock

    def _ask(self, verb: str, *arguments):
        with self._mutex:
            self._control.write(json.dumps([verb, arguments]) + "\n")
            self._control.flush()
            if answer := self._control.readline():
                return json.loads(answer)
        raise AssertionError(f"the gateway has ended; it said: {self.log.read_text()}")
