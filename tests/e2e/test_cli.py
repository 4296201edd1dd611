"""The command line: what each command does, prints and ends with."""

import json
import os
import signal
import subprocess

import pytest

from daemon import BINARY, run_freshet, wait_for_commit
from published import assert_complete, published_commit
from toml import to_toml

DONE, FAILED, USAGE, UNREACHABLE, TIMED_OUT = range(5)


@pytest.fixture
def idle(follow):
    """A configuration without a daemon."""
    return follow(start=False)


def command(site, *arguments, **options):
    return run_freshet(*arguments, "--config", site.daemon.config, **options)


# Usage

def test_help_and_version_are_printed_on_standard_output():
    assert "serve" in run_freshet("--help").stdout
    version = run_freshet("--version")
    assert (version.returncode, version.stdout.split()[0]) == (DONE, "freshet")


@pytest.mark.parametrize("name", ["serve", "mirror", "sync", "check", "status", "refresh",
                                  "wait", "deliveries", "replay", "explain"])
def test_every_command_has_a_help(name):
    run = run_freshet(name, "--help")
    assert (run.returncode, run.stderr) == (DONE, "")
    assert name in run.stdout


@pytest.mark.parametrize("arguments", [
    [], ["no-such-command"], ["--no-such-option"], ["serve", "--no-such-option"], ["mirror"],
    ["mirror", "only-a-url"], ["refresh"],
])
def test_wrong_usage_ends_with_2_and_a_message(arguments):
    run = run_freshet(*arguments)
    assert (run.returncode, run.stdout) == (USAGE, "")
    assert run.stderr


@pytest.mark.parametrize("name", ["serve", "sync", "status", "check"])
def test_a_configuration_that_is_not_there_ends_with_2(tmp_path, name):
    run = run_freshet(name, "--config", tmp_path / "none.toml")
    assert run.returncode == USAGE
    assert "none.toml" in run.stdout + run.stderr


# check

def test_a_right_configuration_passes(idle):
    assert command(idle, "check").returncode == DONE


BROKEN = '''\
state_dir = "relative"
colour = "blue"

[server]
listen = 8480
max_body = "26 bananas"

[limits]
refreshes = 0

[[repository]]
name = "a"
path = "/srv/a"

[[repository]]
name = "b"
url = "https://example.invalid/b.git"
path = "/srv/b"
interval = "10ms"
mode = "sideways"

[[repository]]
name = "b"
url = "https://example.invalid/c.git"
path = "/srv/b"
'''


def test_check_names_every_problem_with_its_place(tmp_path):
    config = tmp_path / "broken.toml"
    config.write_text(BROKEN)

    run = run_freshet("check", "--config", config)

    assert run.returncode == USAGE
    for place in [1, 2, 5, 6, 9, 11, 19, 20, 23]:
        assert f"{config}:{place}:" in run.stdout, run.stdout
    for key in ["state_dir", "colour", "listen", "max_body", "refreshes", "url", "interval", "mode", "name"]:
        assert key in run.stdout, run.stdout


def test_text_that_is_no_toml_is_reported_with_its_place(tmp_path):
    config = tmp_path / "broken.toml"
    config.write_text('state_dir = "/x"\n[server\n')
    run = run_freshet("check", "--config", config)
    assert run.returncode == USAGE
    assert f"{config}:2:" in run.stdout


def test_check_as_json_is_json(tmp_path, idle):
    json.loads(command(idle, "check", "--json").stdout)
    config = tmp_path / "broken.toml"
    config.write_text(BROKEN)
    run = run_freshet("check", "--json", "--config", config)
    assert run.returncode == USAGE
    assert "colour" in json.dumps(json.loads(run.stdout))


def test_a_daemon_does_not_start_with_a_broken_configuration(tmp_path):
    config = tmp_path / "broken.toml"
    config.write_text(BROKEN)
    run = run_freshet("serve", "--config", config)
    assert run.returncode == USAGE
    assert f"{config}:2:" in run.stderr


