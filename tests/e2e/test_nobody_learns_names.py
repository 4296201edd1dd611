"""Nobody without a secret can tell from an answer which repositories exist, or which have secrets."""

import itertools
import re

import pytest

from daemon import SECRET, write_secret
from forge import github_headers, github_push, signature
from raw_client import RawClient, ask, head
from upstream import Upstream

FORGES = ["github", "gitea", "gitlab", "bitbucket", "generic"]
OWN_SECRET = "the secret of one repository alone"
# "plain" follows the general secrets, "own" has its own; the others are not there.
NAMES = ["plain", "own", "none!", "plain/x", "a%2Fb", "..", "%00", "x" * 300]
METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "WEBHOOK"]
TYPES = ["application/json", "application/x-www-form-urlencoded", "text/plain", ""]
BODIES = [b"", b"{}", b"{\"ref\":", b"x" * 5000]
DATE = re.compile(rb"\r\nDate: [^\r]*")


@pytest.fixture
def daemon(make_daemon, tmp_path):
    """Makes a daemon with the two repositories and the chosen secrets."""

    def daemon(general: bool, own: bool):
        upstream = Upstream(tmp_path / "upstream.git")
        upstream.commit({"README": "first\n"})
        repositories = [{"name": name, "url": str(upstream.path), "path": str(tmp_path / "www" / name)}
                        for name in ("plain", "own")]
        if own:
            repositories[1]["webhook_secret_files"] = [write_secret(tmp_path / "own-secret", OWN_SECRET)]
        return make_daemon(*repositories, secret=SECRET if general else None,
                           server={"rate_limit": "1000000/min", "max_body": "4KiB"})
    return daemon


def answer_to(daemon, method: str, route: str, fields: list[str], body: bytes) -> bytes:
    """All that is sent back, without the date."""
    fields = [*fields, f"Content-Length: {len(body)}"]
    with RawClient(daemon.public_port) as client:
        client.send(head(method, f"/api/v1/webhooks/{route}", *fields) + body)
        answer = client.answer(head_only=method == "HEAD")
    assert answer.field("date")
    return DATE.sub(b"", answer.raw)


def headers_of_every_forge(body: bytes, secret: str) -> list[str]:
    digest = signature(body, secret)
    return ["X-GitHub-Event: push", "X-Gitea-Event: push", "X-Gitlab-Event: Push Hook",
            "X-Event-Key: repo:push", f"X-Hub-Signature-256: {digest}", f"X-Hub-Signature: {digest}",
            f"X-Gitea-Signature: {digest[7:]}", f"X-Gitlab-Token: {secret}", f"X-Signature-256: {digest}"]


def proofs(body: bytes) -> list[list[str]]:
    """What somebody who has no secret can send: nothing, nonsense, and a signature of their own."""
    return [
        [], ["X-Hub-Signature-256: sha256=", "X-Gitlab-Token: ", "X-Hub-Signature: sha256=zz"],
        headers_of_every_forge(body, "a guessed secret"), headers_of_every_forge(body, ""),
    ]


def questions():
    """Methods with the plainest of requests, and POST with every type, body and proof."""
    for method in METHODS:
        yield method, ["Content-Type: application/json"], b"{}"
    for media_type, body in itertools.product(TYPES, BODIES):
        for proof in proofs(body):
            yield "POST", [*([f"Content-Type: {media_type}"] if media_type else []), *proof], body


def answers_of(daemon, forge: str) -> list[tuple]:
    """For each question the set of answers over all names, and the question."""
    return [(question, {answer_to(daemon, question[0], f"{forge}/{name}", *question[1:]) for name in NAMES})
            for question in questions()]


@pytest.mark.parametrize("general, own", [(True, True), (True, False), (False, True)],
                         ids=["both", "general", "own"])
def test_whatever_is_asked_every_name_gets_the_same_answer(daemon, general, own):
    asked = daemon(general, own)
    for forge in FORGES:
        statuses = set()
        for question, answers in answers_of(asked, forge):
            assert len(answers) == 1, (forge, question, answers)
            statuses.add(int(answers.pop().split()[1]))
        assert statuses == {401, 405, 413, 415}


def test_without_any_secret_every_name_is_an_unknown_route(daemon):
    asked = daemon(False, False)
    for method, fields, body in questions():
        unknown = answer_to(asked, method, "../no/such/route", fields, body)
        assert unknown.startswith(b"HTTP/1.1 404")
        for forge in [*FORGES, "no-such-forge"]:
            for name in ["", "/plain", "/none!"]:
                assert answer_to(asked, method, forge + name, fields, body) == unknown, (forge, method)


def test_the_general_route_says_nothing_of_the_names_in_a_body(daemon, tmp_path):
    asked = daemon(True, True)
    bodies = [github_push(url, "a" * 40) for url in (str(tmp_path / "upstream.git"), "https://x.example/a/b")]
    for forge in FORGES:
        answers = {answer_to(asked, "POST", forge, ["Content-Type: application/json", *proof], body)
                   for body in bodies for proof in proofs(body)}
        assert len(answers) == 1
        assert answers.pop().startswith(b"HTTP/1.1 401")


def test_a_secret_shows_its_own_repositories_and_no_others(daemon):
    """Whoever knows one repository's secret learns nothing of the rest."""
    asked = daemon(True, True)
    body = b"{}"
    fields = ["Content-Type: application/json", *headers_of_every_forge(body, OWN_SECRET)]
    for forge in FORGES:
        others = {answer_to(asked, "POST", f"{forge}/{name}", fields, body) for name in NAMES if name != "own"}
        assert len(others) == 1
        assert others.pop().startswith(b"HTTP/1.1 401")


def test_an_unknown_name_s_body_is_asked_for_and_read_like_any_other(daemon):
    """The work before the answer is the same: nobody is told by being refused sooner."""
    asked = daemon(True, True)
    for name in NAMES:
        fields = ["Content-Type: application/json", "Content-Length: 2", "Expect: 100-continue"]
        with RawClient(asked.public_port) as client:
            client.send(head("POST", f"/api/v1/webhooks/github/{name}", *fields))
            assert client.answer().status == 100, name
            client.send(b"{}")
            assert client.answer().status == 401, name


def test_the_admin_side_does_not_answer_strangers(make_daemon, tmp_path):
    """With a token, who has none cannot tell names apart there either."""
    upstream = Upstream(tmp_path / "upstream.git")
    upstream.commit({"README": "first\n"})
    token = write_secret(tmp_path / "token", "a token")
    asked = make_daemon({"name": "plain", "url": str(upstream.path), "mirror": True},
                        admin={"token_file": token})
    for method, path in itertools.product(["GET", "POST"], ["", "/refresh", "/ensure"]):
        answers = set()
        for name in ("plain", "none!"):
            data = head(method, f"/api/v1/repositories/{name}{path}", "Content-Length: 0", host="127.0.0.1")
            [answer] = ask(asked.admin_port, data)
            assert answer.status == 401
            answers.add(DATE.sub(b"", answer.raw))
        assert len(answers) == 1, (method, path)


def test_a_signed_delivery_is_what_all_others_are_not(daemon):
    """So that the sameness above is not that of a server that refuses everything."""
    asked = daemon(True, True)
    body = github_push("https://x.example/a/b", "a" * 40)
    for name, secret, status in [("plain", SECRET, 202), ("own", OWN_SECRET, 202), ("own", SECRET, 401),
                                 ("plain", OWN_SECRET, 401), ("none!", SECRET, 401)]:
        answer = asked.deliver(body, github_headers(body, secret), route=f"github/{name}")
        assert answer.status == status, (name, secret)
