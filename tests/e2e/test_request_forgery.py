"""A payload says where to look among what is configured. What is contacted it never chooses."""

import json
import re
import socket
import subprocess
import sys
import threading

import pytest

import redirecting_upstream
from forge import NO_COMMIT
from senders import SENDERS, Change, recorded
from upstream import Upstream, git
from waiting import wait_for

BY_NAME = {sender.name: sender for sender in SENDERS}
ADDRESS = re.compile(r"([a-z][a-z0-9+.-]*:)?//|[\w.-]+@[\w.-]+:", re.IGNORECASE)
NAME = "acme/docs"
FORMS = ["http://{place}/" + NAME + ".git", "https://{place}/" + NAME, "git://{place}/" + NAME,
         "ssh://git@{place}/" + NAME, "http://user:word@{place}/" + NAME + ".git?a=b#c", "//{place}/" + NAME,
         "http://[::ffff:127.0.0.1]:{port}/" + NAME, "ftp://{place}/" + NAME, "gopher://{place}/" + NAME]
RENAMES = [("github", "repository", "github_repository_renamed", "github.com"),
           ("gitlab-token", "System Hook", "gitlab_project_rename", "gitlab.example.com")]


class Trap:
    """Something in the network that nobody may contact: counts who does."""

    def __init__(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.place = f"127.0.0.1:{self.port}"
        self.connections = 0
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            connection.close()

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()


@pytest.fixture
def trap():
    trap = Trap()
    yield trap
    trap.close()


def leading_to(value, address: str):
    """The same payload with every address in it replaced."""
    if isinstance(value, dict):
        return {key: leading_to(one, address) for key, one in value.items()}
    if isinstance(value, list):
        return [leading_to(one, address) for one in value]
    return address if isinstance(value, str) and ADDRESS.match(value) else value


def follow_all(follow, sender, **settings):
    return follow(daemon={"secret": sender.secret}, refs=["refs/heads/*"], **settings)


def deliver(site, sender, event, payload, route: str = ""):
    delivery = sender.delivery(event, payload)
    return site.daemon.deliver(delivery.body, delivery.headers, route=sender.route + route)


def test_the_trap_sees_who_is_sent_there(make_daemon, trap):
    make_daemon({"name": "site", "url": f"http://{trap.place}/acme/docs.git", "mirror": True})
    wait_for(lambda: trap.connections > 0, "a configured upstream is contacted")


@pytest.mark.parametrize("sender", SENDERS, ids=str)
def test_no_address_in_any_payload_is_contacted(follow, trap, sender):
    """Neither where they name a repository that is followed, nor where the route does."""
    site = follow_all(follow, sender, match=[f"127.0.0.1/{NAME}"])
    accepted = 0
    for form in FORMS:
        address = form.format(place=trap.place, port=trap.port)
        for route in ("", "/site"):
            after = site.upstream.commit({"README": f"{form} {route}\n"})
            [(event, payload)] = sender.payloads([Change("refs/heads/main", NO_COMMIT, after)])
            answer = deliver(site, sender, event, leading_to(payload, address), route)
            assert answer.status in (200, 202), answer.body
            if answer.status == 202:
                accepted += 1
                site.wait_for(after)
            else:
                assert route == "", "a route that names it means it whatever the payload says"
    assert accepted > len(FORMS), "addresses in payloads were understood"
    assert trap.connections == 0


@pytest.mark.parametrize("name, event, payload, host", RENAMES)
def test_a_new_name_of_an_upstream_is_a_name_and_not_an_address(follow, trap, name, event, payload, host):
    """Also after a restart, when what was learnt is read again."""
    sender = BY_NAME[name]
    site = follow_all(follow, sender, match=[f"{host}/acme/manual"])
    address = f"http://user:word@{trap.place}/acme/handbook.git"
    renamed = leading_to(recorded(payload), address)
    assert deliver(site, sender, event, renamed).status == 202
    after = site.upstream.commit({"README": "second\n"})
    assert site.daemon.refresh().status == 200
    site.wait_for(after)
    site.daemon.stop()
    kept = site.daemon.directory / "state/renamed.json"
    assert not kept.exists() or "word" not in kept.read_text()
    after = site.upstream.commit({"README": "third\n"})
    site.daemon.start()
    site.wait_for(after)
    assert trap.connections == 0


@pytest.mark.parametrize("sender", SENDERS, ids=str)
def test_no_path_in_any_payload_is_read(follow, tmp_path, sender):
    """A repository on this machine, perhaps one that only freshet's user may read."""
    site = follow_all(follow, sender)
    private = Upstream(tmp_path / "private.git")
    hidden = private.commit({"hidden": "nobody's business\n"})
    for address in (f"file://{private.path}", str(private.path)):
        after = site.upstream.commit({"README": f"{address}\n"})
        [(event, payload)] = sender.payloads([Change("refs/heads/main", NO_COMMIT, hidden)])
        assert deliver(site, sender, event, leading_to(payload, address), "/site").status == 202
        site.wait_for(after)
    [mirror] = (site.daemon.directory / "state/mirrors").rglob("*.git")
    assert git(mirror, "cat-file", "-t", hidden, check=False) == ""
    assert not (site.path / "hidden").exists()


# Redirects

OTHER_NETWORK = ["unshare", "--user", "--map-root-user", "--net"]


@pytest.mark.skipif(subprocess.run([*OTHER_NETWORK, "true"], capture_output=True).returncode != 0,
                    reason="this machine lets nobody make a network of its own")
def test_an_upstream_of_the_internet_redirects_to_no_address_of_this_network(upstream):
    """Where services stand that only this machine can reach, and clouds answer with credentials."""
    run = subprocess.run([*OTHER_NETWORK, sys.executable, redirecting_upstream.__file__, upstream.path.parent],
                         text=True, capture_output=True, timeout=300)
    assert run.returncode == 0, run.stderr
    results = [json.loads(line) for line in run.stdout.splitlines()]
    assert len(results) == len(redirecting_upstream.CASES)
    for result in results:
        leads_inside = (result["upstream"] == redirecting_upstream.PUBLIC
                        and result["target"] in redirecting_upstream.INTERNAL)
        assert result["published"] == (not leads_inside), result
        if leads_inside:
            assert result["status"] == 1 and result["asked"] == 0, result
            assert "redirects to " + result["target"] in result["said"]
        else:
            assert result["asked"] > 0, result