@pytest.mark.parametrize("name", ["lock", "git.config", "ssh", "journal", "mirrors"])
def test_a_daemon_does_not_start_where_something_stands_in_the_way(tmp_path, name):
    config, place = tmp_path / "freshet.toml", tmp_path / "state" / name
    config.write_text(to_toml({"state_dir": str(tmp_path / "state"), "server": {"listen": "127.0.0.1:0"},
                               "admin": {"listen": "127.0.0.1:0"}}))
    if name in ("lock", "git.config"):
        place.mkdir(parents=True)
    else:
        place.parent.mkdir()
        place.write_text("no folder")
    run = run_freshet("serve", "--config", config)
    assert run.returncode not in (DONE, None)
    assert str(place) in run.stderr and "move it away" in run.stderr


# sync and mirror

def test_sync_publishes_without_a_daemon(idle):
    run = command(idle, "sync")
    assert run.returncode == DONE, run.stderr
    assert assert_complete(idle.path) == idle.upstream.tip()


def test_sync_mends_what_somebody_changed(idle):
    assert command(idle, "sync").returncode == DONE
    (idle.path / "README").unlink()
    (idle.path / "README").write_text("mine\n")
    run = command(idle, "sync")
    assert run.returncode == DONE, run.stderr
    assert "changed by somebody else" in run.stderr
    assert assert_complete(idle.path) == idle.upstream.tip()


def test_sync_looks_once_a_day_for_what_somebody_changed_also_when_there_is_news(idle):
    assert command(idle, "sync").returncode == DONE
    commit = idle.upstream.commit({"new": "new\n"})
    (idle.path / "README").write_text("mine\n")
    os.utime(idle.path.parent / ".site.freshet" / "drift_checked", (0, 0))
    run = command(idle, "sync")
    assert run.returncode == DONE, run.stderr
    assert "changed by somebody else" in run.stderr
    assert assert_complete(idle.path) == commit


def test_sync_as_json_is_json(idle):
    assert "site" in json.dumps(json.loads(command(idle, "sync", "--json").stdout))


def test_sync_of_a_failing_upstream_ends_with_1(idle, tmp_path):
    idle.upstream.path.rename(tmp_path / "away")
    run = command(idle, "sync", "site")
    assert run.returncode == FAILED
    assert "site" in run.stdout + run.stderr


def test_sync_of_an_unknown_name_ends_with_2(idle):
    run = command(idle, "sync", "nobody")
    assert run.returncode == USAGE
    assert "nobody" in run.stderr


def test_sync_refuses_while_a_daemon_holds_the_state_and_names_it(site):
    run = command(site, "sync")
    assert run.returncode != DONE
    assert str(site.daemon.process.pid) in run.stderr


def test_a_second_daemon_on_the_same_state_refuses_to_start(site):
    run = command(site, "serve")
    assert run.returncode != DONE
    assert str(site.daemon.process.pid) in run.stderr


def test_mirror_once_publishes_and_ends(upstream, tmp_path):
    run = run_freshet("mirror", upstream.path, tmp_path / "site", "--once")
    assert run.returncode == DONE, run.stderr
    assert assert_complete(tmp_path / "site") == upstream.tip()
    assert "\x1b" not in run.stdout + run.stderr and "\r" not in run.stderr


@pytest.mark.parametrize("start, url", [("inside", "../{name}"), (".", "{name}"), (".", "./{name}"),
                                        (".", "{name}/../{name}"), ("{name}/hooks", ".."), ("{name}", ".")])
def test_mirror_takes_a_relative_path_from_where_it_is_started(upstream, tmp_path, start, url):
    name = upstream.path.name
    (upstream.path / "hooks").mkdir(exist_ok=True)
    start = upstream.path.parent / start.format(name=name)
    start.mkdir(exist_ok=True)
    run = run_freshet("mirror", url.format(name=name), tmp_path / "site", "--once", cwd=start)
    assert run.returncode == DONE, run.stderr
    assert assert_complete(tmp_path / "site") == upstream.tip()


def test_mirror_takes_no_empty_argument(upstream, tmp_path):
    for arguments, missing in ((["", "site"], "URL"), ([upstream.path, ""], "PATH")):
        run = run_freshet("mirror", *arguments, "--once", cwd=tmp_path)
        assert run.returncode == USAGE
        assert f"{missing} is empty" in run.stderr


def test_mirror_once_again_brings_what_is_new(upstream, tmp_path):
    run_freshet("mirror", upstream.path, tmp_path / "site", "--once")
    commit = upstream.commit({"README": "second\n"})
    assert run_freshet("mirror", upstream.path, tmp_path / "site", "--once").returncode == DONE
    assert published_commit(tmp_path / "site") == commit


