"""Each fault of the gateway truly happens to real git, and is over when it is healed."""

import os
import random
import re
import signal
import subprocess
import urllib.request

import pytest

from faults import FAULTS, FETCH, INFO_REFS, LS_REFS, TLS, Fault
from gateway import Counts, Gateway
from gateway_wire import packet_starts
from http_upstream import HttpUpstreams
from upstream import ISOLATED, Upstream
from waiting import wait_for

PLAIN, SECURE, OTHER = "127.0.0.11", "127.0.0.15", "127.0.0.12"


@pytest.fixture(scope="module")
def upstreams(tmp_path_factory) -> dict[str, Upstream]:
    directory = tmp_path_factory.mktemp("gateway")
    found = {name: Upstream(directory / f"{name}.git") for name in ("site", "other")}
    for upstream in found.values():
        upstream.commit({f"file{number}": random.Random(number).randbytes(3000).hex() for number in range(40)})
    return found


@pytest.fixture(scope="module")
def served(upstreams, tmp_path_factory):
    """The repositories behind a gateway of three hosts."""
    directory = tmp_path_factory.mktemp("served")
    backend = HttpUpstreams(upstreams["site"].path.parent)
    backend.start()
    try:
        with Gateway(f"127.0.0.1:{backend.port}", [PLAIN, OTHER], [SECURE], directory / "certificates",
                     directory) as gateway:
            yield gateway
    finally:
        backend.stop()


@pytest.fixture
def gateway(served):
    served.heal()
    yield served
    served.heal()


class Git:
    def __init__(self, gateway: Gateway, directory):
        self.gateway, self.directory = gateway, directory
        self.environment = ISOLATED | {"GIT_SSL_CAINFO": str(gateway.ca_file), "GIT_TRACE_CURL": "0"}

    def begin(self, *arguments) -> subprocess.Popen:
        return subprocess.Popen(["git", *map(str, arguments)], stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                cwd=self.directory, env=self.environment, start_new_session=True)

    def says(self, *arguments) -> tuple[int, str]:
        process = self.begin(*arguments)
        output = process.communicate(timeout=20)[0]
        return process.returncode, output

    def lists(self, host: str = PLAIN, name: str = "site") -> tuple[int, str]:
        return self.says("ls-remote", self.gateway.url(host, name))

    def clones(self, host: str = PLAIN, name: str = "site") -> tuple[int, str]:
        """Anew each time: a failed clone leaves nothing."""
        status, output = self.says("clone", "--bare", self.gateway.url(host, name), "clone")
        if status == 0:
            assert self.says("-C", "clone", "fsck", "--strict")[0] == 0
            subprocess.run(["rm", "-r", str(self.directory / "clone")], check=True)
        return status, output


@pytest.fixture
def git(gateway, tmp_path):
    return Git(gateway, tmp_path)


# Fault, and what git says of it when it clones.
REFUSALS = [
    (Fault("reset", "request"), "Empty reply from server|Connection reset|Recv failure"),
    (Fault("reset", "head"), "Recv failure|Connection reset|Empty reply"),
    (Fault("reset", "body", part=0.5, requests=(FETCH,)), "RPC failed|early EOF|Recv failure|reset"),
    (Fault("truncate", "close", part=0.5, requests=(FETCH,)), "early EOF|unexpected|invalid index-pack|RPC failed"),
    (Fault("truncate", "length", part=0.5, requests=(FETCH,)), "transfer closed with|RPC failed"),
    (Fault("truncate", "chunks", part=0.5, requests=(FETCH,)), "transfer closed with|RPC failed|chunk"),
    (Fault("truncate", "chunks_ended", part=0.5, requests=(FETCH,)), "early EOF|unexpected|RPC failed"),
    (Fault("truncate", "close", part=0.9, requests=(LS_REFS,)), "disconnect|unexpected|RPC failed|expected"),
    (Fault("truncate", "chunks_ended", part=0.1, requests=(INFO_REFS,)),
     "not valid|invalid|unexpected|not found|expected|repository"),
    (Fault("corrupt", "pack", part=0.6), "inflate|pack is corrupted|bad|mismatch|fatal"),
    (Fault("corrupt", "packet_length", part=0.01), "protocol error|invalid|expected|unexpected|bad line"),
    (Fault("status", status=401), "could not read Username|Authentication failed|terminal prompts"),
    (Fault("status", status=403), "error: 403"),
    (Fault("status", status=404), "not found"),
    (Fault("status", status=410), "error: 410"),
    (Fault("status", status=429, retry_after="3"), "error: 429"),
    (Fault("status", status=500), "error: 500"),
    (Fault("status", status=502), "error: 502"),
    (Fault("status", status=503, retry_after="3"), "error: 503"),
    (Fault("status", status=504, requests=(FETCH,)), "HTTP 504"),
    (Fault("page", "html"), "not valid|is this a git repository"),
    (Fault("page", "html_as_git"), "invalid|bad line|protocol|not valid"),
    (Fault("page", "empty", requests=(LS_REFS,)), "fatal"),
    (Fault("page", "garbage"), "HTTP/0.9|unable to access"),
    (Fault("redirect", "loop"), "redirects"),
    (Fault("redirect", "file"), "(?i)protocol .?file.? .*(not supported|disabled)"),
    (Fault("redirect", "nowhere"), "Failed to connect|Couldn't connect"),
    (Fault("head", "one_line"), "too large|Too large|header|RPC|unable to access"),
    (Fault("head", "many_lines"), "too large|Too large|header|RPC|unable to access"),
]


