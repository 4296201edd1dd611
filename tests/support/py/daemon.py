"""The program under test: its configuration, the daemon, and requests to it."""

import http.client
import json
import os
import signal
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

from forge import github_headers, github_push
from processes import free_port
from published import published_commit
from toml import to_toml
from waiting import PATIENCE, wait_for

BINARY = os.environ["FRESHET_BINARY"]
SECRET = "a secret that only the forge and the daemon know"


@dataclass(frozen=True)
class Response:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)


def request(port: int, method: str, path: str, body: bytes = b"", headers: dict | None = None,
            timeout: float = 120 * PATIENCE, tls: ssl.SSLContext | None = None) -> Response:
    if tls:
        connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=timeout, context=tls)
    else:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request(method, path, body=body, headers=headers or {})
        answer = connection.getresponse()
        return Response(answer.status, answer.headers, answer.read())
    finally:
        connection.close()


def run_freshet(*arguments, timeout: float = 120 * PATIENCE, **options) -> subprocess.CompletedProcess:
    """Runs a command to its end; its output is text."""
    return subprocess.run([BINARY, *map(str, arguments)], stdin=subprocess.DEVNULL, text=True,
                          capture_output=True, timeout=timeout, **options)


def write_secret(path: Path, secret: str) -> str:
    path.write_text(secret + "\n")
    path.chmod(0o600)
    return str(path)


class PortTaken(Exception):
    pass


class Daemon:
    """A directory with a configuration, and `freshet serve` on it."""

    def __init__(self, directory: Path, repositories: list[dict], secret: str | None = SECRET,
                 path_prefix: Path | None = None, under: list[str] = (), **tables):
        """`under`: a command that runs the program, and its options."""
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self.public_port, self.admin_port = free_port(), free_port()
        self.config = directory / "freshet.toml"
        self.log = directory / "log"
        self.process = None
        self._under = list(under)
        self.tls = None  # what the public listener is spoken to with, where it speaks HTTPS
        self._environment = dict(os.environ)
        if path_prefix:
            self._environment["PATH"] = f"{path_prefix}:{os.environ['PATH']}"
        self.settings = {
            "state_dir": str(directory / "state"),
            "server": {"listen": f"127.0.0.1:{self.public_port}"},
            "admin": {"listen": f"127.0.0.1:{self.admin_port}"},
            "webhook": {},
            # Only what a test asks for refreshes: no poll hides a lost delivery.
            "defaults": {"interval": "off"},
            "repository": repositories,
        }
        if secret:
            self.settings["webhook"]["secret_files"] = [write_secret(directory / "secret", secret)]
        for name, table in tables.items():
            self.settings[name] = self.settings.get(name, {}) | table
        self.write_config()

    def write_config(self) -> None:
        self.config.write_text(to_toml(self.settings))

    # The process

    def start(self, **options) -> "Daemon":
        environment = self._environment | options.pop("env", {})
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*self._under, BINARY, "serve", "--config", str(self.config)], stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, start_new_session=True, env=environment, **options)
        try:
            wait_for(self._answers, f"the daemon answers /healthz; its log is {self.log}")
        except PortTaken:
            self._take_other_ports()
            return self.start(env=environment, **options)
        return self

    def _take_other_ports(self) -> None:
        """A port that was free a moment ago can be somebody else's when the daemon gets to it."""
        self.log.unlink()
        for table, name in ("server", "public_port"), ("admin", "admin_port"):
            address = f"127.0.0.1:{getattr(self, name)}"
            setattr(self, name, free_port())
            if self.settings[table]["listen"] == address:
                self.settings[table]["listen"] = f"127.0.0.1:{getattr(self, name)}"
        self.write_config()

    def _answers(self) -> bool:
        if self.process.poll() is not None:
            if "is in use by another program" in self.log_text():
                raise PortTaken
            raise AssertionError(f"the daemon ended with {self.process.returncode}:\n{self.log_text()}")
        try:
            return self.public("GET", "/healthz").status == 200
        except OSError:
            return False

    def reload(self) -> None:
        """Takes the settings over as they are now."""
        self.write_config()
        before = self.log_text().count("configuration reloaded")
        self.process.send_signal(signal.SIGHUP)
        wait_for(lambda: self.log_text().count("configuration reloaded") > before, "it reloaded")

    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def stop(self, timeout: float = 120 * PATIENCE) -> int:
        """SIGTERM, and KILL when that takes too long; returns the exit status."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill9()
            return self.process.returncode

    def kill9(self) -> None:
        self.process.kill()
        self.process.wait()

    def log_text(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    # The public listener

    def public(self, method: str, path: str, body: bytes = b"", headers: dict | None = None) -> Response:
        return request(self.public_port, method, path, body, headers, tls=self.tls)

    def deliver(self, body: bytes, headers: dict | None = None, route: str = "github") -> Response:
        headers = github_headers(body, SECRET) if headers is None else headers
        return self.public("POST", f"/api/v1/webhooks/{route}", body, headers)

    def push(self, url: str, after: str, ref: str = "refs/heads/main",
             delivery: str | None = None) -> Response:
        """The signed delivery that GitHub sends after a push."""
        body = github_push(url, after, ref)
        return self.deliver(body, github_headers(body, SECRET, delivery=delivery))

    # The admin listener

    def admin(self, method: str, path: str, headers: dict | None = None) -> Response:
        return request(self.admin_port, method, path, headers=headers)

    def status(self, name: str = "site") -> dict:
        return self.admin("GET", f"/api/v1/repositories/{name}").json

    def refresh(self, name: str = "site", wait: str = "60s") -> Response:
        return self.admin("POST", f"/api/v1/repositories/{name}/refresh?wait={wait}")

    def wait_for_state(self, state: str, name: str = "site", timeout: float = 120) -> dict:
        def reached():
            status = self.status(name)
            return status["state"] == state and status
        return wait_for(reached, f"{name} is {state}", timeout)


def wait_for_commit(path: Path, commit: str, timeout: float = 120) -> None:
    wait_for(lambda: published_commit(path) == commit, f"{path} shows {commit}", timeout)
