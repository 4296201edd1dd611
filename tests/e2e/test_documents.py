"""The documents say what is so: configurations are valid, commands exist, marked blocks do what they say."""

import os
import re
import shlex
import stat
import subprocess
from functools import lru_cache
from pathlib import Path

import pytest

from certificates import make_authority
from daemon import BINARY, SECRET, run_freshet, wait_for_commit, write_secret
from documents import DOCUMENTS, SOURCE, all_blocks, blocks_of, marked, marks
from published import published_commit
from toml import to_toml
from upstream import ISOLATED, git

STARTER = SOURCE / "packaging/debian/freshet.toml"
RUN_HERE = {("run", name) for name in (
    "safe-directory", "webhook-secret", "generic", "post-receive", "mirror-once", "from-git-sync",
    "look-at-clone", "from-clone")}
RUN_BEHIND_WEB_SERVERS = {("nginx", "public"), ("nginx", "socket"), ("nginx", "admin"),
                          ("caddy", "public"), ("caddy", "admin")}


def test_every_mark_has_a_test():
    assert marks() == RUN_HERE | RUN_BEHIND_WEB_SERVERS | {("config", "first")}


# Configurations

def with_files(text: str, etc: Path) -> str:
    """The files that a configuration names below /etc/freshet, or as credentials, exist in `etc`; the
    certificate and a GitHub App's key are real ones."""
    etc.mkdir()
    place = r'"(?:/etc/freshet/|credential:)([\w.-]+)"'
    for name in set(re.findall(place, text)):
        write_secret(etc / name, SECRET)
    for name in set(re.findall(f"private_key_file = {place}", text)):
        subprocess.run(["openssl", "genrsa", "-out", etc / name, "2048"], check=True, capture_output=True)
    pair = [re.search(f"^{setting} *= *{place}", text, re.MULTILINE) for setting in ("tls_cert", "tls_key")]
    if all(pair):
        authority = make_authority(etc.parent / "ca")
        for found, made in zip(pair, (authority.chain, authority.key)):
            (etc / found.group(1)).write_bytes(made.read_bytes())
    return text.replace("/etc/freshet/", f"{etc}/")


@pytest.mark.parametrize("block", all_blocks("toml"), ids=str)
def test_a_configuration_is_valid(block, tmp_path):
    etc = tmp_path / "etc"
    text = with_files(block.text, etc)
    if "[[repository." in text and "[[repository]]" not in text:
        text = f'[[repository]]\nurl = "https://example.org/a/b"\npath = "{tmp_path}/b"\n{text}'
    if "state_dir" not in text:
        text = f'state_dir = "{tmp_path}/state"\n{text}'
    (tmp_path / "freshet.toml").write_text(text)
    run = run_freshet("--config", tmp_path / "freshet.toml", "check",
                      env=os.environ | {"CREDENTIALS_DIRECTORY": str(etc)})
    assert run.returncode == 0, run.stdout + run.stderr
    # Whether this user may write in /srv, and has the reader's programs, is no matter of the document.
    problems = [line for line in run.stdout.splitlines()
                if "no writing in" not in line and "cannot run /usr/local/" not in line]
    assert not [line for line in problems if re.search(r": (warning|error): ", line)], run.stdout


def test_the_readme_s_configuration_publishes_and_takes_a_push(make_daemon, upstream, tmp_path):
    url = "https://github.com/acme/docs.git"
    daemon = make_daemon(start=False)
    # At the end of the settings that the package brings.
    text = with_files(STARTER.read_text() + marked("config", "first").text, tmp_path / "etc")
    for name in "server", "admin":
        text = re.sub(rf'(\[{name}\]\nlisten = )".*"', rf'\1"{daemon.settings[name]["listen"]}"', text)
    for old, new in (url, str(upstream.path)), ("/srv/", f"{tmp_path}/srv/"), ("/var/lib/", f"{tmp_path}/"):
        assert old in text
        text = text.replace(old, new)
    daemon.config.write_text(text)
    daemon.start()
    tree = tmp_path / "srv/git/docs"
    wait_for_commit(tree, upstream.tip())
    commit = upstream.commit({"README": "second\n"})
    assert daemon.push(str(upstream.path), commit).status == 202
    wait_for_commit(tree, commit)


# Commands

@lru_cache(maxsize=None)
def help_of(*command: str) -> str:
    return run_freshet(*command, "--help").stdout


