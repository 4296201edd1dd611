"""What each forge sends after a push: recorded payloads with the refs of a test, signed its way."""

import base64
import hashlib
import hmac
import json
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, NamedTuple

from forge import NO_COMMIT

PAYLOADS = Path(__file__).resolve().parents[1] / "payloads"
# The upstream as the recorded payloads name it.
MATCH = [f"{host}/acme/docs" for host in (
    "github.com", "git.example.com", "gitlab.example.com", "bitbucket.org", "bitbucket.example.com")]


class Change(NamedTuple):
    ref: str
    before: str
    after: str


class Delivery(NamedTuple):
    headers: dict
    body: bytes


def recorded(name: str) -> dict:
    return json.loads((PAYLOADS / f"{name}.json").read_text())


def hex_digest(body: bytes, secret: str) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


# Payloads: a list of (event, payload), one for each delivery

def one_by_one(name: str, event: str):
    def payloads(changes: list[Change]) -> list:
        return [(event, recorded(name) | change._asdict() | {"deleted": change.after == NO_COMMIT})
                for change in changes]
    return payloads


def gitlab_pushes(changes: list[Change]) -> list:
    def payload(change: Change):
        event, name = (("Tag Push Hook", "gitlab_tag_push") if change.ref.startswith("refs/tags/")
                       else ("Push Hook", "gitlab_push"))
        commit = None if change.after == NO_COMMIT else change.after
        return event, recorded(name) | change._asdict() | {"checkout_sha": commit}
    return [payload(change) for change in changes]


def gitlab_update(changes: list[Change]) -> list:
    payload = recorded("gitlab_repository_update")
    return [("System Hook", payload | {"changes": [change._asdict() for change in changes],
                                       "refs": [change.ref for change in changes]})]


def bitbucket_cloud(changes: list[Change]) -> list:
    def named(ref: str, commit: str):
        kind, name = ref.removeprefix("refs/").split("/", 1)
        return None if commit == NO_COMMIT else {
            "type": {"heads": "branch", "tags": "tag"}[kind], "name": name,
            "target": {"type": "commit", "hash": commit}}
    items = [{"old": named(change.ref, change.before), "new": named(change.ref, change.after)}
             for change in changes]
    return [("repo:push", recorded("bitbucket_repo_push") | {"push": {"changes": items}})]


def bitbucket_data_center(changes: list[Change]) -> list:
    items = [{"ref": {"id": change.ref}, "refId": change.ref, "fromHash": change.before,
              "toHash": change.after, "type": "UPDATE"} for change in changes]
    return [("repo:refs_changed", recorded("bitbucket_refs_changed") | {"changes": items})]


def generic(changes: list[Change]) -> list:
    return [(None, recorded("generic_push") | {"ref": change.ref, "commit": change.after})
            for change in changes]


# Signatures: the headers for a body

def hmac_in(*headers: str, prefix: str = ""):
    def sign(body: bytes, secret: str) -> dict:
        return {header: prefix + hex_digest(body, secret) for header in headers}
    return sign


def as_token(_body: bytes, secret: str) -> dict:
    return {"X-Gitlab-Token": secret}


def standard(body: bytes, secret: str) -> dict:
    id, timestamp = f"msg_{uuid.uuid4()}", str(int(time.time()))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, f"{id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return {"webhook-id": id, "webhook-timestamp": timestamp,
            "webhook-signature": "v1," + base64.b64encode(digest).decode()}


@dataclass(frozen=True)
class Sender:
    name: str
    route: str
    payloads: Callable[[list[Change]], list]
    sign: Callable[[bytes, str], dict]
    event_headers: tuple = ()
    id_headers: tuple = ()
    secret: str = "a secret that only the forge and the daemon know"
    fixed: dict = field(default_factory=dict)

    def delivery(self, event: str | None, payload: dict, secret: str | None = None,
                 id: str | None = None) -> Delivery:
        body = json.dumps(payload).encode()
        headers = {"Content-Type": "application/json"} | self.fixed
        headers |= {header: event for header in self.event_headers}
        headers |= {header: id or str(uuid.uuid4()) for header in self.id_headers}
        return Delivery(headers | self.sign(body, secret or self.secret), body)

    def deliveries(self, *changes: Change) -> list[Delivery]:
        return [self.delivery(event, payload) for event, payload in self.payloads(list(changes))]

    def __str__(self) -> str:
        return self.name


SENDERS = [
    Sender("github", "github", one_by_one("github_push", "push"),
           hmac_in("X-Hub-Signature-256", prefix="sha256="),
           ("X-GitHub-Event",), ("X-GitHub-Delivery",)),
    Sender("gitea", "gitea", one_by_one("gitea_push", "push"),
           hmac_in("X-Gitea-Signature", "X-Gogs-Signature"),
           ("X-Gitea-Event", "X-Gogs-Event", "X-GitHub-Event"), ("X-Gitea-Delivery",)),
    Sender("forgejo", "gitea", one_by_one("gitea_push", "push"),
           hmac_in("X-Forgejo-Signature", "X-Gitea-Signature"),
           ("X-Forgejo-Event", "X-Gitea-Event"), ("X-Forgejo-Delivery",)),
    Sender("gogs", "gitea", one_by_one("gitea_push", "push"), hmac_in("X-Gogs-Signature"),
           ("X-Gogs-Event",), ("X-Gogs-Delivery",)),
    Sender("gitlab-token", "gitlab", gitlab_pushes, as_token, ("X-Gitlab-Event",),
           ("Idempotency-Key", "X-Gitlab-Event-UUID")),
    Sender("gitlab-signed", "gitlab", gitlab_pushes, standard, ("X-Gitlab-Event",),
           secret="whsec_" + base64.b64encode(b"k" * 32).decode()),
    Sender("gitlab-system", "gitlab", gitlab_update, as_token, ("X-Gitlab-Event",)),
    Sender("bitbucket-cloud", "bitbucket", bitbucket_cloud,
           hmac_in("X-Hub-Signature", prefix="sha256="), ("X-Event-Key",), ("X-Request-UUID",)),
    Sender("bitbucket-data-center", "bitbucket", bitbucket_data_center,
           hmac_in("X-Hub-Signature", prefix="sha256="), ("X-Event-Key",), ("X-Request-Id",)),
    Sender("generic", "generic", generic, hmac_in("X-Signature-256", prefix="sha256="),
           id_headers=("X-Delivery-ID",)),
]
