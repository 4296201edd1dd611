"""The ledger: what became of each delivery, run again, and never in anybody's way."""

import fcntl
import json
import os
import pty
import re
import signal
import sqlite3
import struct
import subprocess
import termios
from concurrent.futures import ThreadPoolExecutor

import pytest

from daemon import BINARY, SECRET, run_freshet, wait_for_commit, write_secret
from forge import github_headers, github_push
from metrics import metrics_of
from waiting import let_pass, wait_for

DONE, FAILED, USAGE, UNREACHABLE = range(4)
FIELDS = {"number", "id", "at", "forge", "event", "route", "verdict", "reason", "secret", "client", "times",
          "repositories", "result", "refreshes", "replayable"}
REFRESH_FIELDS = {"repository", "result", "error", "started", "ended", "announce_to_publish_seconds"}


def listed(daemon, query: str = "") -> list[dict]:
    answer = daemon.admin("GET", f"/api/v1/deliveries{query}")
    assert answer.status == 200, answer.body
    return answer.json["deliveries"]


def delivery(daemon, ident) -> dict | None:
    answer = daemon.admin("GET", f"/api/v1/deliveries/{ident}")
    return answer.json if answer.status == 200 else None


def wait_for_result(daemon, ident: str, result: str | None) -> dict:
    def reached():
        row = delivery(daemon, ident)
        return row and row["result"] == result and row
    return wait_for(reached, f"delivery {ident} has the result {result}")


def replay(daemon, ident):
    return daemon.admin("POST", f"/api/v1/deliveries/{ident}/replay")


def command(site, *arguments):
    return run_freshet(*arguments, "--config", site.daemon.config)


def ledger_file(daemon):
    return daemon.directory / "state/ledger.sqlite3"


def unreachable_push(site, ident: str):
    """A delivery of a repository that nobody follows."""
    return site.daemon.push("https://github.com/acme/other.git", site.upstream.tip(), delivery=ident)


# What is listed

def test_a_delivery_is_listed_with_what_became_of_it(site):
    commit = site.upstream.commit({"README": "second\n"})
    assert site.daemon.push(site.url, commit, delivery="id-1").status == 202
    row = wait_for_result(site.daemon, "id-1", "updated")
    assert set(row) == FIELDS
    assert (row["id"], row["forge"], row["event"], row["verdict"]) == ("id-1", "github", "push", "accepted")
    assert (row["route"], row["reason"], row["client"]) == (None, None, "127.0.0.1")
    assert row["secret"] == str(site.daemon.directory / "secret")
    assert row["repositories"] == ["site"]
    [refresh] = row["refreshes"]
    assert set(refresh) == REFRESH_FIELDS
    assert (refresh["repository"], refresh["result"], refresh["error"]) == ("site", "updated", None)
    assert 0 <= refresh["announce_to_publish_seconds"] < 60
    assert refresh["started"] <= refresh["ended"]
    assert listed(site.daemon)[0] == row
    assert delivery(site.daemon, row["number"]) == row


def test_what_changed_nothing_is_unchanged_and_has_no_time(site):
    assert site.daemon.push(site.url, site.upstream.tip(), delivery="id-1").status == 202
    row = wait_for_result(site.daemon, "id-1", "unchanged")
    assert row["refreshes"][0]["announce_to_publish_seconds"] is None


def test_a_delivery_waits_while_its_refresh_runs(http_site, http_upstreams):
    http_upstreams.hold()
    commit = http_site.upstream.commit({"README": "second\n"})
    http_site.daemon.push(http_site.url, commit, delivery="id-1")
    wait_for_result(http_site.daemon, "id-1", "waiting")
    http_upstreams.release()
    wait_for_result(http_site.daemon, "id-1", "updated")


def test_a_failed_delivery_says_why_until_a_later_refresh_mends_it(site):
    away = site.upstream.path.with_suffix(".away")
    commit = site.upstream.commit({"README": "second\n"})
    site.upstream.path.rename(away)
    site.daemon.push(site.url, commit, delivery="id-1")
    row = wait_for_result(site.daemon, "id-1", "failed")
    assert set(row["refreshes"][0]["error"]) == {"class", "message", "advice"}
    away.rename(site.upstream.path)
    site.daemon.refresh()
    wait_for_result(site.daemon, "id-1", "updated")


