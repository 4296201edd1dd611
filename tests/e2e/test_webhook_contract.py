"""Every row of the webhook table, as GitHub would meet it."""

import json

import pytest

from daemon import SECRET, write_secret
from forge import NO_COMMIT, github_headers, github_push, signature
from upstream import git
from waiting import wait_for

OTHER_SECRET = "another secret of the same length as none"
ROUTE = "/api/v1/webhooks/github"
METHODS = ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]


def push_body(site, **options) -> bytes:
    return github_push(site.url, site.upstream.tip(), **options)


def headers_with(body: bytes, **changed) -> dict:
    """Right headers, but for `changed` ("_" stands for "-"); None takes one away."""
    headers = github_headers(body, SECRET)
    for name, value in changed.items():
        name = name.replace("_", "-")
        headers.pop(name, None)
        if value is not None:
            headers[name] = value
    return headers


# 202 and 200

def test_the_answer_comes_before_the_fetch(http_site, http_upstreams):
    http_upstreams.hold()
    commit = http_site.push({"README": "second\n"})  # answered although no fetch can end
    http_upstreams.release()
    http_site.wait_for(commit)


def test_deliveries_during_a_refresh_are_coalesced(http_site, http_upstreams):
    packs_before = http_upstreams.packs_asked_for()
    http_upstreams.hold()
    first = http_site.upstream.commit({"README": "second\n"})
    assert http_site.daemon.push(http_site.url, first).json["coalesced"] is False
    wait_for(lambda: http_upstreams.packs_asked_for() > packs_before, "its refresh runs")
    assert http_site.daemon.push(http_site.url, first).status == 202
    second = http_site.upstream.commit({"README": "third\n"})
    assert http_site.daemon.push(http_site.url, second).json["coalesced"] is True
    http_upstreams.release()
    http_site.wait_for(second)


def test_a_deleted_ref_is_a_change(site):
    assert site.daemon.push(site.url, NO_COMMIT).status == 202


@pytest.mark.parametrize("disguise", [
    lambda url: url.removesuffix(".git"), lambda url: url + "/", lambda url: url.upper(),
    lambda url: url.replace("http://", "ssh://git@"), lambda url: url.replace("http://", "https://user:x@"),
])
def test_the_repository_is_found_by_host_and_path_however_its_url_is_written(
        http_site, disguise):
    body = github_push(disguise(http_site.url), http_site.upstream.tip())
    assert http_site.daemon.deliver(body).json["repositories"] == ["site"]


def test_a_media_type_with_a_charset_is_json(site):
    body = push_body(site)
    headers = headers_with(body, Content_Type="application/json; charset=utf-8")
    assert site.daemon.deliver(body, headers).status == 202


def test_a_ping_is_answered_with_pong(site):
    body = json.dumps({"zen": "Keep it fresh", "hook_id": 1}).encode()
    answer = site.daemon.deliver(body, headers_with(body, X_GitHub_Event="ping"))
    assert (answer.status, answer.json) == (200, {"status": "pong"})


@pytest.mark.parametrize("event, options", [
    ("issues", {}),
    ("push", {"ref": "refs/heads/nobody-follows-this"}),
])
def test_what_concerns_nobody_is_ignored_with_a_reason(site, event, options):
    site.daemon.wait_for_state("ok")  # until then any branch might be the default one
    body = push_body(site, **options)
    answer = site.daemon.deliver(body, headers_with(body, X_GitHub_Event=event))
    assert (answer.status, answer.json["status"]) == (200, "ignored")
    assert answer.json["reason"]


def test_an_unknown_repository_is_ignored_with_a_reason(site):
    answer = site.daemon.push("https://forge.example/some/other.git", site.upstream.tip())
    assert (answer.status, answer.json["status"]) == (200, "ignored")
    assert answer.json["reason"]


def test_the_route_of_a_repository_means_it_whatever_the_payload_says(site):
    body = github_push("https://forge.example/some/other.git", site.upstream.tip())
    assert site.daemon.deliver(body, route="github/site").json["repositories"] == ["site"]


# Duplicates

def test_the_same_delivery_again_is_a_duplicate(site):
    commit = site.upstream.commit({"README": "second\n"})
    assert site.daemon.push(site.url, commit, delivery="one").status == 202
    answer = site.daemon.push(site.url, commit, delivery="one")
    assert (answer.status, answer.json) == (200, {"status": "duplicate"})
    site.wait_for(commit)
    assert site.daemon.push(site.url, commit, delivery="one").json == {"status": "duplicate"}


def test_another_body_under_the_same_id_is_no_duplicate(site):
    assert site.daemon.push(site.url, site.upstream.tip(), delivery="one").status == 202
    commit = site.upstream.commit({"README": "second\n"})
    assert site.daemon.push(site.url, commit, delivery="one").status == 202


def test_without_an_id_nothing_is_a_duplicate(site):
    for _ in range(3):
        assert site.daemon.push(site.url, site.upstream.tip()).status == 202


def test_a_redelivery_after_a_failure_counts_again(site, tmp_path):
    site.upstream.path.rename(tmp_path / "away")
    commit = git(tmp_path / "away", "rev-parse", "main")
    assert site.daemon.push(site.url, commit, delivery="one").status == 202
    site.daemon.wait_for_state("failing")
    assert site.daemon.push(site.url, commit, delivery="one").status == 202


# 404: no secret

@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("route", ["github", "github/site", "github/unknown"])
def test_without_a_secret_the_route_is_not_there(follow, method, route):
    daemon = follow(daemon={"secret": None}).daemon
    body = b"{}" if method in ("POST", "PUT", "PATCH") else b""
    answer = daemon.public(method, f"/api/v1/webhooks/{route}", body, github_headers(body, ""))
    unknown = daemon.public(method, "/api/v1/no/such/route", body)
    assert (answer.status, unknown.status) == (404, 404)
    assert answer.body == unknown.body


