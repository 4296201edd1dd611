"""Every forge's deliveries, with their real signatures, lead to what its refs are now."""

import pytest

from daemon import write_secret
from forge import NO_COMMIT
from senders import MATCH, SENDERS, Change, recorded
from upstream import git
from waiting import wait_for

BY_NAME = {sender.name: sender for sender in SENDERS}
EVERY_SENDER = pytest.mark.parametrize("sender", SENDERS, ids=str)
FOLLOWED = {"match": MATCH, "refs": ["refs/heads/*", "refs/tags/*"]}


@pytest.fixture
def site(follow, sender):
    """Follows all branches and tags of the upstream, with the sender's secret."""
    return follow(daemon={"secret": sender.secret}, **FOLLOWED)


def send(site, sender, *changes: Change) -> list:
    answers = [site.daemon.deliver(body, headers, route=sender.route)
               for headers, body in sender.deliveries(*changes)]
    assert {answer.status for answer in answers} == {202}, [answer.body for answer in answers]
    return answers


def mirror_ref(site, ref: str) -> str:
    [mirror] = (site.daemon.directory / "state/mirrors").rglob("*.git")
    return git(mirror, "rev-parse", "-q", "--verify", ref, check=False)


def wait_for_ref(site, ref: str, commit: str) -> None:
    wait_for(lambda: mirror_ref(site, ref) == commit, f"{ref} of the mirror is {commit or 'gone'}")


@EVERY_SENDER
def test_a_push_is_published(site, sender):
    before = site.upstream.tip()
    after = site.upstream.commit({"README": "second\n"})
    [answer] = send(site, sender, Change("refs/heads/main", before, after))
    assert answer.json["repositories"] == ["site"]
    site.wait_for(after)


@EVERY_SENDER
def test_a_forge_s_test_which_names_the_present_commit_twice_finds_nothing_new(site, sender):
    tip = site.upstream.tip()
    send(site, sender, Change("refs/heads/main", tip, tip))
    wait_for(lambda: (rows := site.daemon.admin("GET", "/api/v1/deliveries").json["deliveries"])
             and rows[0]["result"] not in (None, "waiting"), "the delivery has a result")
    assert site.daemon.admin("GET", "/api/v1/deliveries").json["deliveries"][0]["result"] == "unchanged"
    assert site.daemon.status()["state"] == "ok"


@EVERY_SENDER
def test_a_tag_comes_and_goes(site, sender):
    tip = site.upstream.tip()
    site.upstream.set_ref("refs/tags/v1", tip)
    send(site, sender, Change("refs/tags/v1", NO_COMMIT, tip))
    wait_for_ref(site, "refs/tags/v1", tip)
    site.upstream.delete_ref("refs/tags/v1")
    send(site, sender, Change("refs/tags/v1", tip, NO_COMMIT))
    wait_for_ref(site, "refs/tags/v1", "")


@EVERY_SENDER
def test_several_refs_of_one_push_all_arrive(site, sender):
    before = site.upstream.tip()
    site.upstream.set_ref("refs/heads/old", before)
    send(site, sender, Change("refs/heads/old", NO_COMMIT, before))
    wait_for_ref(site, "refs/heads/old", before)
    topic = site.upstream.commit({"README": "topic\n"}, branch="topic", parent=before)
    after = site.upstream.commit({"README": "second\n"})
    site.upstream.set_ref("refs/tags/v1", after)
    site.upstream.delete_ref("refs/heads/old")
    send(site, sender, Change("refs/heads/topic", NO_COMMIT, topic),
         Change("refs/tags/v1", NO_COMMIT, after), Change("refs/heads/old", before, NO_COMMIT),
         Change("refs/heads/main", before, after))
    site.wait_for(after)
    for ref, commit in [("refs/heads/topic", topic), ("refs/tags/v1", after), ("refs/heads/old", "")]:
        wait_for_ref(site, ref, commit)


@EVERY_SENDER
def test_what_is_not_signed_right_is_refused_and_changes_nothing(site, sender):
    other_secret = "whsec_" + "b3RoZXI=" * 4 if sender.secret.startswith("whsec_") else "another"
    [event, payload] = sender.payloads([Change("refs/heads/main", NO_COMMIT, site.upstream.tip())])[0]
    right = sender.delivery(event, payload)
    wrong = sender.delivery(event, payload, secret=other_secret)
    signature_headers = set(sender.sign(b"", sender.secret))
    unsigned = {name: value for name, value in right.headers.items() if name not in signature_headers}
    empty = right.headers | {name: "" for name in signature_headers}
    malformed = right.headers | {name: value[:-1] for name, value in right.headers.items()
                                 if name in signature_headers}
    requests = [(headers, right.body) for headers in (wrong.headers, unsigned, empty, malformed)]
    if "X-Gitlab-Token" not in signature_headers:
        requests.append((right.headers, right.body + b" "))
    answers = [site.daemon.deliver(body, headers, route=sender.route) for headers, body in requests]
    assert {(answer.status, answer.body) for answer in answers} == {(401, b'{"status":"unauthorized"}')}
    assert site.daemon.deliver(right.body, right.headers, route=sender.route).status == 202