def test_deliveries_that_lead_to_nothing_are_listed_with_their_reason(site):
    unreachable_push(site, "id-1")
    body = b"{}"
    site.daemon.deliver(body, github_headers(body, SECRET, delivery="id-2"))
    assert site.daemon.deliver(body, github_headers(body, "wrong", delivery="id-3")).status == 401
    rows = {row["id"]: row for row in wait_for(lambda: len(listed(site.daemon)) == 3 and listed(site.daemon),
                                              "all are listed")}
    assert {ident: row["verdict"] for ident, row in rows.items()} \
        == {"id-1": "ignored", "id-2": "invalid", "id-3": "unauthorized"}
    assert rows["id-1"]["reason"] and rows["id-2"]["reason"]
    assert rows["id-3"]["secret"] is None
    assert [row["result"] for row in rows.values()] == [None] * 3


def test_the_list_can_be_cut_and_filtered(site):
    for number in range(6):
        if number % 2:
            unreachable_push(site, f"id-{number}")
        else:
            site.daemon.push(site.url, site.upstream.tip(), delivery=f"id-{number}")
    wait_for(lambda: delivery(site.daemon, "id-5"), "all are listed")

    def ids(query):
        return [row["id"] for row in listed(site.daemon, query)]

    assert ids("") == [f"id-{number}" for number in range(5, -1, -1)], "newest first"
    assert ids("?limit=2") == ["id-5", "id-4"]
    assert ids(f"?limit=2&before={delivery(site.daemon, 'id-4')['number']}") == ["id-3", "id-2"]
    assert ids("?repository=site") == ["id-4", "id-2", "id-0"]
    assert ids("?verdict=ignored&limit=1") == ["id-5"]
    assert ids("?forge=github&repository=nobody") == []


@pytest.mark.parametrize("query", ["?limit=0", "?limit=1001", "?limit=x", "?before=-1", "?before=",
                                   "?verdict=nonsense", "?forge=nope"])
def test_a_wrong_parameter_is_refused(site, query):
    answer = site.daemon.admin("GET", f"/api/v1/deliveries{query}")
    assert (answer.status, answer.json["error"]["code"]) == (400, "invalid")


def test_a_wrong_word_is_answered_with_those_that_are_allowed(site):
    message = site.daemon.admin("GET", "/api/v1/deliveries?verdict=nonsense").json["error"]["message"]
    assert "accepted, pong, ignored, duplicate, unauthorized, invalid, unavailable" in message
    message = site.daemon.admin("GET", "/api/v1/deliveries?forge=nope").json["error"]["message"]
    assert "github" in message and "generic" in message
    assert site.daemon.admin("GET", "/api/v1/deliveries?nobody=knows").status == 200


def test_deliveries_are_private(site):
    assert site.daemon.public("GET", "/api/v1/deliveries").status == 404
    assert site.daemon.admin("GET", "/api/v1/deliveries", {"Host": "evil.example"}).status == 403


def test_a_flood_of_unsigned_requests_is_a_few_rows(site):
    site.daemon.push(site.url, site.upstream.tip(), delivery="honest")
    body = b"{}"
    headers = github_headers(body, "wrong")
    with ThreadPoolExecutor(8) as pool:
        assert {reply.status for reply in pool.map(lambda _: site.daemon.deliver(body, headers), range(300))} \
            <= {401, 429}
    site.daemon.push(site.url, site.upstream.tip(), delivery="last")
    wait_for(lambda: delivery(site.daemon, "last"), "the last one is listed")
    assert len(listed(site.daemon, "?verdict=unauthorized&limit=1000")) < 50
    assert delivery(site.daemon, "honest")


# What outlives a restart

def test_what_was_delivered_before_a_kill_has_its_result_after_the_next_start(http_site, http_upstreams):
    daemon = http_site.daemon
    http_upstreams.hold()
    commit = http_site.upstream.commit({"README": "second\n"})
    daemon.push(http_site.url, commit, delivery="id-1")
    wait_for_result(daemon, "id-1", "waiting")
    daemon.kill9()
    http_upstreams.release()
    daemon.start()
    wait_for_result(daemon, "id-1", "updated")


