"""The log: one line an event, ids that join them, priorities under systemd, nothing secret."""

import json
import os
import re
from urllib.parse import quote

import pytest

from certificates import make_authority
from daemon import SECRET, request, write_secret
from forge import github_headers, github_push
from lies import answer
from lying_site import liar, lying_site, make_lying_site, secured  # noqa: F401
from metrics import metrics_of
from waiting import wait_for

# What turns the direction of writing, ends a line, or commands a terminal.
HARMFUL = "\u202e\u2066\u0085\u2028\x9b31m"


def lines_with(daemon, word: str) -> list[str]:
    return [line for line in daemon.log_text().splitlines() if word in line]


def field(line: str, name: str) -> str:
    return re.search(rf"\b{name}=(\S+)", line).group(1)


def test_one_word_leads_from_a_delivery_to_what_it_published(site):
    commit = site.upstream.commit({"README": "second\n"})
    assert site.daemon.push(site.url, commit, delivery="1b2c-3d").status == 202
    site.wait_for(commit)
    wait_for(lambda: lines_with(site.daemon, "trigger=delivery"), "the refresh ended")
    [delivery] = lines_with(site.daemon, "delivery=1b2c-3d")
    joined = lines_with(site.daemon, f"refresh={field(delivery, 'refresh')}")
    assert [line.split()[2] for line in joined] == ["delivery", "published", "refreshed"]
    assert field(joined[1], "commit") == commit


def test_deliveries_that_wait_for_one_refresh_name_that_one(http_site, http_upstreams):
    daemon = http_site.daemon
    packs = http_upstreams.packs_asked_for()
    http_upstreams.hold()
    http_site.push({"README": "the first\n"})
    wait_for(lambda: http_upstreams.packs_asked_for() > packs, "its refresh runs")
    commits = [http_site.push({"README": f"{number}\n"}) for number in range(3)]
    http_upstreams.release()
    http_site.wait_for(commits[-1])
    wait_for(lambda: len(lines_with(daemon, "trigger=delivery")) == 2, "both ended")
    first, *others = [field(line, "refresh") for line in lines_with(daemon, " info delivery ")]
    [second] = set(others)
    assert first != second
    assert [field(line, "refresh") for line in lines_with(daemon, "trigger=delivery")] == [first, second]


def test_a_delivery_that_brought_nothing_new_has_the_line_of_its_refresh_too(site):
    assert site.daemon.push(site.url, site.upstream.tip(), delivery="again").status == 202
    [delivery] = lines_with(site.daemon, "delivery=again")
    wait_for(lambda: lines_with(site.daemon, "nothing new"), "it ended")
    [ended] = lines_with(site.daemon, "nothing new")
    assert field(ended, "refresh") == field(delivery, "refresh")


def test_a_failed_refresh_has_its_id_and_says_why(lying_site, liar):
    liar.lie(answer(404))
    lying_site.site.wait_for_failure({"not_found"})
    line = lines_with(lying_site.daemon, "refresh failed")[0]
    assert field(line, "class") == "not_found" and field(line, "repository") == "site"
    assert " warning " in line


def test_ids_of_another_process_are_other_ones(site):
    wait_for(lambda: lines_with(site.daemon, "refreshed"), "the refresh ended")
    first = {field(line, "refresh") for line in lines_with(site.daemon, "refreshed")}
    site.daemon.stop()
    site.daemon.start()
    wait_for(lambda: site.daemon.public("GET", "/readyz").status == 200, "it is refreshed again")
    site.wait_for(site.push({"README": "second\n"}))
    wait_for(lambda: lines_with(site.daemon, "trigger=delivery"), "the refresh ended")
    second = {field(line, "refresh") for line in lines_with(site.daemon, "trigger=delivery")}
    assert first and second and not first & second


def test_json_lines_are_json_and_carry_the_same(follow):
    site = follow(daemon={"log": {"format": "json", "level": "debug"}})
    commit = site.upstream.commit({"README": "second\n"})
    assert site.daemon.push(site.url, commit).status == 202
    site.wait_for(commit)
    wait_for(lambda: lines_with(site.daemon, '"trigger":"delivery"'), "the refresh ended")
    lines = [json.loads(line) for line in site.daemon.log_text().splitlines()]
    assert all({"time", "level", "event"} <= set(line) for line in lines)
    [delivery] = [line for line in lines if line["event"] == "delivery"]
    assert delivery["verdict"] == "accepted"
    joined = [line["event"] for line in lines if line.get("refresh") == delivery["refresh"]]
    assert joined == ["delivery", "published", "refreshed"]


