"""docs/troubleshooting.md quotes what the program really says: each symptom is brought about here.

Places, names and figures that differ from machine to machine are put as the document writes them.
"""

import http.server
import os
import re
import shutil
import signal
import subprocess
import threading

import pytest

from certificates import make_authority
from daemon import SECRET, run_freshet, write_secret
from documents import SOURCE
from forge import github_headers, github_push
from processes import free_port
from toml import to_toml
from upstream import Upstream
from waiting import wait_for

DOCUMENT = " ".join((SOURCE / "docs/troubleshooting.md").read_text().split())


def assert_documented(message: str, *places: tuple[str, str]) -> None:
    """`places`: what a message names here, and how the document calls it."""
    for here, there in places:
        assert here in message, f"{here} does not stand in: {message}"
        message = message.replace(here, there)
    assert message in DOCUMENT, f"docs/troubleshooting.md does not say: {message}"


class OddServer(http.server.BaseHTTPRequestHandler):
    """Answers /STATUS/... with that status; /302/... leads to another host."""

    def do_GET(self):
        status = int(self.path.split("/")[1])
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "https://elsewhere.example/acme/docs.git")
        if status == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="git"')
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", "6")
        self.end_headers()
        self.wfile.write(b"<html>")

    do_POST = do_GET

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def odd_server():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", free_port()), OddServer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture
def failure(tmp_path):
    """failure(repository, **tables): what a refresh of it fails with, "CLASS: MESSAGE"."""

    def failure(repository: dict, **tables) -> str:
        settings = {"state_dir": str(tmp_path / "state"),
                    "repository": [{"name": "docs", "path": str(tmp_path / "srv/docs")} | repository]} | tables
        (tmp_path / "freshet.toml").write_text(to_toml(settings))
        run = run_freshet("--config", tmp_path / "freshet.toml", "sync")
        assert run.returncode == 1, run.stdout + run.stderr
        # Before any advice that goes with the class.
        return re.search(r"docs: failed: (.*)", run.stderr).group(1)

    return failure


# What an upstream that answers by HTTP can be

@pytest.mark.parametrize("status, signed_in, error_class", [
    (401, False, "auth"), (401, True, "auth"), (403, True, "auth"), (404, False, "not_found"),
    (404, True, "not_found"), (429, False, "rate_limited"), (500, False, "protocol"), (502, False, "network"),
    (200, False, "protocol"), (302, True, "protocol")])
def test_an_answer_of_a_web_server(status, signed_in, error_class, failure, odd_server, tmp_path):
    url = f"http://{odd_server}/{status}/acme/docs.git"
    tables = {}
    if signed_in:
        token = write_secret(tmp_path / "token", "a-token")
        tables = {"credential": [{"match": url, "token_file": token}]}
    found, _, message = failure({"url": url}, **tables).partition(": ")
    assert found == error_class
    assert_documented(message, *([(odd_server, "HOST"), ("elsewhere.example", "OTHER")] if status == 302 else []))


def test_an_upstream_that_is_away(failure):
    assert_documented(failure({"url": "https://nowhere.invalid/acme/docs.git"}).partition(": ")[2],
                      ("nowhere.invalid", "HOST"))
    port = free_port()
    assert_documented(failure({"url": f"http://127.0.0.1:{port}/acme/docs.git"}).partition(": ")[2],
                      (f"127.0.0.1:{port}", "HOST"))
    assert_documented(failure({"url": f"ssh://git@127.0.0.1:{port}/acme/docs.git"}).partition(": ")[2],
                      ("127.0.0.1", "HOST"), (str(port), "22"))


def test_a_certificate_that_nobody_vouches_for(failure, tmp_path):
    authority = make_authority(tmp_path / "ca")
    port = free_port()
    with subprocess.Popen(["openssl", "s_server", "-quiet", "-accept", f"127.0.0.1:{port}",
                           "-cert", str(authority.chain), "-key", str(authority.key)]) as server:
        try:
            message = wait_for(lambda: (found := failure({"url": f"https://localhost:{port}/acme/docs.git"}))
                               and "refused" not in found and found, "the server listens")
        finally:
            server.terminate()
    assert message.startswith("network: the certificate of ")
    # The document quotes the more usual reason.
    assert_documented(message.partition(": ")[2], (f"localhost:{port}", "HOST"),
                      ("unable to get local issuer certificate", "self-signed certificate"))
    assert "unable to get local issuer certificate" in DOCUMENT