def test_the_last_delivery_and_a_secrets_last_use_are_known_after_a_restart(site):
    site.daemon.push(site.url, site.upstream.tip(), delivery="id-1")
    before = wait_for(lambda: site.daemon.status()["webhook"]["last_delivery"], "it is seen")
    wait_for_result(site.daemon, "id-1", "unchanged")
    site.daemon.stop()
    site.daemon.start()
    webhook = site.daemon.status()["webhook"]
    assert webhook["last_delivery"] == before
    assert webhook["secrets"] == [{"file": str(site.daemon.directory / "secret"), "last_use": before}]


def test_a_rotation_shows_when_the_old_secret_is_out_of_use(site):
    daemon = site.daemon
    new = write_secret(daemon.directory / "new", "the new secret")
    daemon.settings["webhook"]["secret_files"].append(new)
    daemon.reload()
    old, fresh = daemon.status()["webhook"]["secrets"]
    assert (old["last_use"], fresh) == (None, {"file": new, "last_use": None})
    body = github_push(site.url, site.upstream.tip())
    daemon.deliver(body)
    old = daemon.status()["webhook"]["secrets"][0]["last_use"]

    def used_later():
        daemon.deliver(body, github_headers(body, "the new secret"))
        still, fresh = (secret["last_use"] for secret in daemon.status()["webhook"]["secrets"])
        assert still == old is not None
        return fresh > old and fresh
    # Two deliveries can come within one millisecond.
    fresh = wait_for(used_later, "only the new secret is in use")
    assert fresh in command(site, "status", "site").stdout


# Running one again

def test_an_ignored_delivery_is_replayed_once_the_configuration_knows_its_name(site):
    commit = site.upstream.commit({"README": "second\n"})
    answer = site.daemon.push("https://mirror.example/acme/site.git", commit, delivery="id-1")
    assert answer.json["status"] == "ignored"
    site.daemon.settings["repository"][0]["match"] = ["mirror.example/acme/site"]
    site.daemon.reload()
    wait_for(lambda: delivery(site.daemon, "id-1"), "it is listed")
    answer = replay(site.daemon, "id-1")
    assert (answer.status, answer.json["verdict"], answer.json["repositories"]) == (202, "accepted", ["site"])
    site.wait_for(commit)
    newest = wait_for(lambda: (row := delivery(site.daemon, "id-1"))["verdict"] == "accepted" and row,
                      "the replay is listed too")
    assert newest["client"] != "127.0.0.1"


def test_a_replay_brings_no_withdrawn_commit_back(site):
    first = site.upstream.tip()
    withdrawn = site.upstream.commit({"README": "withdrawn\n"})
    site.daemon.push(site.url, withdrawn, delivery="id-1")
    wait_for_result(site.daemon, "id-1", "updated")
    site.upstream.set_ref("refs/heads/main", first)
    site.daemon.refresh()
    number = delivery(site.daemon, "id-1")["number"]
    assert replay(site.daemon, number).status == 202
    site.daemon.refresh()
    wait_for_commit(site.path, first)


def test_what_cannot_be_replayed_is_refused(site):
    body = b"{}"
    site.daemon.deliver(body, github_headers(body, "wrong", delivery="forged"))
    site.daemon.deliver(body, github_headers(body, SECRET, delivery="invalid"))
    wait_for(lambda: delivery(site.daemon, "invalid"), "both are listed")
    assert replay(site.daemon, "nobody").status == 404
    assert replay(site.daemon, "forged").status == 409
    assert replay(site.daemon, "invalid").status == 409
    assert site.daemon.admin("GET", "/api/v1/deliveries/invalid/replay").status == 405


# The commands

