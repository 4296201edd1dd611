"""Commands and signed requests after an update."""

import base64
import hashlib
import hmac
import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from daemon import run_freshet, write_secret
from processes import processes_of_session
from published import assert_complete
from recorder import Recorder
from waiting import wait_for


@pytest.fixture
def command(tmp_path):
    return Recorder(tmp_path / "command")


class Receiver:
    """Takes requests, and answers what it is told to."""

    def __init__(self):
        self.requests, self.status = [], 204
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.requests.append((dict(self.headers.items()), body))
                self.send_response(receiver.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        Thread(target=self.server.serve_forever, daemon=True).start()

    def wait_for(self, count: int) -> list:
        return wait_for(lambda: len(self.requests) >= count and self.requests, f"{count} requests")


@pytest.fixture
def receiver():
    receiver = Receiver()
    yield receiver
    receiver.server.shutdown()
    receiver.server.server_close()


def signature(key: bytes, headers: dict, body: bytes) -> str:
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


# Commands

def test_a_command_is_told_of_the_first_tree_and_of_each_after_it(follow, command):
    site = follow(on_update=[{"run": command.run + ["--now"]}])
    first = site.upstream.tip()
    [call] = command.wait_for_calls(1)
    assert call["environment"]["FRESHET_OLD"] == ""
    assert call["environment"]["FRESHET_NEW"] == first
    told = json.loads(call["stdin"])
    assert (told["old"], told["new"]) == ("", first)
    assert sorted(told["changed_paths"]) == ["README", "docs/index.html"]

    second = site.push({"README": "second\n"})
    call = command.wait_for_calls(2)[1]
    environment = call["environment"]
    assert call["arguments"] == ["--now"]
    assert call["directory"] == environment["FRESHET_TREE"] == str(site.path.resolve())
    assert call["files"]["README"] == "second\n"
    assert call["group"] != os.getpgid(site.daemon.process.pid)
    assert (environment["FRESHET_REPOSITORY"], environment["FRESHET_PATH"]) == ("site", str(site.path))
    assert (environment["FRESHET_OLD"], environment["FRESHET_NEW"]) == (first, second)
    assert (environment["FRESHET_REF"], environment["FRESHET_TRIGGER"]) == ("refs/heads/main", "delivery")
    told = json.loads(call["stdin"])
    assert told == {"repository": "site", "path": str(site.path), "tree": call["directory"],
                    "ref": "refs/heads/main", "old": first, "new": second, "trigger": "delivery",
                    "changed_paths": ["README"]}


def test_a_tree_in_place_is_told_of_by_its_path(follow, command):
    site = follow(first=False, mode="in_place", on_update=[{"run": command.run}])
    command.wait_for_calls(1)
    commit = site.push({"README": "second\n"})
    call = command.wait_for_calls(2)[1]
    assert call["environment"]["FRESHET_NEW"] == commit
    assert call["environment"]["FRESHET_TREE"] == call["directory"] == str(site.path)
    assert call["files"]["README"] == "second\n"


def test_a_command_that_fails_is_tried_again_and_leaves_the_repository_ok(follow, command):
    command.end_with(5, "the disk of the other machine is full")
    site = follow(on_update=[{"run": command.run}])
    command.wait_for_calls(2)
    site.daemon.wait_for_state("ok")
    assert "the disk of the other machine is full" in site.daemon.log_text()
    command.end_with(0)
    wait_for(lambda: "told of an update" in site.daemon.log_text(), "a try succeeded")
    done = len(command.calls())
    assert set(command.commits()) == {site.upstream.tip()}
    site.wait_for(site.push({"README": "second\n"}))
    assert command.wait_for_calls(done + 1)[done]["environment"]["FRESHET_NEW"] == site.upstream.tip()


def test_newer_commits_replace_the_one_that_waits(follow, command):
    command.hold()
    site = follow(on_update=[{"run": command.run}])
    first = site.upstream.tip()
    command.wait_for_calls(1)
    for number in range(3):
        commit = site.push({f"file{number}": "new\n"})
        site.wait_for(commit)
    command.release()
    call = command.wait_for_calls(2)[1]
    assert command.commits() == [first, commit]
    assert call["environment"]["FRESHET_OLD"] == first
    assert json.loads(call["stdin"])["changed_paths"] == ["file0", "file1", "file2"]


def test_a_kill_between_publishing_and_telling_is_made_up_for_at_the_next_start(follow, command):
    site = follow(on_update=[{"run": command.run}])
    first = site.upstream.tip()
    wait_for(lambda: "told of an update" in site.daemon.log_text(), "the first is told")
    command.hold()
    second = site.push({"README": "second\n"})
    command.wait_for_calls(2)
    session = site.daemon.process.pid
    site.daemon.kill9()
    wait_for(lambda: not processes_of_session(session), "the command ended with its daemon")
    assert assert_complete(site.path) == second

    command.release()
    site.upstream.path.rename(site.upstream.path.with_suffix(".away"))  # nothing can be published
    site.daemon.start()
    call = command.wait_for_calls(3)[2]
    assert call["environment"]["FRESHET_OLD"] == first
    assert call["environment"]["FRESHET_NEW"] == second
    assert call["environment"]["FRESHET_REF"] == "refs/heads/main"
    assert call["environment"]["FRESHET_TRIGGER"] == "start"
    assert json.loads(call["stdin"])["changed_paths"] == ["README"]


def test_what_was_told_is_not_told_again_at_the_next_start(follow, command):
    site = follow(on_update=[{"run": command.run}])
    wait_for(lambda: "told of an update" in site.daemon.log_text(), "the first is told")
    site.daemon.stop()
    site.daemon.start()
    site.daemon.wait_for_state("ok")
    second = site.push({"README": "second\n"})
    command.wait_for_calls(2)
    assert command.commits()[1:] == [second]


def test_only_changes_of_matching_paths_count(follow, command):
    site = follow(on_update=[{"run": command.run, "paths": ["conf/**", "*.toml"]}])
    assert command.calls() == []
    for files in ({"README": "second\n"}, {"deep/a.toml": "x\n"}):
        site.wait_for(site.push(files))
    matching = site.push({"conf/sites/a.conf": "x\n"})
    site.wait_for(matching)
    [call] = command.wait_for_calls(1)
    assert call["environment"]["FRESHET_NEW"] == matching
    assert json.loads(call["stdin"])["changed_paths"] == ["conf/sites/a.conf"]


def test_only_checkouts_of_matching_refs_count(follow, command, tmp_path):
    site = follow(first=False, start=False, on_update=[{"run": command.run, "refs": ["refs/heads/rel*"]}],
                  checkout=[{"path": str(tmp_path / "www/release"), "ref": "release"}])
    site.upstream.commit({"README": "release\n"}, branch="release", parent=site.upstream.tip())
    site.daemon.start()
    [call] = command.wait_for_calls(1)
    site.wait_for(site.upstream.tip())
    commit = site.push({"README": "main\n"})
    site.wait_for(commit)
    assert site.daemon.refresh().status == 200
    assert [call["environment"]["FRESHET_REF"] for call in command.calls()] == ["refs/heads/release"]
    assert call["environment"]["FRESHET_PATH"] == str(tmp_path / "www/release")


def test_a_slow_command_of_one_repository_does_not_hold_another_up(make_daemon, upstream, tmp_path):
    slow, quick = Recorder(tmp_path / "slow"), Recorder(tmp_path / "quick")
    slow.hold()
    make_daemon({"name": "slow", "url": str(upstream.path), "path": str(tmp_path / "www/slow"),
                 "on_update": [{"run": slow.run}]},
                {"name": "quick", "url": str(upstream.path), "path": str(tmp_path / "www/quick"),
                 "on_update": [{"run": quick.run}]})
    slow.wait_for_calls(1)
    quick.wait_for_calls(1)
    slow.release()


def test_a_stop_ends_a_running_command_and_tells_again_at_the_next_start(follow, command):
    command.hold()
    site = follow(on_update=[{"run": command.run}])
    command.wait_for_calls(1)
    session = site.daemon.process.pid
    assert site.daemon.stop() == 0
    wait_for(lambda: not processes_of_session(session), "no process of the daemon is left")
    command.release()
    site.daemon.start()
    command.wait_for_calls(2)


def test_a_reload_keeps_what_waits_and_forgets_what_is_gone(follow, command, tmp_path):
    gone = Recorder(tmp_path / "gone")
    command.end_with(1)
    gone.end_with(1)
    site = follow(on_update=[{"run": gone.run}, {"run": command.run}])
    command.wait_for_calls(1)
    gone.wait_for_calls(1)
    site.daemon.settings["repository"][0]["on_update"] = [{"run": command.run}]
    site.daemon.reload()
    before = len(gone.calls())
    count = len(command.calls())
    command.wait_for_calls(count + 2)
    assert len(gone.calls()) <= before + 1  # one may have been running


def test_a_one_shot_refresh_runs_the_commands_and_fails_when_one_fails(follow, command):
    site = follow(start=False, on_update=[{"run": command.run}])
    command.end_with(4, "cannot reload")
    run = run_freshet("sync", "--config", site.daemon.config)
    assert run.returncode == 1
    assert "cannot reload" in run.stderr
    assert assert_complete(site.path) == site.upstream.tip()
    command.end_with(0)
    assert run_freshet("sync", "--config", site.daemon.config).returncode == 0
    assert command.commits() == [site.upstream.tip()] * 2
    assert run_freshet("sync", "--config", site.daemon.config).returncode == 0
    assert len(command.calls()) == 2


# Requests

@pytest.mark.parametrize("secret, key", [
    ("a plain secret", b"a plain secret"),
    ("whsec_" + base64.b64encode(b"32 bytes that are a proper key!!").decode(),
     b"32 bytes that are a proper key!!"),
])
def test_a_request_is_signed_as_standard_webhooks_says(follow, receiver, tmp_path, secret, key):
    file = write_secret(tmp_path / "hook.secret", secret)
    site = follow(on_update=[{"post": receiver.url, "secret_file": file}])
    headers, body = receiver.wait_for(1)[0]
    assert headers["Content-Type"] == "application/json"
    assert headers["webhook-signature"] == signature(key, headers, body)
    told = json.loads(body)
    assert (told["repository"], told["new"], told["old"]) == ("site", site.upstream.tip(), "")
    assert secret not in site.daemon.log_text()


def test_a_request_that_fails_is_repeated_with_the_same_id_and_a_new_secret(follow, receiver, tmp_path):
    file = tmp_path / "hook.secret"
    receiver.status = 500
    follow(on_update=[{"post": receiver.url, "secret_file": write_secret(file, "old")}])
    receiver.wait_for(1)
    write_secret(file, "new")
    count = len(receiver.requests)
    receiver.wait_for(count + 2)
    receiver.status = 200
    (first, first_body), (last, last_body) = receiver.requests[0], receiver.requests[-1]
    assert first["webhook-signature"] == signature(b"old", first, first_body)
    assert last["webhook-signature"] == signature(b"new", last, last_body)
    assert (first["webhook-id"], first_body) == (last["webhook-id"], last_body)


def test_secrets_are_neither_in_the_log_nor_in_the_process_list(follow, receiver, command, tmp_path):
    secret = "nobody may read this secret"
    receiver.status = 500
    command.hold()
    file = write_secret(tmp_path / "hook.secret", secret)
    site = follow(on_update=[{"post": f"{receiver.url}?token=hidden", "secret_file": file},
                             {"run": command.run}])
    receiver.wait_for(2)
    [call] = command.wait_for_calls(1)
    assert secret not in site.daemon.log_text() and "hidden" not in site.daemon.log_text()
    assert secret not in json.dumps(call)
    for process, line in processes_of_session(site.daemon.process.pid).items():
        assert secret not in line, process
    command.release()