# What a repository, a place or a gate can be

def test_refs_and_repositories_that_are_not_there(failure, upstream, tmp_path):
    assert_documented(failure({"url": str(upstream.path), "ref": "nope"}).partition(": ")[2], ("nope", "NAME"))
    empty = Upstream(tmp_path / "empty.git")
    assert_documented(failure({"url": str(empty.path)}).partition(": ")[2])
    gone = f"{tmp_path}/gone.git"
    assert_documented(failure({"url": gone}).partition(": ")[2], (gone, "/srv/git/docs.git"))


def test_places_that_cannot_be_used(failure, upstream, tmp_path):
    url, srv = str(upstream.path), tmp_path / "srv"
    mirror = str(tmp_path / "state/mirrors/local") + url
    assert_documented(failure({"url": url}, limits={"min_free_disk": "900TiB"}).partition(": ")[2],
                      (mirror, "..."))
    (srv / "docs").mkdir(parents=True)
    (srv / "docs/file").write_text("somebody's\n")
    assert_documented(failure({"url": url}).partition(": ")[2], (f"{srv}/", "/srv/"))
    assert_documented(failure({"url": url, "mode": "in_place"}).partition("; ")[0].partition(": ")[2],
                      (f"{srv}/", "/srv/"))
    shutil.rmtree(srv / "docs")
    assert_documented(failure({"url": url, "group": "no-such-group"}).partition(": ")[2], ("no-such-group", "NAME"))


def test_a_file_in_the_way_of_one_in_place(failure, upstream, tmp_path):
    path = tmp_path / "srv/docs"
    settings = {"state_dir": str(tmp_path / "state"), "repository": [
        {"name": "docs", "url": str(upstream.path), "path": str(path), "mode": "in_place"}]}
    (tmp_path / "first.toml").write_text(to_toml(settings))
    assert run_freshet("--config", tmp_path / "first.toml", "sync").returncode == 0
    (path / "new").write_text("mine\n")
    upstream.commit({"new": "theirs\n"})
    assert_documented(failure({"url": str(upstream.path), "mode": "in_place"}).partition(": ")[2],
                      (f"{path}/", "/srv/docs/"))


def test_gates_that_refuse_and_gates_that_are_not_there(failure, upstream):
    gate = {"run": ["sh", "-c", "echo broken >&2; exit 1"]}
    assert_documented(failure({"url": str(upstream.path), "gate": [gate]}).partition(": ")[2],
                      (upstream.tip()[:12], "COMMIT"), ("sh ended", "nginx ended"), ("broken", "..."))
    assert_documented(failure({"url": str(upstream.path),
                               "gate": [{"run": ["/usr/local/bin/no-such-validate"]}]}).partition(": ")[2],
                      ("no-such-validate", "validate"))


def test_secrets_that_cannot_be_read(failure, upstream):
    message = failure({"url": "https://git.example.org/acme/docs.git"},
                      credential=[{"match": "https://git.example.org/*", "token_file": "/no/such/token"}])
    assert_documented(message.partition(": ")[2], ("/no/such/token", "FILE"))


def test_a_commit_that_must_not_be_written(failure, upstream):
    upstream.commit_tree(f"100644 blob {upstream.blob('x')}\t.GIT\n")
    assert_documented(failure({"url": str(upstream.path)}).partition(": ")[2])


def test_ssh_that_is_not_let_in(failure, ssh_upstreams, upstream, tmp_path):
    url = ssh_upstreams.url(upstream.path)
    known, key = tmp_path / "known_hosts", tmp_path / "key"
    known.write_text("")
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    credential = [{"match": url, "ssh_key_file": str(key), "known_hosts_file": str(known)}]
    assert_documented(failure({"url": url}, credential=credential).partition(": ")[2])
    known.write_text((ssh_upstreams.directory / "known_hosts").read_text())
    message = failure({"url": url}, credential=credential).partition(": ")[2]
    assert_documented(message.partition(": ")[2])  # behind the user and the host
    key.write_bytes((ssh_upstreams.directory / "user_key").read_bytes())
    key.with_suffix(".pub").unlink()
    key.chmod(0o644)
    assert_documented(failure({"url": url}, credential=credential).partition(": ")[2], (str(key), "FILE"))


