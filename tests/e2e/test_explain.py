"""`freshet explain`: what a saved delivery would do, and why, without a daemon."""

import json

import pytest

from daemon import SECRET, run_freshet, write_secret
from forge import github_headers, github_push
from upstream import git

DONE, USAGE = 0, 2


@pytest.fixture
def site(follow):
    """A configuration without a daemon."""
    return follow(start=False)


def save(site, body: bytes, headers: dict | None = None, path: str = "", end: str = "\r\n"):
    """Body alone, or with a head in front."""
    file = site.daemon.directory / "delivery"
    head = ([f"POST {path} HTTP/1.1"] if path else []) + [f"{k}: {v}" for k, v in (headers or {}).items()]
    file.write_bytes((end.join([*head, "", ""]).encode() if head else b"") + body)
    return file


def run(site, file, *arguments):
    return run_freshet("explain", file, *arguments, "--config", site.daemon.config)


def explained(site, file, *arguments) -> dict:
    done = run(site, file, "--json", *arguments)
    assert done.returncode == DONE, done.stderr
    return json.loads(done.stdout)


def push(site, **options) -> bytes:
    return github_push(site.url, site.upstream.tip(), **options)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_saved_request_is_explained_from_end_to_end(site, end):
    body = push(site)
    found = explained(site, save(site, body, github_headers(body, SECRET, delivery="id-1"), end=end))
    assert (found["forge"], found["event"], found["id"]) == ("github", "push", "id-1")
    assert (found["signature"], found["secret"]) == ("right", str(site.daemon.directory / "secret"))
    assert (found["status"], found["verdict"]) == (202, "accepted")
    [repository] = found["repositories"]
    assert (repository["name"], repository["refreshed"]) == ("site", True)
    assert "refs/heads/main" in repository["why"]
    assert found["changes"] == [{"ref": "refs/heads/main", "before": None, "after": site.upstream.tip()}]


def test_a_body_alone_is_explained_as_if_its_signature_were_right(site):
    found = explained(site, save(site, push(site)), "--forge", "github")
    assert (found["signature"], found["status"]) == ("absent", 202)
    assert "if its signature is right" in run(site, save(site, push(site)), "--forge", "github").stdout


def test_headers_can_be_given_beside_the_file(site):
    body = push(site)
    headers = [f"{name}: {value}" for name, value in github_headers(body, SECRET).items()]
    arguments = [argument for header in headers for argument in ("--header", header)]
    assert explained(site, save(site, body), *arguments)["signature"] == "right"
    assert explained(site, save(site, body, github_headers(body, "wrong")), *arguments)["signature"] == "right"


def test_a_line_end_that_an_editor_added_does_not_make_the_signature_wrong(site):
    body = push(site)
    assert explained(site, save(site, body + b"\n", github_headers(body, SECRET)))["signature"] == "right"


def test_a_wrong_signature_says_401_and_why(site):
    body = push(site)
    found = explained(site, save(site, body, github_headers(body, "wrong")))
    assert (found["signature"], found["status"], found["verdict"]) == ("refused", 401, "unauthorized")
    assert found["signature_reason"]


def test_what_nobody_follows_says_why_it_is_ignored(site):
    other = explained(site, save(site, github_push("https://github.com/a/b.git", site.upstream.tip())),
                      "--forge", "github")
    assert (other["status"], other["verdict"], other["repositories"]) == (200, "ignored", [])
    assert other["reason"]
    site.daemon.settings["repository"][0]["path"] = ""
    site.daemon.settings["repository"][0].pop("path")
    site.daemon.settings["repository"][0]["checkout"] = [{"path": str(site.path), "ref": "stable"}]
    site.daemon.write_config()
    branch = explained(site, save(site, push(site, ref="refs/heads/else")), "--forge", "github")
    assert (branch["verdict"], branch["repositories"][0]["refreshed"]) == ("ignored", False)


def test_the_route_is_taken_from_the_request_line_or_the_command_line(site):
    own = write_secret(site.daemon.directory / "own", "a secret of its own")
    site.daemon.settings["repository"][0]["webhook_secret_files"] = [own]
    site.daemon.write_config()
    body = github_push("https://elsewhere.example/a/b.git", site.upstream.tip())
    headers = github_headers(body, "a secret of its own")
    by_line = explained(site, save(site, body, headers, path="/api/v1/webhooks/github/site"))
    by_option = explained(site, save(site, body, headers), "--name", "site")
    for found in (by_line, by_option):
        assert (found["route"], found["secret"], found["status"]) == ("site", own, 202)
    assert explained(site, save(site, body, headers))["status"] == 401, "the general secrets are others"


def test_an_unreadable_secret_is_named(site):
    (site.daemon.directory / "secret").unlink()
    found = explained(site, save(site, push(site)), "--forge", "github")
    assert [secret["file"] for secret in found["unreadable_secrets"]] == [str(site.daemon.directory / "secret")]


def test_the_default_branch_of_the_mirror_counts(follow):
    site = follow()
    git(site.upstream.path, "branch", "other")
    found = explained(site, save(site, push(site, ref="refs/heads/other")), "--forge", "github")
    assert (found["verdict"], found["repositories"][0]["refreshed"]) == ("ignored", False)


@pytest.mark.parametrize("arguments, said", [
    (["--forge", "sourcehut"], "sourcehut"), (["--name", "nobody"], "nobody"), (["--header", "nonsense"], "nonsense"),
])
def test_a_wrong_argument_is_refused_with_its_name(site, arguments, said):
    done = run(site, save(site, push(site)), *arguments)
    assert (done.returncode, done.stdout) == (USAGE, "")
    assert said in done.stderr


def test_a_missing_file_is_refused(site):
    done = run(site, site.daemon.directory / "missing")
    assert (done.returncode, done.stdout) == (USAGE, "")
    assert "missing" in done.stderr


@pytest.mark.parametrize("content", [b"", b"\x00\xff\n\n", b"{", b"\n\n", b"A: b", b"[" * 10_000])
def test_whatever_a_file_holds_it_is_explained(site, content):
    found = explained(site, save(site, content), "--forge", "github")
    assert (found["status"], found["verdict"]) in [(400, "invalid"), (200, "ignored")]


def test_the_table_names_everything(site):
    body = push(site)
    lines = run(site, save(site, body, github_headers(body, SECRET, delivery="id-1"))).stdout.splitlines()
    assert [line.split()[0] for line in lines] \
        == ["forge", "event", "id", "signature", "ref", "repository", "answer"]
    assert lines[-1].split() == ["answer", "202", "accepted"]


def test_control_characters_of_a_saved_request_are_shown_by_their_number(site):
    file = save(site, push(site), {"X-GitHub-Event": "\x1b[31mpu\x07sh", "X-GitHub-Delivery": "z"},
                path="/api/v1/webhooks/github")
    done = run(site, file)
    assert done.returncode == DONE
    assert "\\x1b[31mpu\\x07sh" in done.stdout
    assert "\x1b" not in done.stdout + done.stderr
    file = save(site, push(site), {"X": "y"}, path="/api/v1/webhooks/\x1b[31m")
    done = run(site, file)
    assert "\x1b" not in done.stdout + done.stderr