def test_deliveries_prints_a_table_and_json(site):
    site.daemon.push(site.url, site.upstream.commit({"README": "2\n"}), delivery="id-1")
    wait_for_result(site.daemon, "id-1", "updated")
    table = command(site, "deliveries")
    assert table.returncode == DONE
    heading, row = table.stdout.splitlines()
    assert heading.split()[:2] == ["NO", "TIME"]
    assert re.search(rf"^{delivery(site.daemon, 'id-1')['number']} .* github +push +id-1 +accepted +site +updated in \S+ s$", row)
    assert json.loads(command(site, "deliveries", "--json").stdout)["deliveries"] == listed(site.daemon)
    assert command(site, "deliveries", "--repository", "site", "--limit", "1").stdout == table.stdout
    nobody = command(site, "deliveries", "--repository", "nobody")
    assert (nobody.returncode, nobody.stdout) == (USAGE, "")


def test_the_table_fits_a_terminal(site):
    ident = "72d3162e-cc78-11e3-81ab-4c9367dc0958"
    site.daemon.push(site.url, site.upstream.commit({"README": "2\n"}), delivery=ident)
    wait_for_result(site.daemon, ident, "updated")
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    subprocess.run([BINARY, "deliveries", "--config", str(site.daemon.config)], stdout=its, check=True)
    os.close(its)
    lines = os.read(ours, 65536).decode().splitlines()
    os.close(ours)
    assert len(lines) == 2 and max(map(len, lines)) <= 80
    shown = next(word for word in lines[1].split() if word.startswith("72d3162e"))
    assert command(site, "replay", shown).returncode == DONE, "what is left of the id is enough"


def test_follow_prints_one_object_a_line_and_again_when_the_result_is_known(http_site, http_upstreams):
    daemon = http_site.daemon
    process = subprocess.Popen([BINARY, "deliveries", "--follow", "--json", "--config", str(daemon.config)],
                               stdout=subprocess.PIPE, text=True)
    try:
        http_upstreams.hold()
        commit = http_site.upstream.commit({"README": "second\n"})
        daemon.push(http_site.url, commit, delivery="id-1")
        first = json.loads(process.stdout.readline())
        assert (first["id"], first["result"]) == ("id-1", "waiting")
        http_upstreams.release()
        again = json.loads(process.stdout.readline())
        assert (again["number"], again["result"]) == (first["number"], "updated")
        daemon.push(http_site.url, commit, delivery="id-2")
        assert json.loads(process.stdout.readline())["id"] == "id-2"
    finally:
        http_upstreams.release()
        process.kill()
        process.communicate()


def test_replay_runs_one_again_and_says_what_it_triggered(site):
    site.daemon.push(site.url, site.upstream.tip(), delivery="id-1")
    wait_for_result(site.daemon, "id-1", "unchanged")
    run = command(site, "replay", "id-1")
    assert (run.returncode, run.stdout) == (DONE, "accepted site\n")
    assert json.loads(command(site, "replay", "id-1", "--json").stdout)["repositories"] == ["site"]
    unknown = command(site, "replay", "nobody")
    assert (unknown.returncode, unknown.stdout) == (USAGE, "")
    assert "nobody" in unknown.stderr


def harmful(text: str) -> list[str]:
    """What moves a terminal's cursor, or turns the direction of writing."""
    return [c for c in text if (ord(c) < 32 and c != "\n") or 0x7f <= ord(c) < 0xa0 or c in "\u202e\u2066"]


def test_nothing_that_a_sender_chooses_speaks_to_the_terminal(site):
    event = "\u009b31m\u202eX"
    body = github_push("https://github.com/acme/other.git", site.upstream.tip(), ref="refs/heads/\u009b2J\u202e")
    for number, name in enumerate([event.encode().decode("latin-1"), "push"]):
        headers = github_headers(body, SECRET, delivery=f"id-{number}")
        headers["X-GitHub-Event"] = name
        site.daemon.deliver(body, headers)
    wait_for(lambda: delivery(site.daemon, "id-1"), "both are listed")
    table = command(site, "deliveries").stdout
    assert "U+009B31mU+202EX" in table
    assert harmful(table) == []
    lines = command(site, "deliveries", "--json").stdout
    assert harmful(lines) == []
    assert json.loads(lines)["deliveries"][-1]["event"] == event
    assert harmful(site.daemon.log_text()) == []