# Webhooks

def test_deliveries_that_are_refused_or_ignored(site):
    body = github_push(site.url, site.upstream.tip())
    right = github_headers(body, SECRET)
    unknown = github_push("https://github.com/acme/other.git", site.upstream.tip())
    other_ref = github_push(site.url, site.upstream.tip(), ref="refs/heads/other")
    for headers, content in ((right, body), (github_headers(body, "wrong"), body),
                             (github_headers(unknown, SECRET), unknown),
                             (github_headers(other_ref, SECRET), other_ref),
                             (github_headers(body, SECRET, event="issues"), body),
                             ({"Content-Type": "application/json"}, body)):
        answer = site.daemon.deliver(content, headers)
        if answer.status == 401:
            assert_documented(answer.body.decode().strip())
        elif "reason" in answer.json:
            assert_documented(answer.json["reason"])
    form = site.daemon.deliver(body, right | {"Content-Type": "application/x-www-form-urlencoded"})
    missing = site.daemon.public("POST", "/api/v1/webhooks/nothing", body, right)
    large = site.daemon.public("POST", "/api/v1/webhooks/github", b"x" * (27 << 20), right)
    for answer, status in (form, 415), (missing, 404), (large, 413):
        assert answer.status == status
        assert_documented(f"### {status} {answer.json['error']['message']}")
    refused = wait_for(lambda: (reasons := re.findall(r'delivery refused .* reason="([^"]*)"',
                                                      site.daemon.log_text())) and reasons, "the log says why")
    for reason in refused:
        assert_documented(reason)


def test_clients_that_are_not_served_and_clients_that_ask_too_often(make_daemon):
    daemon = make_daemon(server={"trusted_proxies": ["127.0.0.1"], "allow": ["127.0.0.1"]})
    refused = daemon.public("GET", "/healthz", headers={"X-Forwarded-For": "192.0.2.7"})
    assert refused.status == 403
    assert_documented(f"### 403 {refused.json['error']['message']}")
    daemon.settings["server"] = {"listen": daemon.settings["server"]["listen"], "rate_limit": "1/min"}
    daemon.reload()
    answers = [daemon.public("GET", "/healthz") for _ in range(3)]
    assert answers[-1].status == 429
    assert_documented(f"### 429 {answers[-1].json['error']['message']}")


# States

def test_an_upstream_that_lags(site):
    assert site.daemon.push(site.url, "1" * 40).status == 202
    site.daemon.wait_for_state("lagging")
    assert_documented(re.search(r"^lagging +(.*)$", run_freshet(
        "--config", site.daemon.config, "status", "site").stdout, re.MULTILINE).group(1))


def test_an_upstream_that_lost_most_of_its_refs(follow, upstream):
    for number in range(20):
        upstream.set_ref(f"refs/heads/b{number}", upstream.tip())
    site = follow(mirror=True)
    for number in range(15):
        upstream.delete_ref(f"refs/heads/b{number}")
    site.daemon.refresh()
    held = site.daemon.wait_for_state("held")
    assert_documented(held["last_error"]["message"], ("refresh site", "refresh docs"))
    assert "`freshet refresh site --accept-loss`" in held["last_error"]["advice"]


def test_what_status_says_of_submodules_and_lfs(follow, upstream):
    # A submodule's entry, and what Git LFS leaves in a repository.
    attributes = upstream.blob("*.bin filter=lfs diff=lfs merge=lfs -text\n")
    modules = upstream.blob('[submodule "sub"]\n\tpath = sub\n\turl = ../sub.git\n')
    upstream.commit_tree(f"100644 blob {attributes}\t.gitattributes\n100644 blob {modules}\t.gitmodules\n"
                         f"160000 commit {'1' * 40}\tsub\n")
    site = follow()
    shown = run_freshet("--config", site.daemon.config, "status", "site").stdout
    reports = re.findall(r"(a submodule is an empty directory: sub|files of Git LFS are their pointers)", shown)
    assert len(reports) == 2, shown
    for report in reports:
        assert_documented(report)


