"""A machine of its own: a fresh Debian 12 with systemd as its first process, in a container that shares
nothing with this system but the kernel. Needs root."""

import hashlib
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

from waiting import wait_for

RELEASE = "bookworm"
SYSTEM = ["systemd", "systemd-sysv", "dbus", "ca-certificates"]
# What the tests themselves need in there. Nothing that the package ought to bring.
NEEDED = ["curl", "openssl", "nginx-light", "fcgiwrap", "openssh-server", "polkitd"]
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LANG": "C.UTF-8",
               "DEBIAN_FRONTEND": "noninteractive"}


class NoMachine(Exception):
    """Says why this system cannot make one."""


def _need(condition, why: str) -> None:
    if not condition:
        raise NoMachine(why)


def _archives() -> list[tuple[str, str]]:
    """(address, suite) of each Debian archive that this system installs from."""
    listing = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(ORIGIN) $(COMPONENT) $(SITE) $(CODENAME)",
         "Created-By: Packages"], capture_output=True, text=True, check=True).stdout
    return list(dict.fromkeys(re.findall(rf"^Debian main (\S+) ({RELEASE}\S*)$", listing, re.MULTILINE)))


def _checked(*command: str, **options) -> None:
    run = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                         text=True, **options)
    assert run.returncode == 0, f"{' '.join(command)}\nended with {run.returncode}\n{run.stdout[-3000:]}"


def in_tree(root: Path, *command: str) -> None:
    """Runs a command in the tree of a machine that is not running, with this system's network."""
    _checked("chroot", str(root), *command, env=os.environ | ENVIRONMENT)


def fresh_tree(cache: Path) -> Path:
    """Makes the tree that machines start from, once; later calls answer the same one."""
    tree = cache / f"{RELEASE}-{hashlib.sha256(' '.join(SYSTEM + NEEDED).encode()).hexdigest()[:12]}"
    if tree.exists():
        return tree
    _need(os.geteuid() == 0, "it takes root to make and start one")
    for tool in "debootstrap", "systemd-nspawn", "nsenter", "chroot":
        _need(shutil.which(tool), f"{tool} is missing (scripts/install-packages machine)")
    archives = _archives()
    main = [site for site, suite in archives if suite == RELEASE]
    _need(main, f"this system installs nothing from Debian {RELEASE}")
    cache.mkdir(parents=True, exist_ok=True)
    new = cache / "new"
    shutil.rmtree(new, ignore_errors=True)
    _checked("debootstrap", "--variant=minbase", f"--include={','.join(SYSTEM)}", RELEASE, str(new), main[0])
    (new / "etc/apt/sources.list").write_text(
        "".join(f"deb {site} {suite} main\n" for site, suite in archives))
    # Nothing starts while this system installs it in there.
    policy = new / "usr/sbin/policy-rc.d"
    policy.write_text("#!/bin/sh\nexit 101\n")
    policy.chmod(0o755)
    in_tree(new, "apt-get", "-q", "update")
    in_tree(new, "apt-get", "-qy", "install", "--no-install-recommends", *NEEDED)
    policy.unlink()
    new.rename(tree)
    return tree


class Machine:
    def __init__(self, cache: Path, directory: Path):
        """Raises NoMachine, with the reason, where this system cannot make one."""
        tree = fresh_tree(cache)
        self.root = directory / "root"
        self._log = directory / "console"
        self._process = None
        self._init = None
        subprocess.run(["cp", "-a", "--reflink=auto", str(tree), str(self.root)], check=True)

    def download(self, package: Path) -> None:
        """Fetches what a package needs, for an installation without a network."""
        shutil.copy(package, self.root / "root")
        in_tree(self.root, "apt-get", "-q", "update")
        in_tree(self.root, "apt-get", "-qy", "install", "--download-only", f"/root/{package.name}")

    def install(self, package: Path) -> str:
        """Installs a package whose needs were fetched; returns what apt said."""
        shutil.copy(package, self.root / "root")
        return self.run(f"apt-get -qy install /root/{package.name} 2>&1")

    def start(self) -> "Machine":
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                ["systemd-nspawn", "--quiet", "--boot", "--directory", str(self.root), "--private-network",
                 "--register=no", "--keep-unit", "--link-journal=no", "--resolv-conf=off",
                 "--timezone=off", "--console=pipe"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        try:
            wait_for(self._booted, f"the machine has started; its console is {self._log}", timeout=120)
        except BaseException:
            self.stop()
            raise
        return self

    def _booted(self) -> bool:
        if self._process.poll() is not None:
            raise NoMachine(f"systemd-nspawn cannot start one: {self._log.read_text(errors='replace')[-600:]}")
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        if len(children) != 1:
            return False
        self._init = children[0]
        state = self.try_run("systemctl is-system-running")
        return state.stdout.strip() in ("running", "degraded")

    def try_run(self, script: str, user: str | None = None, stdin: str = "",
                timeout: float = 300) -> subprocess.CompletedProcess:
        """Runs a shell script in the machine, as root or another user."""
        command = ["nsenter", "--target", self._init, "--mount", "--uts", "--ipc", "--net", "--pid", "--root",
                   "--wd", "--"]
        if user:
            command += ["runuser", "-u", user, "--"]
        return subprocess.run([*command, "sh", "-euc", script], input=stdin, capture_output=True, text=True,
                              env=ENVIRONMENT, timeout=timeout)

    def run(self, script: str, **options) -> str:
        """As try_run; the script has to succeed. Returns its output."""
        run = self.try_run(script, **options)
        assert run.returncode == 0, f"{script}\nended with {run.returncode}\n{run.stdout}\n{run.stderr}"
        return run.stdout

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        file = self.root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(mode)

    def journal(self, unit: str) -> str:
        return self.try_run(f"journalctl --no-pager -o cat -u {unit}").stdout

    def stop(self) -> None:
        if self._process and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)  # systemd-nspawn shuts the machine down
            try:
                self._process.wait(60)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.root)