def harmed(gateway: Gateway, kind: str) -> int:
    return gateway.seen().get("site", Counts()).by_fault.get(kind, 0)


@pytest.mark.parametrize("fault, complaint", REFUSALS, ids=lambda value: str(value) if value else None)
def test_git_fails_as_the_fault_says_and_clones_when_it_is_healed(gateway, git, fault, complaint):
    before = harmed(gateway, fault.kind)
    gateway.harm("site", fault)
    status, output = git.clones()
    assert harmed(gateway, fault.kind) > before
    assert status != 0, output
    assert re.search(complaint, output), output
    assert git.clones(name="other")[0] == 0
    gateway.heal("site")
    assert git.clones() == (0, "Cloning into bare repository 'clone'...\n")


@pytest.mark.parametrize("fault", [
    Fault("stall", "head"), Fault("stall", "body", part=0.3), Fault("slow", seconds=60.0),
    Fault("delay", "request", seconds=600.0), Fault("delay", "answer", seconds=600.0),
], ids=str)
def test_git_waits_for_as_long_as_the_fault_lasts(gateway, git, fault):
    before = harmed(gateway, fault.kind)
    gateway.harm("site", fault)
    clone = git.begin("clone", "--bare", gateway.url(PLAIN, "site"), "clone")
    wait_for(lambda: harmed(gateway, fault.kind) > before, "it is harmed")
    assert git.lists(name="other")[0] == 0
    assert clone.poll() is None
    gateway.heal("site")
    assert clone.wait(30) == 0, clone.stdout.read()


def test_an_answer_that_is_late_is_the_one_of_before(gateway, git, upstreams):
    gateway.harm("site", Fault("stall", "head", requests=(LS_REFS,)))
    before = harmed(gateway, "stall")
    listing = git.begin("ls-remote", gateway.url(PLAIN, "site"))
    wait_for(lambda: harmed(gateway, "stall") > before, "it is harmed")
    commit = upstreams["site"].commit({"new": "file"})
    gateway.heal()
    assert commit not in listing.communicate(timeout=30)[0]
    assert commit in git.lists()[1]


@pytest.mark.parametrize("fault", [
    Fault("corrupt", "body", part=0.0), Fault("corrupt", "body", part=0.7),
    Fault("corrupt", "packet_length", part=0.9), Fault("truncate", "chunks_ended", part=0.5),
], ids=str)
def test_the_bytes_differ_as_the_fault_says(gateway, fault):
    url = gateway.url(PLAIN, "site") + "/info/refs?service=git-upload-pack"
    honest = get(url)
    gateway.harm(PLAIN, fault)
    changed = get(url)
    if fault.kind == "truncate":
        assert changed == honest[:len(honest) // 2]
        return
    bits = [(at, (a ^ b).bit_count()) for at, (a, b) in enumerate(zip(honest, changed)) if a != b]
    assert len(changed) == len(honest) and len(bits) == 1 and bits[0][1] == 1
    if fault.how == "packet_length":
        assert any(start <= bits[0][0] < start + 4 for start in packet_starts(honest))


def get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=60) as answer:
        return answer.read()