# The service

def test_a_second_daemon_says_what_is_in_its_way(site, tmp_path):
    second = run_freshet("--config", site.daemon.config, "serve")
    assert second.returncode == 1
    assert_documented(second.stderr.strip().removeprefix("freshet: "),
                      (f"{site.daemon.directory}/state", "/var/lib/freshet"), (str(site.daemon.process.pid), "1234"))
    settings = site.daemon.settings | {"state_dir": str(tmp_path / "other"),
                                       "admin": {"listen": f"127.0.0.1:{free_port()}"}}
    (tmp_path / "other.toml").write_text(to_toml(settings))
    taken = run_freshet("--config", tmp_path / "other.toml", "serve")
    assert taken.returncode == 1
    assert_documented(taken.stderr.strip().removeprefix("freshet: "), (str(site.daemon.public_port), "8480"))


def test_commands_that_find_no_daemon(site, tmp_path):
    settings = site.daemon.settings | {"admin": {"listen": f"127.0.0.1:{free_port()}"}}
    (tmp_path / "other.toml").write_text(to_toml(settings))
    away = run_freshet("--config", tmp_path / "other.toml", "status")
    assert away.returncode == 3
    assert_documented(away.stderr.splitlines()[0].removeprefix("freshet: "),
                      (settings["admin"]["listen"], "127.0.0.1:8481"))


def test_a_name_that_the_admin_side_does_not_know(site):
    refused = site.daemon.admin("GET", "/api/v1/repositories", headers={"Host": "freshet.example.org"})
    assert refused.status == 403
    assert_documented(refused.json["error"]["message"])


def test_settings_that_a_reload_does_not_take(site):
    address = site.daemon.settings["server"]["listen"]
    site.daemon.settings["server"]["listen"] = f"127.0.0.1:{free_port()}"
    site.daemon.reload()
    assert_documented(re.search(r'problem="([^"]*server\.listen[^"]*)"', site.daemon.log_text()).group(1))
    site.daemon.settings["server"] = {"listne": address}
    site.daemon.write_config()
    site.daemon.process.send_signal(signal.SIGHUP)

    def said():
        shown = run_freshet("--config", site.daemon.config, "status").stdout
        return re.search(r"^(\S+ could not be reloaded )\S+(; the old configuration .*)$", shown, re.MULTILINE)
    found = wait_for(said, "status says that the file was not taken")
    assert_documented("...".join(found.groups()), (str(site.daemon.config), "/etc/freshet/freshet.toml"))


def test_a_misspelt_setting(tmp_path):
    (tmp_path / "freshet.toml").write_text('state_dir = "/var/lib/freshet"\n\n\n\n\n[server]\nlistne = "127.0.0.1:1"\n')
    run = run_freshet("--config", tmp_path / "freshet.toml", "check")
    assert run.returncode == 2
    assert_documented(run.stdout.splitlines()[0], (str(tmp_path), "/etc/freshet"))


@pytest.mark.skipif(os.getuid() != 0, reason="needs to be root to mount")
def test_a_place_that_is_read_only_or_full(failure, upstream, tmp_path):
    place = tmp_path / "www"
    place.mkdir()

    def mounted(*options):
        return subprocess.run(["mount", "-t", "tmpfs", *options, "none", str(place)], capture_output=True)
    if mounted("-o", "ro").returncode:
        pytest.skip("needs to be allowed to mount")
    repository = {"url": str(upstream.path), "path": f"{place}/docs"}
    try:
        assert_documented(failure(repository).partition(": ")[2], (str(place), "/var/www"))
    finally:
        subprocess.run(["umount", str(place)], check=True)
    assert mounted("-o", "size=8k").returncode == 0
    try:
        message = failure(repository).partition(": ")[2]
        assert_documented(re.sub(r"cannot write \S+:", "cannot write FILE:", message))
    finally:
        subprocess.run(["umount", str(place)], check=True)
