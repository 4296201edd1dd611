"""`freshet check --online`: what each upstream says to the credentials that the daemon would show it."""

import json
import shutil
import socket
import subprocess

import pytest

from certificates import make_authority
from daemon import run_freshet, write_secret
from https_upstream import HttpsUpstreams
from processes import free_port
from toml import to_toml

DONE, FAILED, USAGE = 0, 1, 2
TOKEN = "a token that only the upstream and its reader know"


@pytest.fixture
def server(upstream):
    with HttpsUpstreams(upstream.path.parent, password=TOKEN) as server:
        yield server


@pytest.fixture
def token_file(tmp_path):
    return write_secret(tmp_path / "token", TOKEN)


@pytest.fixture
def check(tmp_path):
    """Runs it on these tables; returns the run and, with --json, what was printed as JSON."""
    config = tmp_path / "freshet.toml"

    def check(repositories: list[dict], credentials: list[dict] = (), json_wanted: bool = False, **defaults):
        for number, repository in enumerate(repositories):
            repository.setdefault("name", f"site{number}" if number else "site")
            repository.setdefault("path", str(tmp_path / f"www/{number}"))
        config.write_text(to_toml({"state_dir": str(tmp_path / "state"), "defaults": defaults,
                                   "credential": list(credentials), "repository": repositories}))
        run = run_freshet("check", "--online", "--config", config, *(["--json"] if json_wanted else []))
        assert TOKEN not in run.stdout + run.stderr
        assert not (tmp_path / "state").exists(), "it needs no state directory"
        return (run, json.loads(run.stdout)["online"]) if json_wanted else run

    return check


def credential(server, token_file, **others) -> dict:
    return server.credential | {"token_file": token_file} | others


def line_of(run, name: str = "site") -> str:
    return next(line for line in run.stdout.splitlines() if line.startswith(f"{name}: "))


def test_an_upstream_that_takes_the_token_is_ok_and_says_what_it_has(server, token_file, upstream, check):
    upstream.set_ref("refs/tags/v1", upstream.tip())

    run = check([{"url": server.url(upstream.path), "ref": "v1"}], [credential(server, token_file)])

    assert run.returncode == DONE, run.stdout
    line = line_of(run)
    assert line.startswith("site: ok, default branch refs/heads/main")
    assert f"refs/tags/v1 at {upstream.tip()[:12]}" in line
    assert server.credential["match"] in line and f"token_file {token_file}" in line
    assert "1 upstream: 1 ok, 0 failed" in run.stdout


def test_json_tells_the_same(server, token_file, upstream, check):
    run, online = check([{"url": server.url(upstream.path)}], [credential(server, token_file)],
                        json_wanted=True)
    assert run.returncode == DONE
    assert online["credentials"] == []
    [report] = online["upstreams"]
    assert (report["repository"], report["result"], report["error"]) == ("site", "ok", None)
    assert report["default_branch"] == "refs/heads/main"
    assert [ref["commit"] for ref in report["refs"]] == [upstream.tip()]
    assert report["credentials"] == [{"match": server.credential["match"], "files": {
        "token_file": token_file, "ca_file": server.credential["ca_file"]}}]


def test_a_wrong_token_fails_with_advice_and_names_the_file(server, upstream, check, tmp_path):
    wrong = write_secret(tmp_path / "wrong", "another token")
    run = check([{"url": server.url(upstream.path)}], [credential(server, wrong)])
    assert run.returncode == FAILED
    assert line_of(run).startswith("site: failed (auth): ")
    assert "Files are read again" in run.stdout and f"token_file {wrong}" in run.stdout
    assert "another token" not in run.stdout + run.stderr


def test_no_credential_where_one_is_wanted_says_so(server, upstream, check):
    run = check([{"url": server.url(upstream.path)}], [server.credential])
    assert run.returncode == FAILED
    assert "site: failed (auth)" in run.stdout


def test_each_upstream_is_reported_and_one_failure_is_enough_to_fail(server, token_file, upstream, check):
    run, online = check([{"url": server.url(upstream.path)},
                         {"url": server.url(upstream.path.with_name("nobody.git"))},
                         {"url": server.url(upstream.path), "ref": "refs/heads/nobody"},
                         {"url": server.url(upstream.path), "ref": upstream.tip()},
                         {"url": f"http://127.0.0.1:{free_port()}/site.git"},
                         {"url": str(upstream.path)}],
                        [credential(server, token_file)], json_wanted=True)
    assert run.returncode == FAILED
    errors = {report["repository"]: report["error"] or next(
        (ref["error"] for ref in report["refs"] if ref["error"]), None) for report in online["upstreams"]}
    classes = {name: error and error["class"] for name, error in errors.items()}
    assert classes == {"site": None, "site1": "not_found", "site2": "not_found", "site3": None,
                       "site4": "network", "site5": None}
    assert "refs/heads/nobody" in errors["site2"]["message"]
    assert all(error["advice"] for error in errors.values() if error)


