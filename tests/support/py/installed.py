"""freshet as it was installed in a machine: its configuration, its service, and requests to it."""

import json
import shlex

from forge import github_headers, github_push
from machine import Machine
from toml import to_toml
from waiting import StateNotReached, wait_for

CONFIG = "/etc/freshet/freshet.toml"
PUBLIC = "http://127.0.0.1:8480"
ADMIN = "http://127.0.0.1:8481"
AUTHOR = "-c user.name=A -c user.email=a@example.org"


class Installed:
    def __init__(self, machine: Machine):
        self.machine = machine
        self.run = machine.run
        self.settings = {
            "state_dir": "/var/lib/freshet",
            "webhook": {"secret_files": ["/etc/freshet/webhook.secret"]},
            "defaults": {"interval": "off"},
            "credential": [],
            "repository": [],
        }

    # Upstreams

    def make_upstream(self, path: str, owner: str = "freshet") -> str:
        """A bare repository with one commit on main, of `owner`; returns the commit."""
        self.run(f"git init -q --bare -b main {path}; chown -R {owner}: {path}")
        return self.commit(path, "README", "first")

    def commit(self, upstream: str, file: str, text: str) -> str:
        """A further commit on main, made as the upstream's owner; returns it."""
        owner = self.run(f"stat -c %U {upstream}").strip()
        return self.run(f"""
            work=$(mktemp -d); cd $work
            git clone -q {upstream} . 2>/dev/null; git checkout -q -B main
            echo {shlex.quote(text)} > {file}; git add .
            git {AUTHOR} commit -q -m change; git push -q origin main; git rev-parse HEAD; rm -rf $work
            """, user=owner).strip()

    # The service

    def configure(self) -> None:
        self.machine.write(CONFIG, to_toml(self.settings))

    def follow(self, **repository) -> None:
        """Adds a repository to those that are followed, and has the running service take it over."""
        self.settings["repository"].append(repository)
        self.configure()
        self.run("systemctl reload freshet")

    def restart(self) -> None:
        self.run("systemctl daemon-reload; systemctl restart freshet")

    def drop_in(self, name: str, text: str) -> None:
        """What `systemctl edit freshet` writes, in effect."""
        self.machine.write(f"/etc/systemd/system/freshet.service.d/{name}", text)
        self.restart()

    def property(self, name: str, unit: str = "freshet") -> str:
        return self.run(f"systemctl show --value -p {name} {unit}").strip()

    # Requests

    def status(self, name: str) -> dict:
        return json.loads(self.run(f"curl -sS {ADMIN}/api/v1/repositories/{name}"))

    def deliver(self, url: str, commit: str) -> int:
        """The signed delivery that GitHub sends after a push; returns the answer's status."""
        secret = self.run("cat /etc/freshet/webhook.secret").strip()
        body = github_push(url, commit, "refs/heads/main")
        headers = [f"{name}: {value}" for name, value in github_headers(body, secret).items()]
        options = " ".join(f"-H {shlex.quote(header)}" for header in headers)
        return int(self.run(f"curl -sS -o /dev/null -w '%{{http_code}}' {options} --data-binary @- "
                            f"{PUBLIC}/api/v1/webhooks/github", stdin=body.decode()))

    def published(self, path: str) -> str:
        """The commit that a path shows, or nothing."""
        return self.run(f"test -L {path} && basename $(readlink {path}) || true").strip()

    def wait_for_commit(self, path: str, commit: str) -> None:
        try:
            wait_for(lambda: self.published(path) == commit, f"{path} shows {commit}", timeout=60)
        except StateNotReached as error:
            raise StateNotReached(f"{error}\n{self.machine.journal('freshet')[-3000:]}") from None