@pytest.mark.parametrize("form", ["text", "json"])
def test_nothing_from_outside_reaches_the_terminal_as_a_command(follow, form):
    site = follow(daemon={"log": {"format": form}})
    route = f"/api/v1/webhooks/github/from{quote(HARMFUL + chr(27))}outside"
    assert site.daemon.public("POST", route, b"{}", github_headers(b"{}", "wrong")).status == 401
    wait_for(lambda: lines_with(site.daemon, "delivery refused"), "it is refused")
    [line] = lines_with(site.daemon, "delivery refused")
    shown = json.loads(line)["route"] if form == "json" else line
    assert "from" in shown and "outside" in shown
    assert not set(HARMFUL.replace("31m", "")) & set(line)
    assert not re.search(r"[\x00-\x1f\x7f-\x9f]", line)
    if form == "json":
        assert HARMFUL in shown, "escaped, not lost"


@pytest.mark.parametrize("form", ["text", "json"])
def test_in_the_journal_lines_carry_a_priority_and_text_no_time(follow, form):
    site = follow(start=False, daemon={"log": {"format": form}})
    site.daemon.log.touch()
    stream = os.stat(site.daemon.log)
    site.daemon.start(env={"JOURNAL_STREAM": f"{stream.st_dev}:{stream.st_ino}"})
    site.wait_for(site.upstream.tip())
    site.daemon.deliver(b"{}", github_headers(b"{}", "wrong"))
    wait_for(lambda: lines_with(site.daemon, "delivery refused"), "it is refused")
    lines = site.daemon.log_text().splitlines()
    assert all(re.match(r"<[3-7]>", line) for line in lines)
    [refused] = lines_with(site.daemon, "delivery refused")
    assert refused.startswith("<4>")
    assert all(line.startswith("<6>") for line in lines_with(site.daemon, "published"))
    if form == "json":
        assert json.loads(refused[3:])["event"] == "delivery refused"
    else:
        assert refused.startswith("<4>delivery refused forge=github")


def test_who_only_inherited_the_journals_variable_writes_ordinary_lines(follow):
    """A unit may send its output into a file; JOURNAL_STREAM is still that of the service manager."""
    site = follow(start=False)
    site.daemon.start(env={"JOURNAL_STREAM": "9:12345"})
    site.wait_for(site.upstream.tip())
    assert all(re.match(r"\d{4}-\d\d-\d\dT", line) for line in site.daemon.log_text().splitlines())


def test_a_poll_that_finds_nothing_writes_no_line(lying_site):
    daemon = lying_site.daemon
    wait_for(lambda: len(lines_with(daemon, "refreshed")) == 2, "both were fetched")
    before = daemon.log_text()

    def polls() -> float:
        return metrics_of(daemon).value("freshet_polls_total")

    enough = polls() + 4
    wait_for(lambda: polls() >= enough, "some polls went by")
    assert daemon.log_text() == before


@pytest.mark.parametrize("form", ["text", "json"])
def test_no_secret_is_in_any_line(make_lying_site, secured, tmp_path, form):
    server, authority, credential = secured
    token, signing = "the admin's very own token", "what signs the requests"
    hooks = [{"post": "http://127.0.0.1:1/closed", "secret_file": write_secret(tmp_path / "signing", signing)}]
    ours = make_authority(tmp_path / "ours")
    made = make_lying_site(server, credentials=[credential], on_update=hooks, tables={
        "log": {"format": form, "level": "debug"}})
    daemon = made.daemon
    daemon.settings["admin"]["token_file"] = write_secret(tmp_path / "admin", token)
    daemon.settings["webhook"]["secret_files"].append(str(tmp_path / "nowhere"))
    daemon.write_config()
    daemon.stop()
    daemon.start()
    shown = {"Authorization": f"Bearer {token}"}
    wait_for(lambda: daemon.public("GET", "/readyz").status == 200, "it is refreshed")
    body = github_push(made.site.url, made.site.upstream.tip())
    assert daemon.deliver(body, github_headers(body, SECRET)).status == 202
    assert daemon.deliver(body, github_headers(body, "wrong")).status == 401
    assert daemon.admin("GET", "/metrics", {"Authorization": "Bearer wrong"}).status == 401
    assert request(daemon.admin_port, "POST", "/api/v1/repositories/site/refresh?wait=30s",
                   headers=shown).status == 200
    (tmp_path / "token").write_text("a password that was mistyped\n")
    refused = request(daemon.admin_port, "POST", "/api/v1/repositories/site/refresh?wait=30s", headers=shown)
    assert refused.status == 502
    wait_for(lambda: "action after an update failed" in daemon.log_text(), "nobody takes the request")
    secrets = {SECRET, token, signing, server.password, "a password that was mistyped", "wrong",
               ours.key.read_text().splitlines()[1]}
    texts = [daemon.log_text()] + [daemon.admin("GET", path, shown).body.decode() for path in
                                   ("/metrics", "/api/v1/status", "/api/v1/repositories", "/api/v1/deliveries")]
    for secret in secrets:
        assert not any(secret in text for text in texts), f"{secret!r} is told"