def test_mirror_takes_a_ref(upstream, tmp_path):
    upstream.set_ref("refs/tags/v1", upstream.tip())
    tagged = upstream.tip()
    upstream.commit({"README": "second\n"})
    run = run_freshet("mirror", upstream.path, tmp_path / "site", "--once", "--ref", "refs/tags/v1")
    assert run.returncode == DONE, run.stderr
    assert published_commit(tmp_path / "site") == tagged


def test_mirror_once_of_nothing_ends_with_1(tmp_path):
    run = run_freshet("mirror", tmp_path / "no-such-upstream", tmp_path / "site", "--once")
    assert run.returncode == FAILED
    assert run.stderr
    assert published_commit(tmp_path / "site") is None


def test_two_mirrors_side_by_side_follow_by_polling_until_they_are_told_to_stop(upstream, tmp_path):
    paths = [tmp_path / "one", tmp_path / "two"]
    followers = []
    try:
        for path in paths:
            log = (tmp_path / f"{path.name}.log").open("wb")
            followers.append(subprocess.Popen(
                [BINARY, "mirror", str(upstream.path), str(path), "--interval", "1s"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log))
        for path in paths:
            wait_for_commit(path, upstream.tip())
        commit = upstream.commit({"README": "second\n"})
        for path in paths:
            wait_for_commit(path, commit)
        for follower in followers:
            follower.send_signal(signal.SIGINT)
        assert [follower.wait(15) for follower in followers] == [DONE, DONE]
    finally:
        for follower in followers:
            follower.kill()
            follower.wait()


# status and refresh

def test_status_is_one_line_a_repository(site):
    run = command(site, "status")
    assert run.returncode == DONE, run.stderr
    lines = [line for line in run.stdout.splitlines() if "site" in line.split()]
    assert len(lines) == 1
    assert "ok" in lines[0].split()
    assert "\x1b" not in run.stdout


def test_status_as_json_tells_what_the_daemon_tells(site):
    site.daemon.wait_for_state("ok")  # the tree is there a moment earlier
    told = json.loads(command(site, "status", "site", "--json").stdout)
    assert site.upstream.tip() in json.dumps(told)


@pytest.mark.parametrize("arguments", [["status"], ["refresh", "site"], ["refresh", "--all"]])
def test_without_a_daemon_the_commands_that_ask_it_end_with_3(idle, arguments):
    run = command(idle, *arguments)
    assert (run.returncode, run.stdout) == (UNREACHABLE, "")
    assert run.stderr


@pytest.mark.parametrize("name", ["status", "refresh"])
def test_an_unknown_name_ends_with_2(site, name):
    run = command(site, name, "nobody")
    assert run.returncode == USAGE
    assert "nobody" in run.stderr


def test_refresh_of_all_waits_for_all(site):
    commit = site.upstream.commit({"README": "second\n"})
    run = command(site, "refresh", "--all", "--wait")
    assert run.returncode == DONE, run.stderr
    assert published_commit(site.path) == commit


def test_refresh_without_wait_only_asks(site):
    commit = site.upstream.commit({"README": "second\n"})
    assert command(site, "refresh", "site").returncode == DONE
    site.wait_for(commit)


def test_refresh_as_json_is_json(site):
    site.upstream.commit({"README": "second\n"})
    run = command(site, "refresh", "site", "--wait", "--json")
    assert "updated" in json.dumps(json.loads(run.stdout))


def test_a_refresh_that_fails_ends_with_1(site, tmp_path):
    site.upstream.path.rename(tmp_path / "away")
    run = command(site, "refresh", "site", "--wait")
    assert run.returncode == FAILED
    assert "not_found" in run.stdout + run.stderr


def test_a_refresh_that_takes_too_long_ends_with_4(http_site, http_upstreams):
    http_upstreams.hold()
    http_site.upstream.commit({"README": "second\n"})
    run = command(http_site, "refresh", "site", "--wait=1s")
    assert run.returncode == TIMED_OUT
    assert run.stderr


def test_the_user_s_own_git_configuration_does_not_count(idle, tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "home/.gitconfig").write_text('[url "file:///nowhere/"]\n\tinsteadOf = /\n[broken\n')
    run = command(idle, "sync", env=dict(os.environ) | {"HOME": str(tmp_path / "home")})
    assert run.returncode == DONE, run.stderr
