"""Completion: the function that bash runs offers every command, option and repository of the program."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from daemon import BINARY, run_freshet

COMPLETIONS = Path(__file__).resolve().parents[2] / "completions"
RUN = f"""\
source '{COMPLETIONS}/freshet.bash'
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_freshet
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


def offered(*words) -> set[str]:
    """What bash offers in place of the last word."""
    run = subprocess.run(["bash", "--norc", "-c", RUN, "bash", BINARY, *map(str, words)], check=True,
                         stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert run.stderr == ""
    return set(run.stdout.split())


def commands() -> list[str]:
    overview = run_freshet("--help").stdout.split("Subcommands:")[1]
    return re.findall(r"^  ([a-z]+) {2,}", overview, re.MULTILINE)


def options(*command) -> set[str]:
    return set(re.findall(r"^  (?:-\w,)?(--[a-z-]+)", run_freshet(*command, "--help").stdout, re.MULTILINE))


def test_every_command_is_offered_and_no_other():
    assert offered("") == set(commands())
    assert offered("re") == {name for name in commands() if name.startswith("re")}
    assert offered("--config", "/etc/freshet/freshet.toml", "chec") == {"check"}


def test_every_option_of_every_command_is_offered_and_no_other():
    assert offered("--") == options()
    for name in commands():
        assert offered(name, "--") == options(name), name


@pytest.mark.parametrize("shell", ["_freshet", "freshet.fish"])
def test_the_other_shells_know_the_same_commands_and_options(shell):
    text = (COMPLETIONS / shell).read_text()
    for name in commands():
        assert f"{name}:" in text or f"-a {name} " in text, name
        for option in options(name):
            assert option in text or f"-l {option[2:]} " in text, f"{name} {option}"


def test_repositories_are_offered_by_the_names_that_the_daemon_has(site):
    config = ["--config", site.daemon.config]
    for name in "status", "sync", "refresh", "wait":
        assert offered(*config, name, "") == {"site"}, name
    assert offered(*config, "deliveries", "--repository", "s") == {"site"}
    assert offered(*config, "status", "x") == set()


def test_without_a_daemon_no_repository_is_offered_and_nothing_is_said(follow):
    assert offered("--config", follow(start=False).daemon.config, "status", "") == set()


def test_forges_and_files_are_offered_where_they_belong(tmp_path):
    (tmp_path / "delivery.json").touch()
    assert offered("explain", "--forge", "git") == {"github", "gitea", "gitlab"}
    assert offered("explain", tmp_path / "del") == {str(tmp_path / "delivery.json")}
    assert offered("--config", tmp_path / "del") == {str(tmp_path / "delivery.json")}


@pytest.mark.skipif(not shutil.which("fish"), reason="fish is not installed")
def test_fish_offers_commands_and_options():
    def asked(line):
        run = subprocess.run(["fish", "--no-config", "-c",
                              f"source '{COMPLETIONS}/freshet.fish'; complete -C '{line}'"],
                             check=True, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                             env=dict(os.environ, PATH=f"{Path(BINARY).parent}:{os.environ['PATH']}"))
        return {offer.split("\t")[0] for offer in run.stdout.splitlines()}
    assert set(commands()) <= asked("freshet ")
    assert options("refresh") <= asked("freshet refresh --")
