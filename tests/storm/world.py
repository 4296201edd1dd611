"""What the storm rages over: upstream repositories, their hosts, disks, and the daemon that follows them."""

import os
import random
import shutil
import subprocess
import threading
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from content import UNTRACKED
from daemon import Daemon, write_secret
from http_upstream import HttpUpstreams
from origin import Origin
from senders import SENDERS
from waiting import wait_for

MAIN, STABLE, LIVE = "refs/heads/main", "refs/heads/stable", "refs/tags/live"
HOSTS = [f"127.0.0.{number}" for number in range(11, 16)]
TLS_HOSTS = [f"127.0.0.{number}" for number in range(16, 19)]
TOKEN = "a token that only the upstream and the daemon know"
DISK_SIZE = {"state": "768m", "trees": "512m"}
KEEP_OLD = 10  # seconds: longer than readers need, also on a busy machine


@dataclass(frozen=True)
class Checkout:
    path: Path
    ref: str
    mode: str = "atomic"
    git: bool = True

    def settings(self) -> dict:
        return {"path": str(self.path), "ref": self.ref, "mode": self.mode, "git": self.git,
                "keep_old": f"{KEEP_OLD}s"}


@dataclass(frozen=True, eq=False)
class Repository:
    """One followed repository. `interval`: seconds between polls, None: only deliveries bring news."""

    name: str
    host: str
    origin: Origin
    url: str
    checkouts: tuple[Checkout, ...]
    mirror: bool
    interval: int | None
    delivers: bool

    @property
    def branch(self) -> str:
        return MAIN

    @property
    def mode(self) -> str:
        return self.checkouts[0].mode if self.checkouts else "mirror"

    def followed(self) -> set[str]:
        return {checkout.ref for checkout in self.checkouts} or {MAIN, STABLE, LIVE}

    def settings(self) -> dict:
        return {"name": self.name, "url": self.url, "mirror": self.mirror,
                "interval": f"{self.interval}s" if self.interval else "off",
                "webhook_interval": f"{3 * self.interval}s" if self.interval else "15m",
                "checkout": [checkout.settings() for checkout in self.checkouts]}


@dataclass
class Disk:
    """Where a part of the daemon's files lies; `size`: of the tmpfs, None without the right to mount."""

    path: Path
    size: str | None