@pytest.mark.parametrize("name, event, payload", [
    ("github", "ping", "github_ping"),
    ("bitbucket-data-center", "diagnostics:ping", "bitbucket_ping"),
])
def test_pings_are_answered(follow, name, event, payload):
    sender = BY_NAME[name]
    site = follow(daemon={"secret": sender.secret})
    headers, body = sender.delivery(event, recorded(payload))
    answer = site.daemon.deliver(body, headers, route=sender.route)
    assert (answer.status, answer.json) == (200, {"status": "pong"})


@pytest.mark.parametrize("name, event, payload", [
    ("github", "issues", "github_ping"),
    ("gitea", "issue_comment", "gitea_push"),
    ("gitlab-token", "Pipeline Hook", "gitlab_push"),
    ("bitbucket-cloud", "pullrequest:created", "bitbucket_repo_push"),
    ("gitlab-token", "Merge Request Hook", "gitlab_merge_request"),
])
def test_events_that_concern_nobody_are_answered_200(follow, name, event, payload):
    sender = BY_NAME[name]
    site = follow(daemon={"secret": sender.secret}, match=MATCH)
    headers, body = sender.delivery(event, recorded(payload))
    answer = site.daemon.deliver(body, headers, route=sender.route)
    assert (answer.status, answer.json["status"]) == (200, "ignored")
    assert answer.json["reason"]


@pytest.mark.parametrize("name, event, payload, host", [
    ("github", "repository", "github_repository_renamed", "github.com"),
    ("gitlab-token", "System Hook", "gitlab_project_rename", "gitlab.example.com"),
    ("bitbucket-cloud", "repo:updated", "bitbucket_repo_updated", "bitbucket.org"),
])
def test_a_renamed_repository_is_found_by_its_new_name_from_then_on(follow, name, event, payload, host):
    sender = BY_NAME[name]
    site = follow(daemon={"secret": sender.secret}, match=[f"{host}/acme/manual"])
    after = site.upstream.commit({"README": "second\n"})
    [push] = sender.deliveries(Change("refs/heads/main", NO_COMMIT, after))
    ignored = site.daemon.deliver(push.body, push.headers, route=sender.route)
    assert ignored.json["status"] == "ignored"
    renamed = sender.delivery(event, recorded(payload))
    assert site.daemon.deliver(renamed.body, renamed.headers, route=sender.route).status == 202
    site.wait_for(after)
    assert site.daemon.deliver(push.body, push.headers, route=sender.route).status == 202


@EVERY_SENDER
def test_the_same_delivery_again_is_a_duplicate_where_there_is_an_id(site, sender):
    after = site.upstream.commit({"README": "second\n"})
    [delivery] = sender.deliveries(Change("refs/heads/main", NO_COMMIT, after))
    first = site.daemon.deliver(delivery.body, delivery.headers, route=sender.route)
    assert first.status == 202
    site.wait_for(after)
    again = site.daemon.deliver(delivery.body, delivery.headers, route=sender.route)
    has_id = first.json["delivery"] in delivery.headers.values()  # else it is one of our own
    assert again.json["status"] == ("duplicate" if has_id else "accepted")


@EVERY_SENDER
def test_nothing_that_signs_a_delivery_is_kept(site, sender):
    """The ledger can run a delivery again, and needs no header of it for that."""
    after = site.upstream.commit({"README": "second\n"})
    [(event, payload)] = sender.payloads([Change("refs/heads/main", NO_COMMIT, after)])
    right = sender.delivery(event, payload | {"token": "a field that nobody reads"})
    wrong = right.headers | {name: value[:-6] + "AAAAAA" for name, value in right.headers.items()
                             if "ignature" in name or "Token" in name}
    assert site.daemon.deliver(right.body, right.headers, route=sender.route).status == 202
    site.wait_for(after)
    assert site.daemon.deliver(right.body, wrong, route=sender.route).status == 401
    wait_for(lambda: len(site.daemon.admin("GET", "/api/v1/deliveries").json["deliveries"]) == 2, "both are listed")
    site.daemon.stop()
    proofs = {value for headers in (right.headers, wrong) for name, value in headers.items()
              if "ignature" in name or "Token" in name}
    proofs |= {proof.removeprefix("sha256=").removeprefix("v1,") for proof in proofs} | {sender.secret}
    places = [site.daemon.log, *(file for file in (site.daemon.directory / "state").rglob("*") if file.is_file())]
    assert any(file.name == "ledger.sqlite3" for file in places)
    for file in places:
        content = file.read_bytes().decode("latin-1")
        told = [proof for proof in (*proofs, "a field that nobody reads") if proof in content]
        assert not told, f"{file} holds it"