@pytest.mark.parametrize("arguments", [("replay", "\x1b[31m\x07"), ("refresh", "\x1b[31m"), ("status", "\x1b[31m"),
                                       ("refresh", "--\x1b[31m")])
def test_an_argument_comes_back_with_its_control_characters_shown(site, arguments):
    done = command(site, *arguments)
    assert done.returncode == USAGE
    assert "\\x1b[31m" in done.stderr
    assert harmful(done.stderr) == []


@pytest.mark.parametrize("ident", ["owner/name/1", "a/replay", "x" * 150, "50%+ ?&"])
def test_an_id_of_any_characters_can_be_replayed(site, ident):
    site.daemon.push(site.url, site.upstream.tip(), delivery=ident)
    wait_for(lambda: listed(site.daemon), "it is listed")
    done = command(site, "replay", ident)
    assert (done.returncode, done.stdout) == (DONE, "accepted site\n"), done.stderr


def test_an_id_that_no_path_can_hold_is_replayed_by_its_number(site):
    site.daemon.push(site.url, site.upstream.tip(), delivery="a//b")
    [row] = wait_for(lambda: listed(site.daemon), "it is listed")
    done = command(site, "replay", "a//b")
    assert done.returncode == USAGE
    assert "number" in done.stderr
    assert command(site, "replay", str(row["number"])).returncode == DONE


def test_a_beginning_of_an_id_says_what_is_missing(site):
    for ident in ("72d3162e-1", "72d3162e-2"):
        site.daemon.push(site.url, site.upstream.tip(), delivery=ident)
    wait_for(lambda: delivery(site.daemon, "72d3162e-2"), "both are listed")
    several = command(site, "replay", "72d3162e")
    assert several.returncode == USAGE
    assert "several begin with 72d3162e" in several.stderr
    short = command(site, "replay", "72d3")
    assert short.returncode == USAGE
    assert "8 characters" in short.stderr and "freshet deliveries" in short.stderr


def test_the_table_says_why_a_delivery_was_refused(site):
    body = b"{}"
    assert site.daemon.deliver(body, github_headers(body, "wrong", delivery="forged")).status == 401
    reason = wait_for(lambda: delivery(site.daemon, "forged"), "it is listed")["reason"]
    assert reason and command(site, "deliveries").stdout.splitlines()[-1].endswith(reason)


def test_the_status_of_a_repository_names_what_it_says_of_a_checkout(site):
    lines = command(site, "status", "site").stdout.splitlines()
    assert ["checkout", "path", str(site.path)] in [line.split() for line in lines]
    assert ["checkout", "commit", site.upstream.tip()] in [line.split() for line in lines]


def test_without_a_daemon_both_say_so(follow):
    site = follow(start=False)
    assert command(site, "deliveries").returncode == UNREACHABLE
    assert command(site, "replay", "id-1").returncode == UNREACHABLE


# A ledger that is not well

def stop_and(site, harm):
    site.daemon.stop()
    harm(ledger_file(site.daemon))
    site.daemon.start()


def assert_deliveries_go_on(site):
    commit = site.push({"README": os.urandom(8).hex() + "\n"})
    site.wait_for(commit)


def test_a_damaged_ledger_is_set_aside_and_deliveries_go_on(site):
    stop_and(site, lambda file: file.write_bytes(b"z" * 20_000))
    assert_deliveries_go_on(site)
    assert wait_for(lambda: listed(site.daemon), "the new ledger lists it")
    assert list(ledger_file(site.daemon).parent.glob("ledger.sqlite3.damaged-*"))


def test_a_ledger_that_cannot_be_opened_stops_nobody_and_is_opened_later(site):
    def block(file):
        for one in file.parent.glob("ledger.sqlite3*"):
            one.unlink()
        file.mkdir()
    stop_and(site, block)
    assert_deliveries_go_on(site)
    assert site.daemon.admin("GET", "/api/v1/deliveries").status == 503
    assert command(site, "deliveries").returncode == FAILED
    ledger_file(site.daemon).rmdir()
    wait_for(lambda: site.daemon.admin("GET", "/api/v1/deliveries").status == 200
             and listed(site.daemon), "what was delivered meanwhile is listed")
    assert metrics_of(site.daemon).value("freshet_ledger_rows_lost_total") == 0