class World:
    """Everything below `directory`. `make_gateway(backend, hosts, tls_hosts, certificates, directory)`
    stands between the upstreams and the daemon."""

    def __init__(self, directory: Path, seed: int, count: int, make_gateway, mount: bool = True):
        self.directory, self.rng = directory, random.Random(f"world {seed}")
        self.environment: dict[str, str] = {}  # what the daemon is started with beside its own
        self.starting = threading.RLock()  # held by whoever starts, ends or halts the daemon
        self.meant_to_run = False
        self.starts = 0
        self._mount = mount and os.geteuid() == 0
        self._cleanup = ExitStack()
        with self._cleanup:  # ends what began when something of it fails
            self.disks = {name: self._make_disk(name) for name in DISK_SIZE}
            self.state_dir, self.trees = self.disks["state"].path / "state", self.disks["trees"].path
            (directory / "upstreams").mkdir()
            backend = HttpUpstreams(directory / "upstreams")
            backend.start()
            self._cleanup.callback(backend.stop)
            self.gateway = make_gateway(f"127.0.0.1:{backend.port}", HOSTS, TLS_HOSTS,
                                        directory / "certificates", directory)
            self.gateway.start()
            self._cleanup.callback(self.gateway.stop)
            self.repositories = [self._make_repository(number) for number in range(count)]
            self.daemon = self._make_daemon()
            self._cleanup.callback(self._end_daemon)
            self._cleanup = self._cleanup.pop_all()
        self.config = self.daemon.config

    def close(self) -> None:
        """Ends everything that runs and takes the disks away; what they held stays in `directory`."""
        self._cleanup.close()

    # The daemon

    def start(self) -> None:
        with self.starting:
            self.daemon.start(env=self.environment)
            self.starts += 1
            self.meant_to_run = True

    def leave_untracked_files(self) -> None:
        """In the trees that are published in place; to be called once they are there."""
        for checkout in (checkout for repository in self.repositories for checkout in repository.checkouts):
            if checkout.mode == "in_place":
                (checkout.path / UNTRACKED).write_text(checkout.path.name)

    def stop(self, timeout: float = 60) -> int:
        """As a service manager does; returns the exit status."""
        with self.starting:
            self.meant_to_run = False
            return self.daemon.stop(timeout)

    def kill(self) -> None:
        with self.starting:
            self.meant_to_run = False
            self.daemon.kill9()

    def _end_daemon(self) -> None:
        if self.daemon.running():
            self.kill()

    def _make_daemon(self) -> Daemon:
        token = write_secret(self.directory / "token", TOKEN)
        credentials = [{"match": self.gateway.url(host, "").rsplit("/", 1)[0] + "/*", "username": "storm",
                        "password_file": token, "ca_file": str(self.gateway.ca_file)} for host in TLS_HOSTS]
        daemon = Daemon(self.directory / "daemon", [repository.settings() for repository in self.repositories],
                        limits={"min_free_disk": "16MiB"},
                        defaults={"timeout": "30s", "first_timeout": "60s", "stall_timeout": "5s"})
        daemon.settings["state_dir"] = str(self.state_dir)
        secrets = sorted({sender.secret for sender in SENDERS})
        daemon.settings["webhook"]["secret_files"] = [
            write_secret(daemon.directory / f"secret{number}", secret) for number, secret in enumerate(secrets)]
        daemon.settings["credential"] = credentials
        daemon.write_config()
        return daemon

    # The disks

    def _make_disk(self, name: str) -> Disk:
        path = self.directory / name
        path.mkdir(parents=True)
        size = DISK_SIZE[name]
        mounted = self._mount and subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0755", "freshet-storm", str(path)],
            capture_output=True).returncode == 0
        disk = Disk(path, size if mounted else None)
        if mounted:
            self._cleanup.callback(self._keep, disk)
        return disk

    def _keep(self, disk: Disk) -> None:
        kept = disk.path.with_name(disk.path.name + ".kept")
        subprocess.run(["cp", "-a", str(disk.path), str(kept)], capture_output=True)

        def unmounted() -> bool:
            subprocess.run(["umount", str(disk.path)], capture_output=True)
            return not os.path.ismount(disk.path)
        wait_for(unmounted, f"{disk.path} is unmounted")
        shutil.rmtree(disk.path)
        kept.rename(disk.path)

    # The upstreams

    def _make_repository(self, number: int) -> Repository:
        """A mix of everything that can be followed, the same for a seed."""
        rng, name = self.rng, f"r{number:03}"
        host = rng.choice(HOSTS + TLS_HOSTS)
        origin = Origin(number, self.directory / "upstreams" / f"{name}.git")
        parent = None
        for ref in MAIN, STABLE, LIVE:
            parent = origin.commit(parent)
            origin.move(ref, parent)
        kind = rng.choices(["git", "plain", "in_place", "several", "mirror"], [4, 3, 2, 2, 1])[0]
        path = self.trees / name
        checkouts = {
            "git": [Checkout(path, MAIN)],
            "plain": [Checkout(path, MAIN, git=False)],
            "in_place": [Checkout(path, MAIN, "in_place", git=rng.random() < 0.5)],
            "several": [Checkout(path, MAIN), Checkout(self.trees / f"{name}-stable", STABLE, git=False),
                        Checkout(self.trees / f"{name}-live", LIVE)],
            "mirror": [],
        }[kind]
        delivers = rng.random() < 0.7
        interval = None if delivers and rng.random() < 0.4 else rng.randrange(2, 21)
        return Repository(name, host, origin, self.gateway.url(host, name), tuple(checkouts), kind == "mirror",
                          interval, delivers)