@pytest.mark.parametrize("sender", [BY_NAME["gitlab-token"], BY_NAME["bitbucket-cloud"],
                                    BY_NAME["generic"]], ids=str)
def test_secrets_are_rotated_by_their_files_alone(site, sender):
    old, new = sender.secret, "the secret that comes after it"
    [event, payload] = sender.payloads([Change("refs/heads/main", NO_COMMIT, site.upstream.tip())])[0]

    def status_with(secret: str) -> int:
        delivery = sender.delivery(event, payload, secret=secret)
        return site.daemon.deliver(delivery.body, delivery.headers, route=sender.route).status

    assert (status_with(old), status_with(new)) == (202, 401)
    write_secret(site.daemon.directory / "secret", new)
    assert (status_with(old), status_with(new)) == (401, 202)


@pytest.mark.parametrize("sender", [BY_NAME["gitlab-token"], BY_NAME["bitbucket-cloud"],
                                    BY_NAME["generic"]], ids=str)
def test_a_repository_s_own_route_takes_its_own_secrets_alone(follow, tmp_path, sender):
    own = "a secret of this one repository"
    site = follow(daemon={"secret": sender.secret}, match=MATCH,
                  webhook_secret_files=[write_secret(tmp_path / "own", own)])
    [event, payload] = sender.payloads([Change("refs/heads/main", NO_COMMIT, site.upstream.tip())])[0]

    def answer(secret: str, name: str = ""):
        delivery = sender.delivery(event, payload, secret=secret)
        return site.daemon.deliver(delivery.body, delivery.headers, route=sender.route + name)

    assert answer(own, "/site").json["repositories"] == ["site"]
    assert answer(sender.secret).json["status"] == "ignored"
    refused = [answer(own), answer(sender.secret, "/site"), answer(own, "/nobody"),
               answer(sender.secret, "/nobody")]
    assert {(one.status, one.body) for one in refused} == {(401, b'{"status":"unauthorized"}')}


def test_where_only_one_repository_has_secrets_every_name_is_refused_alike(follow, tmp_path):
    sender = BY_NAME["github"]
    own = "a secret of this one repository"
    site = follow(daemon={"secret": None}, webhook_secret_files=[write_secret(tmp_path / "own", own)])
    delivery = sender.delivery("push", recorded("github_push"), secret="guessed")
    answers = [site.daemon.deliver(delivery.body, delivery.headers, route=f"github/{name}")
               for name in ("site", "nobody")]
    assert {(one.status, one.body) for one in answers} == {(401, b'{"status":"unauthorized"}')}
    assert site.daemon.deliver(delivery.body, delivery.headers).status == 404


def test_a_generic_sender_may_use_the_name_from_the_configuration(follow):
    sender = BY_NAME["generic"]
    site = follow(daemon={"secret": sender.secret})
    after = site.upstream.commit({"README": "second\n"})
    for payload in ({"repository": "site", "ref": "main", "commit": after}, {"repository": "site"},
                    {"repository": str(site.upstream.path), "ref": "refs/heads/main"}):
        delivery = sender.delivery(None, payload)
        answer = site.daemon.deliver(delivery.body, delivery.headers, route="generic")
        assert (answer.status, answer.json["repositories"]) == (202, ["site"])
    site.wait_for(after)


def test_merge_requests_count_for_who_follows_their_refs(follow):
    sender = BY_NAME["gitlab-token"]
    site = follow(daemon={"secret": sender.secret}, match=MATCH,
                  refs=["refs/heads/main", "refs/merge-requests/*"])
    request = site.upstream.commit({"README": "proposed\n"}, branch="topic", parent=site.upstream.tip())
    site.upstream.set_ref("refs/merge-requests/7/head", request)
    payload = recorded("gitlab_merge_request")
    payload["object_attributes"] |= {"oldrev": NO_COMMIT, "last_commit": {"id": request}}
    headers, body = sender.delivery("Merge Request Hook", payload)
    assert site.daemon.deliver(body, headers, route="gitlab").status == 202
    wait_for_ref(site, "refs/merge-requests/7/head", request)
