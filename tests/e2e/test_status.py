"""What the commands that ask the daemon say, and what they say when it cannot be asked."""

import json
import os
import re
import shutil
import signal
import subprocess
import unicodedata

import pytest

from daemon import BINARY, run_freshet, wait_for_commit
from terminal import run_on_terminal
from waiting import wait_for

DONE, FAILED, USAGE, UNREACHABLE = range(4)
WIDE = "日本語" * 8


def command(daemon, *arguments, **options):
    return run_freshet(*arguments, "--config", daemon.config, **options)


def columns_of(line: str) -> int:
    plain = re.sub(r"\x1b\[[0-9;]*m", "", line)
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in plain)


@pytest.fixture
def several(make_daemon, upstream, tmp_path):
    """One that is fine, under a wide name, and one that fails."""
    daemon = make_daemon(
        {"name": "site", "url": str(upstream.path), "path": str(tmp_path / "site")},
        {"name": WIDE, "url": str(upstream.path), "path": str(tmp_path / "wide")},
        {"name": "away", "url": str(tmp_path / "nowhere"), "path": str(tmp_path / "away")})
    daemon.wait_for_state("ok")
    daemon.wait_for_state("failing", "away")
    wait_for_commit(tmp_path / "wide", upstream.tip())
    wait_for(lambda: daemon.admin("GET", "/api/v1/repositories").body.count(b'"state":"ok"') >= 2,
             "both are fine")
    return daemon


# The table

def test_the_summary_stands_above_the_table_by_name(several):
    lines = command(several, "status").stdout.splitlines()
    assert lines[0] == "3 repositories: 2 ok, 1 failing"
    assert lines[1].split()[:3] == ["NAME", "STATE", "COMMIT"]
    assert [line.split()[0] for line in lines[2:]] == ["away", "site", WIDE]


def test_the_table_fits_a_terminal_by_columns_and_not_bytes(several):
    for width in 60, 80, 120:
        lines = run_on_terminal("status", "--config", several.config, columns=width).splitlines()
        assert len(lines) == 5
        assert max(map(columns_of, lines)) <= width
    starts = {columns_of(line.partition("never")[0]) for line in lines if "never" in line}
    starts |= {columns_of(line[:re.search(r"\d+ s ago", line).start()]) for line in lines if " s ago" in line}
    assert len(starts) == 1, "the columns stand below each other"