def options_in(text: str) -> set[str]:
    return set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", text))


def commands() -> set[str]:
    return set(re.findall(r"^  ([a-z]+) ", help_of().partition("Subcommands:")[2], re.MULTILINE))


def spans(path: Path):
    """Code within the prose of a document."""
    fences = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)
    yield from (" ".join(span.split()) for span in re.findall(r"`([^`]+)`", fences.sub("", path.read_text())))


def shell_commands(text: str):
    """The simple commands of a script, as far as a person would see them."""
    text = re.sub(r"\\\n\s*", " ", text)
    for line in text.splitlines():
        line = re.sub(r"(^|\s)#.*", "", line)
        yield from (part.strip() for part in re.split(r"&&|\|\||[|;]|\$\(", line) if part.strip())


def written_commands():
    for path in DOCUMENTS:
        for block in blocks_of(path):
            if block.language in ("sh", "text"):
                yield from ((str(block), command) for command in shell_commands(block.text))
        yield from ((str(path.relative_to(SOURCE)), span) for span in spans(path))


def test_every_command_of_freshet_exists_with_its_options():
    wrong, seen = [], set()
    for place, command in written_commands():
        found = re.match(r"(?:sudo (?:-u \w+ )?)?freshet ([a-z]+)\b", command)
        if not found:
            continue
        name = found.group(1)
        seen.add(name)
        if name not in commands():
            wrong.append(f"{place}: no such command: {command}")
        elif unknown := options_in(command) - options_in(help_of(name)) - options_in(help_of()):
            wrong.append(f"{place}: no such option: {unknown} in {command}")
    assert not wrong, "\n".join(wrong)
    assert seen == commands(), "a command that no document speaks of"


def test_every_metric_that_is_named_is_in_the_table_of_metrics():
    table = (SOURCE / "docs/monitoring.md").read_text()
    named = {(path.name, name) for path in DOCUMENTS for span in spans(path)
             for name in re.findall(r"\bfreshet_[a-z_]+\b", span)}
    assert named and {(place, name) for place, name in named if f"`{name}" not in table} == set()


@pytest.mark.parametrize("block", all_blocks("sh"), ids=str)
def test_a_shell_takes_each_script(block):
    run = subprocess.run(["bash", "-n"], input=block.text, text=True, capture_output=True)
    assert run.returncode == 0, run.stderr


def test_the_scripts_that_are_named_are_there():
    named = {name for path in DOCUMENTS for name in
             re.findall(r"(?:scripts|tests/bench)/[a-z][a-z-]*\b(?![./])", path.read_text())}
    assert {name for name in named if not os.access(SOURCE / name, os.X_OK)} == set()


# Marked blocks

class Machine:
    """A directory in place of /, with freshet on its PATH and a configuration in its place."""

    def __init__(self, root: Path):
        self.root = root
        for name in ("bin", "srv", "etc/freshet", "home"):
            (root / name).mkdir(parents=True)
        self.config = root / "etc/freshet/freshet.toml"
        wrapper = root / "bin/freshet"
        wrapper.write_text(f'#!/bin/sh\nexec {shlex.quote(BINARY)} --config {self.config} "$@"\n')
        wrapper.chmod(0o755)

    def inside(self, text: str) -> str:
        return text.replace("/srv/", f"{self.root}/srv/").replace("/etc/freshet/", f"{self.root}/etc/freshet/")

    def configure(self, *repositories: dict) -> None:
        self.config.write_text(to_toml({"state_dir": f"{self.root}/state", "repository": list(repositories)}))

    def run(self, block, check=True, **replaced) -> subprocess.CompletedProcess:
        text = block.text
        for old, new in replaced.pop("replace", {}).items():
            assert old in text, f"{old} does not stand in {block}"
            text = text.replace(old, new)
        environment = {"PATH": f"{self.root}/bin:{os.environ['PATH']}", "HOME": f"{self.root}/home",
                       "LC_ALL": "C"} | replaced.pop("env", {})
        run = subprocess.run(["bash", "-e", "-o", "pipefail", "-c", self.inside(text)], text=True,
                             cwd=self.root, env=environment, stdin=subprocess.DEVNULL,
                             capture_output=True, timeout=120)
        assert not check or run.returncode == 0, run.stdout + run.stderr
        return run


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path / "machine")


