"""The ways of keeping checkouts fresh that side_by_side compares: freshet, and what people use without it."""

import http.client
import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from daemon import SECRET, Daemon
from delivery_load import HMAC_RULE
from forge import github_headers, github_push
from process_tree import wait_until_quiet
from processes import Server, free_port, is_listening
from rows import wait_until_ready
from side_by_side_site import STAMP, Site
from upstream import ISOLATED
from waiting import wait_for

# The best that git can do: the second protocol (its default), one branch, no tags, no housekeeping in between.
GIT = "git -c protocol.version=2 -c gc.auto=0 -c maintenance.auto=false"
PULL = f"{GIT} pull -q --ff-only"

# What cron does with `* * * * * flock -n LOCK sh -c '...'`: begins once a minute, and not while the last one runs.
CRON = f"""
next=${{EPOCHREALTIME/./}}
while :; do
  (
    flock -n 9 || exit
    began=${{EPOCHREALTIME/./}}
    for checkout in checkouts/*/; do {GIT} -C "$checkout" pull -q --ff-only; done
    echo $(( ${{EPOCHREALTIME/./}} - began )) >> turns
  ) 9> lock &
  next=$(( next + 60000000 )) left=$(( next - ${{EPOCHREALTIME/./}} ))
  sleep $(( left / 1000000 )).$(printf %06d $(( left % 1000000 )))
done
"""
# Begins again after `interval` microseconds, or at once when a turn took longer.
FETCH_LOOP = f"""
while :; do
  began=${{EPOCHREALTIME/./}}
  for mirror in mirrors/*.git; do {GIT} -C "$mirror" fetch -q; done
  took=$(( ${{EPOCHREALTIME/./}} - began )) left=$(( interval - took ))
  echo $took >> turns
  if [ $left -gt 0 ]; then sleep $(( left / 1000000 )).$(printf %06d $(( left % 1000000 ))); fi
done
"""
# Deliveries for one checkout may come while the last one is still being pulled.
PULL_SCRIPT = f"""#!/bin/sh
cd "checkouts/$1" || exit
exec flock .git/pull.lock {PULL}
"""


class Way:
    """One way, at work below `directory` on the upstreams of `site`."""

    name: str
    slug: str
    turns_take: list[float] = []  # seconds, of a way that does one repository after the other

    def __init__(self, directory: Path, site: Site, interval: float):
        self.directory, self.site, self.interval = directory, site, interval
        directory.mkdir()

    def prepare(self) -> None:
        """All repositories are there; what waits for requests runs."""

    def begin(self) -> None:
        """From now on it counts."""

    def tell(self, repository: int, commit: str) -> None:
        """What a forge does after a push."""

    def published(self, repository: int) -> int | None:
        """The number of the push that a reader finds; None while there is none."""
        raise NotImplementedError

    @property
    def session(self) -> int:
        raise NotImplementedError

    def stop(self) -> None:
        raise NotImplementedError


def number_in(path: Path) -> int | None:
    """git removes a file before it writes it anew."""
    try:
        return int(path.read_text())
    except (FileNotFoundError, ValueError):
        return None


def deliver(port: int, path: str, site: Site, repository: int, commit: str) -> None:
    payload = json.loads(github_push(site.url(repository), commit))
    payload["repository"] |= {"name": site.names[repository], "full_name": f"acme/{site.names[repository]}"}
    body = json.dumps(payload).encode()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("POST", path, body, github_headers(body, SECRET))
        answer = connection.getresponse()
        if answer.status not in (200, 202):
            raise RuntimeError(f"a delivery was answered {answer.status}: {answer.read()}")
    finally:
        connection.close()


