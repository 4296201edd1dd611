"""Each fault of the gateway truly happens to real git, and is over when it is healed."""

import random
import re
import subprocess

import pytest

from faults import FAULTS, FETCH, INFO_REFS, LS_REFS, Fault
from gateway import Gateway
from http_upstream import HttpUpstreams
from upstream import ISOLATED, Upstream
from waiting import wait_for

PLAIN, SECURE, OTHER = "127.0.0.11", "127.0.0.15", "127.0.0.12"


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """Two repositories, `site` and `other`, behind a gateway of three hosts."""
    directory = tmp_path_factory.mktemp("gateway")
    for name in "site", "other":
        upstream = Upstream(directory / f"upstreams/{name}.git")
        upstream.commit({f"file{number}": random.Random(number).randbytes(3000).hex() for number in range(40)})
    backend = HttpUpstreams(directory / "upstreams")
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
                                cwd=self.directory, env=self.environment)

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
    (Fault("page", "empty", requests=(LS_REFS,)), "fatal|empty repository"),
    (Fault("page", "garbage"), "HTTP/0.9|unable to access"),
    (Fault("redirect", "loop"), "redirects"),
    (Fault("redirect", "file"), "(?i)protocol .?file.? .*(not supported|disabled)"),
    (Fault("redirect", "nowhere"), "Failed to connect|Couldn't connect"),
    (Fault("head", "one_line"), "too large|Too large|header|RPC|unable to access"),
    (Fault("head", "many_lines"), "too large|Too large|header|RPC|unable to access"),
]


@pytest.mark.parametrize("fault, complaint", REFUSALS, ids=lambda value: str(value) if value else None)
def test_git_fails_as_the_fault_says_and_clones_when_it_is_healed(gateway, git, fault, complaint):
    before = gateway.seen().get("site")
    gateway.harm("site", fault)
    status, output = git.clones()
    harmed = gateway.seen()["site"].by_fault[fault.kind] - (before.by_fault.get(fault.kind, 0) if before else 0)
    assert harmed > 0
    if not (fault.how == "empty" and "empty repository" in output):
        assert status != 0, output
    assert re.search(complaint, output), output
    assert git.clones(name="other")[0] == 0
    gateway.heal("site")
    assert git.clones() == (0, "Cloning into bare repository 'clone'...\n")