def test_nothing_is_cut_or_shortened_for_programs(several):
    run = command(several, "status")
    assert WIDE in run.stdout and "…" not in run.stdout
    assert re.search(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d\d\dZ", run.stdout)
    assert " ago" not in run.stdout and "\x1b" not in run.stdout


def test_a_terminal_shows_how_long_ago_and_colours(several):
    shown = run_on_terminal("status", "--config", several.config, columns=120)
    assert re.search(r"\d+ (s|min) ago", shown)
    assert "\x1b[1;31mfailing\x1b[0m" in shown and "\x1b[32mok\x1b[0m" in shown
    assert "\x1b" not in run_on_terminal("status", "--config", several.config, env={"NO_COLOR": "1"})


def test_one_that_fails_says_what_to_do(several):
    run = command(several, "status", "away")
    assert run.returncode == DONE
    assert "failing (not_found) since" in run.stdout
    assert "check url and ref for typing errors" in run.stdout


def test_a_misspelt_name_is_answered_with_a_guess(several):
    for name in "status", "refresh":
        run = command(several, name, "stie")
        assert (run.returncode, run.stdout) == (USAGE, "")
        assert "no repository is called stie; did you mean `site`?" in run.stderr


# The configuration file meanwhile

@pytest.mark.parametrize("broken", ["colour = 1\n{}", "{}\n[server\n", "{}\n[[repository]]\nurl = 1\n"])
def test_a_file_that_is_broken_meanwhile_keeps_nobody_from_asking(site, broken):
    config = site.daemon.config
    config.write_text(broken.format(config.read_text()))
    run = command(site.daemon, "status", "--json")
    assert run.returncode == DONE, run.stderr
    assert json.loads(run.stdout)["repositories"][0]["name"] == "site"
    assert "has errors" in run.stderr and f"127.0.0.1:{site.daemon.admin_port}" in run.stderr
    assert command(site.daemon, "refresh", "site", "--wait").returncode == DONE


def test_a_file_that_is_broken_above_the_address_leads_to_the_default_one(tmp_path):
    config = tmp_path / "freshet.toml"
    config.write_text('state_dir = \n[admin]\nlisten = "127.0.0.1:1"\n')
    run = run_freshet("status", "--config", config)
    assert "asking the daemon at 127.0.0.1:8481, the default address" in run.stderr


def test_a_reload_that_failed_is_shown_with_what_was_wrong(site):
    config = site.daemon.config
    right = config.read_text()
    config.write_text("colour = 1\n" + right)
    site.daemon.process.send_signal(signal.SIGHUP)
    shown = wait_for(lambda: (run := command(site.daemon, "status").stdout).count("could not be reloaded") and run,
                     "the failed reload is shown")
    assert "unknown key `colour`" in shown and str(config) in shown
    config.write_text(right)
    site.daemon.process.send_signal(signal.SIGHUP)
    wait_for(lambda: "could not be reloaded" not in command(site.daemon, "status").stdout, "it was mended")


# Where nobody answers

def test_what_was_published_before_the_daemon_s_start_is_not_said_to_be_never(site):
    site.daemon.wait_for_state("ok")
    assert run_freshet("--config", site.daemon.config, "pause", "site").returncode == 0
    site.daemon.stop()
    site.daemon.start()
    for name in [], ["site"]:
        said = run_freshet("--config", site.daemon.config, "status", *name).stdout
        assert "before the start" in said and "last success  never" not in said


def test_without_a_daemon_it_says_where_it_asked_and_what_to_do(follow):
    daemon = follow(start=False).daemon
    run = command(daemon, "status")
    assert run.returncode == UNREACHABLE
    assert f"no freshet answers at 127.0.0.1:{daemon.admin_port}" in run.stderr
    assert "freshet serve" in run.stderr


@pytest.mark.skipif(os.getuid() != 0 or not shutil.which("setpriv"), reason="takes another user")
def test_a_socket_that_is_not_for_this_user_says_whose_it_is(make_daemon, upstream, tmp_path):
    for directory in [tmp_path, *tmp_path.parents]:
        if directory.is_relative_to("/tmp") and directory.owner() == "root" and str(directory) != "/tmp":
            directory.chmod(0o755)
    daemon = make_daemon({"name": "site", "url": str(upstream.path), "path": str(tmp_path / "site")},
                         admin={"listen": f"unix:{tmp_path}/admin.sock"})
    (tmp_path / "daemon0").chmod(0o755)
    daemon.config.chmod(0o644)
    binary = shutil.copy(BINARY, tmp_path / "freshet")
    run = subprocess.run(["setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups", binary,
                          "status", "--config", daemon.config], capture_output=True, text=True)
    assert run.returncode == USAGE
    assert "the user root and the group root (mode 0660)" in run.stderr and "usermod -aG root" in run.stderr


def test_a_socket_that_is_not_there_is_a_daemon_that_does_not_run(tmp_path):
    config = tmp_path / "freshet.toml"
    config.write_text(f'[admin]\nlisten = "unix:{tmp_path}/admin.sock"\n')
    run = run_freshet("status", "--config", config)
    assert run.returncode == UNREACHABLE
    assert f"no freshet answers at unix:{tmp_path}/admin.sock" in run.stderr


# Deliveries

def test_follow_outlives_a_restart_of_the_daemon(site, tmp_path):
    with (tmp_path / "stderr").open("wb") as errors:
        follower = subprocess.Popen([BINARY, "deliveries", "--follow", "--json", "--config",
                                     str(site.daemon.config)], stdout=subprocess.PIPE, stderr=errors, text=True)
    try:
        site.push({"README": "2\n"})
        assert json.loads(follower.stdout.readline())["verdict"] == "accepted"
        site.daemon.stop()
        wait_for(lambda: "waiting for it" in (tmp_path / "stderr").read_text(), "it says that it waits")
        site.daemon.start()
        wait_for(lambda: "answers again" in (tmp_path / "stderr").read_text(), "it says that it goes on")
        site.daemon.push(site.url, site.upstream.tip(), delivery="after")
        while json.loads(follower.stdout.readline())["id"] != "after":
            pass
        follower.send_signal(signal.SIGINT)
    finally:
        follower.kill()
        follower.wait()


def test_a_replay_says_which_row_it_became(site):
    site.daemon.push(site.url, site.upstream.commit({"README": "2\n"}), delivery="one")
    wait_for(lambda: '"result":"updated"' in command(site.daemon, "deliveries", "--json").stdout, "it ran")
    answer = json.loads(command(site.daemon, "replay", "one", "--json").stdout)
    rows = json.loads(command(site.daemon, "deliveries", "--json").stdout)["deliveries"]
    assert answer["recorded_as"] == rows[0]["number"] > answer["delivery"]
    run = command(site.daemon, "replay", "one")
    assert f"the replay is delivery {rows[0]['number'] + 1} " in run.stderr


# Usage

def test_no_arguments_print_the_help_as_an_error():
    run = run_freshet()
    assert (run.returncode, run.stdout) == (USAGE, "")
    assert "Subcommands:" in run.stderr


def test_a_misspelt_command_or_option_is_answered_with_a_guess():
    assert "there is no command refersh; did you mean `refresh`?" in run_freshet("refersh").stderr
    assert "did you mean `--config`?" in run_freshet("status", "--confg=x").stderr
    assert "freshet wait --help" in run_freshet("wait").stderr


@pytest.mark.parametrize("arguments", [["status"], ["check"], ["mirror"]])
def test_the_help_of_a_command_shows_what_all_take(arguments):
    text = run_freshet(*arguments, "--help").stdout
    assert "--config FILE" in text and "--json" in text


def test_the_configuration_may_be_named_before_or_behind_the_command(site):
    config = str(site.daemon.config)
    assert run_freshet("--config", config, "status").returncode == DONE
    assert run_freshet("status", "--config", config).returncode == DONE
    assert run_freshet("--json", "--config", config, "status").stdout.startswith("{")