def test_the_way_to_make_a_secret_lets_only_freshet_read_it(machine):
    machine.run(marked("run", "webhook-secret"), replace={"-g freshet": f"-g {os.getgid()}"})
    secret = machine.root / "etc/freshet/webhook.secret"
    assert re.fullmatch(r"[0-9a-f]{64}\n", secret.read_text())
    assert stat.S_IMODE(secret.stat().st_mode) == 0o640


@pytest.fixture
def announced(follow):
    """A daemon that takes deliveries for the repository "docs" of git.example.org."""
    site = follow(start=False)
    site.daemon.settings["repository"][0] |= {"name": "docs", "match": ["git.example.org/acme/docs"]}
    site.daemon.write_config()
    site.daemon.start()
    site.wait_for(site.upstream.tip())
    return site


def test_a_request_of_one_s_own_is_accepted(machine, announced):
    write_secret(machine.root / "etc/freshet/webhook.secret", SECRET)
    commit = announced.upstream.commit({"README": "second\n"})
    answer = machine.run(marked("run", "generic"), replace={
        "https://YOUR-HOST": f"http://127.0.0.1:{announced.daemon.public_port}"}).stdout
    assert '"status":"accepted","repositories":["docs"]' in answer
    announced.wait_for(commit)


def test_the_post_receive_hook_announces_a_push(machine, announced, tmp_path):
    write_secret(machine.root / "etc/freshet/webhook.secret", SECRET)
    port = f"http://127.0.0.1:{announced.daemon.public_port}"
    hook = announced.upstream.path / "hooks/post-receive"
    hook.write_text(machine.inside(marked("run", "post-receive").text.replace("http://127.0.0.1:8480", port)))
    hook.chmod(0o755)
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", str(announced.upstream.path), str(clone))
    git(clone, "commit", "-q", "--allow-empty", "-m", "second")
    git(clone, "push", "-q", "origin", "main")
    announced.wait_for(git(clone, "rev-parse", "HEAD"))


def test_without_a_configuration_one_command_publishes(machine, upstream):
    machine.run(marked("run", "mirror-once"),
                replace={"https://github.com/acme/docs.git": str(upstream.path)})
    assert published_commit(machine.root / "docs") == upstream.tip()


def test_the_line_for_git_lets_others_read_the_history(machine, upstream):
    machine.configure({"name": "docs", "url": str(upstream.path), "path": f"{machine.root}/srv/git/docs"})
    assert run_freshet("--config", machine.config, "sync").returncode == 0
    # git takes the tree for another user's.
    stranger = {"GIT_TEST_ASSUME_DIFFERENT_OWNER": "1"}
    tree = machine.root / "srv/git/docs"
    refused = subprocess.run(["git", "-C", tree, "log"], env=ISOLATED | stranger, capture_output=True, text=True)
    assert "dubious ownership" in refused.stderr
    assert upstream.tip() in machine.run(marked("run", "safe-directory"), env=stranger).stdout


def test_a_tree_of_git_sync_makes_room(machine, upstream):
    url, path = str(upstream.path), machine.root / "srv/git/docs"
    old = path.parent / ".worktrees" / upstream.tip()
    old.mkdir(parents=True)
    path.symlink_to(old.relative_to(path.parent))
    machine.configure({"name": "docs", "url": url, "path": str(path)})
    refused = run_freshet("--config", machine.config, "sync", "docs")
    assert refused.returncode == 1 and "was not made by freshet" in refused.stderr
    machine.run(marked("run", "from-git-sync"))
    assert published_commit(path) == upstream.tip()
    assert sorted(entry.name for entry in path.parent.iterdir()) == [".docs.freshet", "docs"]


def test_a_clone_makes_room(machine, upstream):
    path = machine.root / "srv/docs"
    git(machine.root, "clone", "-q", str(upstream.path), str(path))
    (path / "mine").write_text("kept\n")
    machine.configure({"name": "docs", "url": str(upstream.path), "path": str(path)})
    message = next(block.text.strip() for block in blocks_of(SOURCE / "docs/migration.md")
                   if "was not made by freshet" in block.text)
    refused = run_freshet("--config", machine.config, "sync", "docs")
    assert refused.returncode == 1 and machine.inside(message) in refused.stderr
    assert "?? mine" in machine.run(marked("run", "look-at-clone")).stdout
    machine.run(marked("run", "from-clone"))
    assert published_commit(path) == upstream.tip()
    assert (path.parent / "docs.before-freshet/mine").read_text() == "kept\n"