def test_an_authority_that_nobody_knows_fails_with_the_certificate(server, token_file, upstream, check, tmp_path):
    other = make_authority(tmp_path / "other")
    run = check([{"url": server.url(upstream.path)}],
                [credential(server, token_file, ca_file=str(other.ca_file))])
    assert run.returncode == FAILED
    assert "site: failed (network)" in run.stdout
    assert "certificate" in line_of(run)


def test_a_host_that_says_nothing_is_given_up(upstream, check):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        run = check([{"url": f"http://127.0.0.1:{silent.getsockname()[1]}/site.git"}], stall_timeout="1s")
    assert run.returncode == FAILED
    assert "site: failed (timeout)" in run.stdout


def test_it_works_beside_the_daemon_that_holds_the_state(site):
    run = run_freshet("check", "--online", "--config", site.daemon.config)
    assert run.returncode == DONE, run.stdout
    assert "site: ok" in run.stdout


def test_nothing_is_asked_of_upstreams_when_the_file_is_wrong(tmp_path):
    config = tmp_path / "broken.toml"
    config.write_text("state_dir = 1\n")
    run = run_freshet("check", "--online", "--config", config)
    assert run.returncode == USAGE
    assert "upstream" not in run.stdout


# ssh

@pytest.fixture
def ssh_credential(ssh_upstreams):
    return {"match": f"ssh://127.0.0.1:{ssh_upstreams.port}/*",
            "ssh_key_file": str(ssh_upstreams.directory / "user_key"),
            "known_hosts_file": str(ssh_upstreams.directory / "known_hosts")}


def test_an_ssh_upstream_is_ok_with_the_right_files(ssh_upstreams, ssh_credential, upstream, check):
    run = check([{"url": ssh_upstreams.url(upstream.path)}], [ssh_credential])
    assert run.returncode == DONE, run.stdout
    assert ssh_credential["ssh_key_file"] in line_of(run)


def new_key(path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)


def test_another_host_key_fails_and_says_so(ssh_upstreams, ssh_credential, upstream, check, tmp_path):
    new_key(tmp_path / "other")
    hosts = tmp_path / "known_hosts"
    hosts.write_text(f"[127.0.0.1]:{ssh_upstreams.port} {(tmp_path / 'other.pub').read_text()}")
    run = check([{"url": ssh_upstreams.url(upstream.path)}],
                [ssh_credential | {"known_hosts_file": str(hosts)}])
    assert run.returncode == FAILED
    assert "site: failed" in run.stdout
    assert "host key" in line_of(run).lower()
    assert f"known_hosts_file {hosts}" in run.stdout


def test_another_ssh_key_fails_with_auth(ssh_upstreams, ssh_credential, upstream, check, tmp_path):
    new_key(tmp_path / "other")
    run = check([{"url": ssh_upstreams.url(upstream.path)}],
                [ssh_credential | {"ssh_key_file": str(tmp_path / "other")}])
    assert run.returncode == FAILED
    assert "site: failed (auth)" in run.stdout


def test_a_key_that_others_can_read_is_found(ssh_upstreams, ssh_credential, upstream, check, tmp_path):
    key = shutil.copy(ssh_credential["ssh_key_file"], tmp_path / "open_key")
    (tmp_path / "open_key").chmod(0o644)
    run = check([{"url": ssh_upstreams.url(upstream.path)}], [ssh_credential | {"ssh_key_file": str(key)}])
    assert run.returncode == FAILED
    assert f"chmod 600 {key}" in run.stdout


# The files of credentials

def problems_of(check, upstream, **files) -> list[dict]:
    _, online = check([{"url": str(upstream.path)}], [{"match": "https://example.invalid/*"} | files],
                      json_wanted=True)
    return [problem for problem in online["credentials"] if problem["key"]]


def test_files_that_are_missing_empty_or_no_key_are_found(upstream, check, tmp_path):
    (tmp_path / "empty").touch(mode=0o600)
    [missing] = problems_of(check, upstream, token_file=str(tmp_path / "none"))
    assert missing["severity"] == "error" and str(tmp_path / "none") in missing["message"]
    [empty] = problems_of(check, upstream, token_file=str(tmp_path / "empty"))
    assert "empty" in empty["message"]
    [no_key] = problems_of(check, upstream, github_app={
        "app_id": 1, "private_key_file": write_secret(tmp_path / "key", "no key at all")})
    assert (no_key["severity"], no_key["key"]) == ("error", "github_app.private_key_file")
    assert "no key at all" not in no_key["message"]
    [not_given] = problems_of(check, upstream, token_file="credential:token")
    assert "CREDENTIALS_DIRECTORY" in not_given["message"]


def test_a_secret_that_everybody_can_read_is_a_warning(upstream, check, token_file, tmp_path):
    (tmp_path / "token").chmod(0o644)
    [problem] = problems_of(check, upstream, token_file=token_file)
    assert problem["severity"] == "warning"
    assert f"chmod 640 {token_file}" in problem["message"]


def test_a_credential_that_covers_nothing_is_a_warning_and_no_failure(upstream, check, token_file):
    run = check([{"url": str(upstream.path)}], [{"match": "https://example.invalid/*", "token_file": token_file}])
    assert run.returncode == DONE
    assert 'credential "https://example.invalid/*": warning: covers the url of no repository' in run.stdout
