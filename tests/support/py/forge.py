"""What GitHub sends: payloads and signed headers."""

import hashlib
import hmac
import json

NO_COMMIT = "0" * 40


def github_push(url: str, after: str, ref: str = "refs/heads/main", before: str = NO_COMMIT) -> bytes:
    return json.dumps({
        "ref": ref, "before": before, "after": after, "deleted": after == NO_COMMIT, "forced": False,
        "repository": {"full_name": "acme/site", "clone_url": url},
    }).encode()


def signature(body: bytes, secret: str) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def github_headers(body: bytes, secret: str, event: str = "push", delivery: str | None = None) -> dict:
    headers = {"Content-Type": "application/json", "X-GitHub-Event": event,
               "X-Hub-Signature-256": signature(body, secret)}
    if delivery:
        headers["X-GitHub-Delivery"] = delivery
    return headers