def test_a_fifo_in_the_ledgers_place_keeps_nobody_waiting_and_is_said_once(site):
    for file in ledger_file(site.daemon).parent.glob("ledger.sqlite3*"):
        file.unlink()
    os.mkfifo(ledger_file(site.daemon))
    assert site.daemon.admin("GET", "/api/v1/deliveries").status == 503
    assert_deliveries_go_on(site)
    wait_for(lambda: "no regular file" in site.daemon.log_text(), "it is said")
    assert site.daemon.stop() == 0
    assert site.daemon.log_text().count("no regular file") == 1


def test_nobody_else_may_read_the_ledger(site):
    site.daemon.push(site.url, site.upstream.tip(), delivery="id-1")
    wait_for(lambda: delivery(site.daemon, "id-1"), "it is listed")
    modes = {file.name: file.stat().st_mode & 0o777 for file in ledger_file(site.daemon).parent.glob("ledger.sqlite3*")}
    assert modes == dict.fromkeys(("ledger.sqlite3", "ledger.sqlite3-wal", "ledger.sqlite3-shm"), 0o600)


def test_a_ledger_that_somebody_locks_stops_nobody(site):
    other = sqlite3.connect(ledger_file(site.daemon), isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    assert_deliveries_go_on(site)
    other.execute("COMMIT")
    other.close()
    wait_for(lambda: listed(site.daemon), "it is listed once the lock is gone")


def test_a_ledger_that_is_removed_under_way_stops_nobody(site):
    for file in ledger_file(site.daemon).parent.glob("ledger.sqlite3*"):
        file.unlink()
    assert_deliveries_go_on(site)

    def made_anew():
        answer = site.daemon.admin("GET", "/api/v1/deliveries")
        return answer.status == 200 and ledger_file(site.daemon).exists()
    wait_for(made_anew, "a new one is made")
    assert_deliveries_go_on(site)
    wait_for(lambda: listed(site.daemon), "the new one lists deliveries")


# Reload

def test_a_reload_leaves_what_did_not_change_alone(make_daemon, upstream, tmp_path):
    repositories = [{"name": name, "url": str(upstream.path), "path": str(tmp_path / name)}
                    for name in ("one", "two")]
    daemon = make_daemon(*repositories)
    for name in ("one", "two"):
        daemon.wait_for_state("ok", name)
    before = {name: daemon.status(name)["last_success"] for name in ("one", "two")}
    daemon.settings["repository"][1]["keep_old"] = "30s"
    daemon.settings["repository"].append({"name": "three", "url": str(upstream.path),
                                          "path": str(tmp_path / "three")})
    daemon.reload()
    daemon.wait_for_state("ok", "three")
    wait_for(lambda: daemon.status("two")["last_success"] > before["two"], "what changed is refreshed")
    assert daemon.status("one")["last_success"] == before["one"]
    refreshes = metrics_of(daemon)
    assert refreshes.value("freshet_refreshes_total", repository="one") == 1


def test_no_delivery_is_lost_while_reloads_come_in_a_row(site):
    process = site.daemon.process
    with ThreadPoolExecutor(1) as reloader:
        delivering = True

        def reload_again_and_again():
            while delivering:
                process.send_signal(signal.SIGHUP)
                let_pass(0.05)

        reloading = reloader.submit(reload_again_and_again)
        try:
            for number in range(300):
                commit = site.push({"README": f"{number}\n"})
                if number % 30 == 29:
                    site.wait_for(commit)
        finally:
            delivering = False
            reloading.result()
    site.wait_for(commit)
    rows = wait_for(lambda: len(listed(site.daemon, "?limit=1000")) == 300
                    and listed(site.daemon, "?limit=1000"), "all are listed")
    assert {row["verdict"] for row in rows} == {"accepted"}
    wait_for(lambda: {row["result"] for row in listed(site.daemon, "?limit=1000")} <= {"updated", "unchanged"},
             "each has its result")
