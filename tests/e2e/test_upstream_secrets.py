"""A token is seen by the upstream that it is for, and by nobody else."""

import base64
from pathlib import Path

import pytest

from daemon import run_freshet
from lies import trickle, version_0
from lying_server import FETCH
from lying_site import RECOVERS_WITHIN, SHOWS_WITHIN, large_file, make_lying_site, secured  # noqa: F401
from waiting import wait_for


def spellings(server) -> set[str]:
    """The token as it is, and as the server got it."""
    sent = {request.headers["authorization"].split(" ", 1)[1]
            for request in server.requests if "authorization" in request.headers}
    return {server.password, base64.b64encode(server.password.encode()).decode()} | sent


def assert_nobody_is_told(daemon, secrets: set[str]) -> None:
    told = {"log": daemon.log_text()}
    for route in ("/api/v1/repositories", "/api/v1/repositories/site", "/metrics"):
        told[route] = daemon.admin("GET", route).body.decode()
    told["/readyz"] = daemon.public("GET", "/readyz").body.decode()
    for command in (["status"], ["status", "site"], ["status", "--json"]):
        run = run_freshet(*command, "--config", daemon.config)
        told[" ".join(command)] = run.stdout + run.stderr
    trees = [Path(repository["path"]).parent for repository in daemon.settings["repository"]]
    for place in {daemon.directory / "state", *trees}:  # and the .git of each published tree
        for file in place.rglob("*"):
            if file.is_file():
                told[str(file)] = file.read_bytes().decode("latin-1")
    for place, text in told.items():
        assert not [secret for secret in secrets if secret in text], f"{place} tells it"


def command_lines() -> str:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode("latin-1"))
        except OSError:
            pass  # it ended while we looked
    return "\n".join(found)


@pytest.mark.parametrize("version", [2, 0])
def test_a_token_is_in_no_log_status_file_or_process_list(make_lying_site, secured, upstream, version):
    server, _, credential = secured
    if version == 0:
        server.lie(version_0)
    made = make_lying_site(server, credentials=[credential], tables={"log": {"level": "debug"}})
    server.lie(trickle(0.5), FETCH)
    fetches = server.count(FETCH)
    second = upstream.commit({"large": large_file(1)})
    wait_for(lambda: server.count(FETCH) > fetches, "a slow fetch has begun")
    secrets = spellings(server)
    assert len(secrets) >= 2, "the server was shown the token"

    for _ in range(20):
        lines = command_lines()
        assert "serve --config" in lines
        assert not [secret for secret in secrets if secret in lines]
    assert_nobody_is_told(made.daemon, secrets)

    made.daemon.wait_for_state("failing", timeout=SHOWS_WITHIN)
    assert_nobody_is_told(made.daemon, secrets)

    server.behave()
    server.password, password = "another one", server.password
    wait_for(lambda: (made.daemon.status()["last_error"] or {}).get("class") == "auth",
             "the other password is not taken", RECOVERS_WITHIN)
    assert_nobody_is_told(made.daemon, secrets)

    server.password = password
    if version == 0:
        server.lie(version_0)
    made.site.wait_for_recovery(second)
    assert_nobody_is_told(made.daemon, secrets)


def test_a_token_is_shown_to_the_upstreams_it_is_for_and_to_no_other(make_lying_site, secured, upstream):
    server, _, credential = secured
    made = make_lying_site(server, credentials=[credential])
    made.assert_the_other_is_unharmed()
    assert made.healthy.server.count() > 0
    for request in made.healthy.server.requests:
        assert "authorization" not in request.headers


def test_a_credential_for_a_longer_address_is_not_used_for_a_shorter_one(
        make_lying_site, secured, upstream):
    server, authority, credential = secured
    other = {"match": f"{server.url()}/private/*", "token_file": credential["token_file"]}
    made = make_lying_site(server, first=False,
                           credentials=[other, {"match": f"{server.url()}/*",
                                                "ca_file": str(authority.ca_file)}])
    made.site.wait_for_failure({"auth"})
    assert all("authorization" not in request.headers for request in server.requests)
