"""What other users of the machine, and other programs of freshet's own user, get to see of it: little."""

import os
import resource
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from daemon import BINARY, run_freshet, write_secret
from recorder import Recorder
from toml import to_toml
from upstream import Upstream
from waiting import wait_for

NOBODY = 65534
# For their owner alone: who delivered what, and what was promised.
PRIVATE = ["journal/*", "ledger.sqlite3*", "ssh"]


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_nobody_else_can_write_in_the_state_whatever_the_umask(follow, tmp_path, umask):
    """Nor read what is private there."""
    gate = Recorder(tmp_path / "gate")
    site = follow(start=False, gate=[{"run": gate.run}], on_update=[{"run": ["true"]}])
    site.daemon.start(preexec_fn=lambda: os.umask(umask))
    site.wait_for(site.upstream.tip())
    site.push({"README": "second\n"})
    site.wait_for(site.upstream.tip())
    gate.end_with(1)
    site.push({"README": "refused\n"})
    site.daemon.wait_for_state("failing")
    assert site.daemon.admin("POST", "/api/v1/repositories/site/pause").status == 200
    state = site.daemon.directory / "state"
    found = [state, *state.rglob("*")]
    assert {"announced.1", "ledger.sqlite3", "paused.json"} <= {path.name for path in found}
    assert list(state.glob("gates/*.json")) and list(state.glob("notify/*.json"))
    for path in found:
        if not path.is_symlink():
            assert mode_of(path) & 0o022 == 0, f"{path} can be written by others"
    for pattern in PRIVATE:
        matches = list(state.glob(pattern))
        assert matches or pattern == "ssh"
        for path in matches:
            assert mode_of(path) & 0o077 == 0, f"{path} can be read by others"
    for path in [site.path.parent / ".site.freshet", *(site.path.parent / ".site.freshet").rglob("*")]:
        if not path.is_symlink():
            assert mode_of(path) & 0o022 == 0, f"{path} can be written by others"


def test_commands_get_nothing_of_freshets_own_environment(follow, tmp_path):
    """Neither what it was told of its service manager nor where the credentials are."""
    told = Recorder(tmp_path / "command")
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    write_secret(credentials / "hook", "what a command must not see")
    site = follow(start=False, on_update=[{"run": told.run}], gate=[{"run": told.run}])
    site.daemon.start(env={"CREDENTIALS_DIRECTORY": str(credentials), "FRESHET_SECRET": "hidden",
                           "LISTEN_FDS": "0", "WATCHDOG_USEC": "100000000"})
    for call in told.wait_for_calls(2):
        for name, value in call["environment"].items():
            assert not name.startswith(("CREDENTIALS_", "LISTEN_", "WATCHDOG_")) and name != "FRESHET_SECRET"
            assert str(credentials) not in value and "hidden" not in value


# The process itself

LOOK = """
import pathlib, sys
process = pathlib.Path("/proc", sys.argv[1])
seen = []
for name in ("environ", "mem", "maps", "auxv"):
    try:
        (process / name).open("rb").read(1)
        seen.append(name)
    except OSError as error:
        if name == "mem" and not isinstance(error, PermissionError):
            seen.append(name)
try:
    seen += [str(one) for one in (process / "fd").iterdir()]
except OSError:
    pass
print(" ".join(seen))
"""


@pytest.fixture
def unprivileged():
    """A directory of somebody who is not root, and how to run a program as that user."""
    directory = Path(tempfile.mkdtemp(prefix="freshet-nobody-"))
    program = directory / "freshet"
    shutil.copy(BINARY, program)
    prefix = []
    if os.geteuid() == 0:
        prefix = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
        os.chown(directory, NOBODY, NOBODY)
    yield directory, prefix
    shutil.rmtree(directory)


def serve(directory: Path, prefix: list[str], **options) -> subprocess.Popen:
    """A daemon that follows nothing, once it is up."""
    config = directory / "freshet.toml"
    config.write_text(to_toml({
        "state_dir": str(directory / "state"), "server": {"listen": f"unix:{directory}/public"},
        "admin": {"listen": f"unix:{directory}/admin"}}))
    process = subprocess.Popen([*prefix, str(directory / "freshet"), "serve", "--config", str(config)],
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL, cwd=directory, start_new_session=True, **options)
    wait_for((directory / "admin").exists, "it listens")
    return process


def look(process: int, prefix: list[str]) -> str:
    """What a program of the same user sees of the process."""
    return subprocess.run([*prefix, sys.executable, "-c", LOOK, str(process)], check=True, text=True,
                          capture_output=True).stdout.strip()


def test_other_programs_of_the_same_user_cannot_look_into_it(unprivileged):
    """Such as a gate or a command that an upstream's content has taken over."""
    directory, prefix = unprivileged
    other = subprocess.Popen([*prefix, "cat"], stdin=subprocess.PIPE, start_new_session=True)
    daemon = serve(directory, prefix)
    try:
        wait_for(lambda: Path(f"/proc/{other.pid}/comm").read_text() == "cat\n", "the other one runs")
        assert "environ" in look(other.pid, prefix), "programs of that user can look into each other"
        assert look(daemon.pid, prefix) == ""
    finally:
        for process in (other, daemon):
            process.terminate()
            process.wait()
        other.stdin.close()


def test_no_core_file_of_it_is_left(unprivileged):
    """It would hold every secret that was in use."""
    directory, prefix = unprivileged

    def cores_are_wanted():
        resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    def dumps_core(process: subprocess.Popen) -> bool:
        os.kill(process.pid, signal.SIGABRT)
        _, status = os.waitpid(process.pid, 0)
        process.returncode = -signal.SIGABRT
        assert os.WTERMSIG(status) == signal.SIGABRT
        return os.WCOREDUMP(status)

    cat = subprocess.Popen([*prefix, "cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, cwd=directory,
                           preexec_fn=cores_are_wanted, start_new_session=True)
    wait_for(lambda: Path(f"/proc/{cat.pid}/comm").read_text() == "cat\n", "the other one runs")
    others_do = dumps_core(cat)
    cat.stdin.close()
    daemon = serve(directory, prefix, preexec_fn=cores_are_wanted)
    assert not dumps_core(daemon)
    assert others_do or not list(directory.glob("core*"))


def test_a_place_for_trees_that_others_can_write_to_is_refused(tmp_path):
    """Whoever can write there could exchange the tree, or lead freshet's writing elsewhere."""
    upstream = Upstream(tmp_path / "upstream.git")
    upstream.commit({"README": "first\n"})
    beside = tmp_path / "www/.site.freshet"
    beside.mkdir(parents=True)
    beside.chmod(0o777)
    (beside / "victim").symlink_to(tmp_path / "victim")
    run = run_freshet("mirror", f"file://{upstream.path}", tmp_path / "www/site", "--once")
    assert run.returncode == 1 and str(beside) in run.stderr
    assert not (tmp_path / "www/site").exists() and not (tmp_path / "victim").exists()
    assert [path.name for path in beside.iterdir()] == ["victim"]