def test_an_unknown_forge_is_an_unknown_route(site):
    answer = site.daemon.deliver(push_body(site), route="no-such-forge")
    unknown = site.daemon.public("POST", "/api/v1/no/such/route")
    assert (answer.status, answer.body) == (404, unknown.body)


# 401

def test_every_wrong_signature_gets_the_same_401(site):
    body = push_body(site)
    right = signature(body, SECRET)
    wrong = [
        None, "", "sha256=", right.removeprefix("sha256="), right[:-1], right + "0", right + ",",
        "sha256=" + "z" * 64, "sha256=" + "0" * 64, "sha1=" + "0" * 40, "md5=" + right[7:],
        signature(body, OTHER_SECRET), signature(body, ""), signature(body + b" ", SECRET),
    ]
    answers = [site.daemon.deliver(body, headers_with(body, X_Hub_Signature_256=text)) for text in wrong]
    answers.append(site.daemon.deliver(body, route="github/unknown"))  # signed with the right secret
    assert {answer.status for answer in answers} == {401}
    assert len({answer.body for answer in answers}) == 1


def test_the_old_sha1_signature_alone_is_refused(site):
    body = push_body(site)
    headers = headers_with(body, X_Hub_Signature_256=None, X_Hub_Signature="sha1=" + "0" * 40)
    assert site.daemon.deliver(body, headers).status == 401


def test_nothing_is_refreshed_by_a_refused_delivery(site):
    commit = site.upstream.commit({"README": "second\n"})
    before = site.daemon.status()["last_success"]
    body = github_push(site.url, commit)
    assert site.daemon.deliver(body, github_headers(body, OTHER_SECRET)).status == 401
    assert site.daemon.status()["last_success"] == before


# 400, 405, 413, 415, and which of them comes first

@pytest.mark.parametrize("body", [
    b"", b"{", b"[]", b"null", b'"text"', b"{}", b'{"ref":1}', b'{"ref":"refs/heads/main"}', b"\xff\xfe",
    b'{"ref":"refs/heads/main","repository":[]}',
])
def test_an_authentic_body_that_is_no_push_is_invalid(site, body):
    answer = site.daemon.deliver(body)
    assert (answer.status, answer.json["status"]) == (400, "invalid")
    assert answer.json["reason"]


@pytest.mark.parametrize("method", [method for method in METHODS if method != "POST"])
def test_other_methods_are_told_which_one_is_allowed(site, method):
    answer = site.daemon.public(method, ROUTE)
    assert answer.status == 405
    assert answer.headers["Allow"] == "POST"


@pytest.mark.parametrize("media_type", ["application/x-www-form-urlencoded", "text/plain", "text/json5"])
def test_another_media_type_is_refused_before_the_signature_counts(site, media_type):
    body = push_body(site)
    for secret_of_sender in (SECRET, OTHER_SECRET):
        headers = github_headers(body, secret_of_sender) | {"Content-Type": media_type}
        assert site.daemon.deliver(body, headers).status == 415


def test_a_body_over_the_limit_is_refused_before_all_else_but_the_method(follow):
    daemon = follow(daemon={"server": {"max_body": "4KiB"}}).daemon
    body = b" " * 4097
    headers = {"Content-Type": "text/plain", "X-GitHub-Event": "push"}
    assert daemon.deliver(body, headers).status == 413
    assert daemon.public("PUT", ROUTE, body, headers).status == 405
    assert daemon.deliver(body[1:], headers).status == 415


def test_github_s_largest_payload_is_taken(site):
    commit = site.upstream.commit({"README": "second\n"})
    body = github_push(site.url, commit)[:-1] + b', "commits": "' + b"x" * 25_000_000 + b'"}'
    assert site.daemon.deliver(body).status == 202
    site.wait_for(commit)


# Secrets

def test_both_secrets_count_during_a_rotation(follow, tmp_path):
    files = [write_secret(tmp_path / "old", SECRET), write_secret(tmp_path / "new", OTHER_SECRET)]
    site = follow(daemon={"webhook": {"secret_files": files}})
    body = push_body(site)
    for secret in (SECRET, OTHER_SECRET):
        assert site.daemon.deliver(body, github_headers(body, secret)).status == 202
    assert site.daemon.deliver(body, github_headers(body, "a third one")).status == 401


def test_a_rotated_secret_file_counts_without_a_restart(site):
    body = push_body(site)
    write_secret(site.daemon.directory / "secret", OTHER_SECRET)
    assert site.daemon.deliver(body, github_headers(body, SECRET)).status == 401
    assert site.daemon.deliver(body, github_headers(body, OTHER_SECRET)).status == 202


def test_a_repository_with_a_secret_of_its_own_is_reached_by_that_alone(follow, tmp_path):
    site = follow(webhook_secret_files=[write_secret(tmp_path / "own", OTHER_SECRET)])
    body = push_body(site)
    own, general = github_headers(body, OTHER_SECRET), github_headers(body, SECRET)
    assert site.daemon.deliver(body, own, route="github/site").status == 202
    assert site.daemon.deliver(body, general, route="github/site").status == 401
    assert site.daemon.deliver(body, own).status == 401
    assert site.daemon.deliver(body, general).json["status"] == "ignored"


def test_no_secret_is_ever_logged(site):
    body = push_body(site)
    site.daemon.deliver(body)
    site.daemon.deliver(body, headers_with(body, X_Hub_Signature_256="sha256=" + SECRET))
    assert site.daemon.log_text()
    assert SECRET not in site.daemon.log_text()