class Freshet(Way):
    name, slug = "freshet (webhooks)", "freshet-webhooks"

    def prepare(self) -> None:
        checkouts = self.directory / "checkouts"
        self._stamps = [checkouts / name / STAMP for name in self.site.names]
        followed = [{"name": name, "url": self.site.url(number), "path": str(checkouts / name)} | self._polls()
                    for number, name in enumerate(self.site.names)]
        self._daemon = Daemon(self.directory / "daemon", followed)
        self._daemon.settings["credential"] = [self.site.server.credential]
        self._daemon.write_config()
        self._daemon.start(env=self.site.server.git_environment)
        wait_until_ready(self._daemon, 1800)
        wait_until_quiet(self.session, 600)  # it goes on with spare trees

    def _polls(self) -> dict:
        return {"interval": "15m"}  # as rarely as webhook_interval, which deliveries that arrive lead to

    def tell(self, repository: int, commit: str) -> None:
        deliver(self._daemon.public_port, "/api/v1/webhooks/github", self.site, repository, commit)

    def published(self, repository: int) -> int | None:
        return number_in(self._stamps[repository])

    @property
    def session(self) -> int:
        return self._daemon.process.pid

    def stop(self) -> None:
        if self._daemon.running():
            self._daemon.stop(60)


class FreshetPolling(Freshet):
    name, slug = "freshet (polling)", "freshet-polling"

    def _polls(self) -> dict:
        return {"interval": f"{self.interval:g}s"}

    def tell(self, repository: int, commit: str) -> None:
        pass


class WithGit(Way):
    """Ways that are a shell script around git."""

    def _start(self, *command: str) -> None:
        self._server = Server(command, self.directory / "log", cwd=self.directory,
                              env=ISOLATED | self.site.server.git_environment | {"LC_ALL": "C"})

    @property
    def session(self) -> int:
        return self._server.process.pid

    @property
    def turns_take(self) -> list[float]:
        turns = self.directory / "turns"
        return [int(line) / 1e6 for line in turns.read_text().splitlines()] if turns.exists() else []

    def _clone_all(self, place: str, *options: str) -> None:
        """Each from its upstream's directory, with the URL set right afterwards: what a clone over HTTPS
        makes too, in a tenth of the time."""
        (self.directory / place).mkdir()

        def clone(number: int) -> None:
            name = self.site.names[number]
            target = self.directory / place / (name + (".git" if "--mirror" in options else ""))
            for command in (["clone", "-q", "--no-local", *options, str(self.site.root / f"{name}.git"), str(target)],
                            ["-C", str(target), "remote", "set-url", "origin", self.site.url(number)]):
                subprocess.run(["git", *command], env=ISOLATED, check=True)

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(clone, range(len(self.site.names))))


class WithCheckouts(WithGit):
    def prepare(self) -> None:
        self._clone_all("checkouts", "--single-branch", "--no-tags")

    def published(self, repository: int) -> int | None:
        return number_in(self.directory / "checkouts" / self.site.names[repository] / STAMP)


class Cron(WithCheckouts):
    name, slug = "cron + git pull", "cron"

    def begin(self) -> None:
        self._start("bash", "-c", CRON)

    def stop(self) -> None:
        self._server.stop()


class FetchLoop(WithGit):
    name, slug = "git fetch loop", "fetch-loop"

    def prepare(self) -> None:
        self._clone_all("mirrors", "--mirror")

    def begin(self) -> None:
        self._start("bash", "-c", f"interval={round(self.interval * 1e6)}\n{FETCH_LOOP}")

    def published(self, repository: int) -> int | None:
        ref = self.directory / f"mirrors/{self.site.names[repository]}.git/refs/heads/main"
        try:
            return self.site.history.number.get(ref.read_text().strip())
        except FileNotFoundError:
            return None  # packed, as the clone left it

    def stop(self) -> None:
        self._server.stop()


class Webhook(WithCheckouts):
    name, slug = "webhook + pull script", "webhook"

    def prepare(self) -> None:
        super().prepare()
        script = self.directory / "pull"
        script.write_text(PULL_SCRIPT)
        script.chmod(0o755)
        hooks = self.directory / "hooks.json"
        hooks.write_text(json.dumps([{
            "id": "push", "execute-command": str(script), "command-working-directory": str(self.directory),
            "pass-arguments-to-command": [{"source": "payload", "name": "repository.name"}],
            "trigger-rule": HMAC_RULE}]))
        self._port = free_port()
        self._start("webhook", "-hooks", str(hooks), "-ip", "127.0.0.1", "-port", str(self._port))
        wait_for(lambda: is_listening(self._port), "webhook listens")

    def tell(self, repository: int, commit: str) -> None:
        deliver(self._port, "/hooks/push", self.site, repository, commit)

    def stop(self) -> None:
        self._server.stop()


WAYS = [Freshet, FreshetPolling, Cron, FetchLoop, Webhook]