TLS_COMPLAINTS = {
    "wrong_name": "does not match|subject name|verification failed",
    "expired": "expired|verification failed",
    "self_signed": "verification failed|self-signed|self signed|signer not trusted",
    "cut": "TLS|SSL|handshake|terminated",
    "plain": "TLS|SSL|unexpected",
}


@pytest.mark.parametrize("how", TLS)
def test_a_host_whose_tls_is_wrong_is_refused_and_the_others_are_well(gateway, git, how):
    gateway.harm(SECURE, Fault("tls", how))
    status, output = git.clones(SECURE)
    assert status != 0 and re.search(TLS_COMPLAINTS[how], output), output
    assert git.clones(PLAIN)[0] == 0
    gateway.heal(SECURE)
    assert git.clones(SECURE)[0] == 0


def test_a_host_refuses_connections_until_it_is_healed(gateway, git):
    for _ in range(2):
        gateway.harm(PLAIN, Fault("refuse"))
    assert re.search("Connection refused|Failed to connect|Couldn't connect", git.clones()[1])
    assert git.clones(OTHER)[0] == 0
    gateway.heal()
    assert git.clones()[0] == 0


def test_a_mute_host_takes_connections_and_says_nothing(gateway, git):
    gateway.harm(PLAIN, Fault("mute"))
    listing = git.begin("-c", "http.lowSpeedLimit=1", "-c", "http.lowSpeedTime=1", "ls-remote",
                        gateway.url(PLAIN, "site"))
    output = listing.communicate(timeout=60)[0]
    assert listing.returncode != 0 and re.search("too slow|timed out", output), output
    gateway.heal()
    assert git.lists()[0] == 0


def test_an_upstream_of_version_0_is_read_all_the_same(gateway, git):
    gateway.harm("site", Fault("version0"))
    process = subprocess.run(["git", "ls-remote", gateway.url(PLAIN, "site")], capture_output=True,
                             text=True, env=git.environment | {"GIT_TRACE_PACKET": "1"}, timeout=60)
    assert process.returncode == 0 and "version 2" not in process.stderr
    assert git.clones()[0] == 0


def test_a_share_of_the_requests_is_harmed(gateway, git):
    gateway.harm("site", Fault("status", status=500, requests=(INFO_REFS,)), share=0.5)
    statuses = [git.lists()[0] for _ in range(30)]
    assert 0 < sum(status != 0 for status in statuses) < 30


def test_a_fault_of_hosts_cannot_befall_a_repository(gateway):
    for target, fault in ("site", Fault("refuse")), (PLAIN, Fault("tls", "cut")):
        with pytest.raises(ValueError):
            gateway.harm(target, fault)


def test_what_a_seed_makes_is_understood_and_the_same_again(gateway, git):
    for kind, make in FAULTS.items():
        for seed in range(20):
            fault = make(random.Random(seed))
            assert fault.kind == kind and fault == make(random.Random(seed))
            gateway.harm(SECURE, fault, share=0)
            gateway.heal(SECURE)
    assert git.clones(SECURE)[0] == 0


def test_it_carries_on_with_the_same_addresses_after_it_was_stopped(gateway, git):
    url = gateway.url(PLAIN, "site")
    gateway.stop()
    assert git.lists()[0] != 0
    gateway.start()
    assert gateway.url(PLAIN, "site") == url and git.lists()[0] == 0


def test_a_client_that_goes_away_while_it_waits_leaves_nothing_open(gateway, git):
    assert git.clones()[0] == 0
    before = descriptors(gateway)
    gateway.harm("site", Fault("stall", "head"))
    for _ in range(5):
        so_far = harmed(gateway, "stall")
        listing = git.begin("ls-remote", gateway.url(PLAIN, "site"))
        wait_for(lambda: harmed(gateway, "stall") > so_far, "it is harmed")
        os.killpg(listing.pid, signal.SIGKILL)
        listing.communicate()
    wait_for(lambda: descriptors(gateway) <= before, "as many descriptors as before")


def descriptors(gateway) -> int:
    return len(os.listdir(f"/proc/{gateway.pid}/fd"))
