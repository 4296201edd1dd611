"""Reload: by SIGHUP and by a changed file, every setting but the listeners, without losing a delivery."""

import http.client
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from daemon import SECRET, run_freshet, write_secret
from forge import github_headers, github_push
from metrics import metrics_of
from published import published_commit
from toml import to_toml
from waiting import let_pass, wait_for

BROKEN = "\n[log]\nlevle = 1\n"


def overview(daemon) -> dict:
    return daemon.admin("GET", "/api/v1/status").json


def last_reload(daemon) -> dict | None:
    return overview(daemon)["configuration"]["last_reload"]


def names(daemon) -> set[str]:
    return {one["name"] for one in daemon.admin("GET", "/api/v1/repositories").json["repositories"]}


def reloads(daemon) -> int:
    return daemon.log_text().count("configuration reloaded") + daemon.log_text().count("configuration not reloaded")


def another(site, name: str, **settings) -> dict:
    return {"name": name, "url": site.url, "path": str(site.path.parent / name)} | settings


@pytest.fixture
def watched(follow):
    """Its file is watched."""
    site = follow(start=False)
    site.daemon.settings = {"watch_config": True} | site.daemon.settings
    site.daemon.write_config()
    site.daemon.start()
    site.wait_for(site.upstream.tip())
    return site


def written_in_place(config: Path, text: str) -> None:
    config.write_text(text)


def replaced_by_a_rename(config: Path, text: str) -> None:
    beside = config.with_name(".freshet.toml.swp")
    beside.write_text(text)
    beside.rename(config)


def removed_and_made_anew(config: Path, text: str) -> None:
    config.rename(config.with_name("freshet.toml~"))
    config.write_text(text)


@pytest.mark.parametrize("save", [written_in_place, replaced_by_a_rename, removed_and_made_anew])
def test_a_saved_file_is_taken_whatever_way_the_editor_saves(watched, save):
    daemon = watched.daemon
    for name in ("second", "third"):
        daemon.settings["repository"].append(another(watched, name))
        save(daemon.config, to_toml(daemon.settings))
        wait_for(lambda: name in names(daemon), f"{name} is followed")
    assert last_reload(daemon)["successful"]


def test_a_link_that_is_exchanged_on_the_way_to_the_file_is_a_change(follow, tmp_path):
    """As a ConfigMap of Kubernetes is mounted: freshet.toml -> ..data/freshet.toml, ..data -> ..VERSION."""
    site = follow(start=False)
    daemon = site.daemon
    mount = tmp_path / "mount"

    def publish(version: str) -> None:
        (mount / version).mkdir(parents=True)
        (mount / version / "freshet.toml").write_text(to_toml(daemon.settings))
        (mount / "..data_tmp").symlink_to(version)
        (mount / "..data_tmp").rename(mount / "..data")

    daemon.settings = {"watch_config": True} | daemon.settings
    publish("..1")
    (mount / "freshet.toml").symlink_to("..data/freshet.toml")
    daemon.config = mount / "freshet.toml"
    daemon.start()
    site.wait_for(site.upstream.tip())
    for version in ("..2", "..3"):
        daemon.settings["repository"].append(another(site, f"of{version}"))
        publish(version)
        wait_for(lambda: f"of{version}" in names(daemon), "the new version is in force")


def test_a_file_behind_a_link_into_another_directory_is_watched(follow, tmp_path):
    site = follow(start=False)
    daemon = site.daemon
    daemon.settings = {"watch_config": True} | daemon.settings
    real = tmp_path / "elsewhere/real.toml"
    real.parent.mkdir()
    real.write_text(to_toml(daemon.settings))
    daemon.config.unlink()
    daemon.config.symlink_to(real)
    daemon.start()
    site.wait_for(site.upstream.tip())
    daemon.settings["repository"].append(another(site, "second"))
    replaced_by_a_rename(real, to_toml(daemon.settings))
    wait_for(lambda: "second" in names(daemon), "it is followed")


def test_a_file_that_is_being_written_is_read_when_it_is_complete(watched):
    """Its first half would be a valid file, without repositories."""
    daemon = watched.daemon
    daemon.settings["repository"].append(another(watched, "second"))
    text = to_toml(daemon.settings)
    half = text.index("[[repository]]")
    before = reloads(daemon)
    with daemon.config.open("w") as file:
        file.write(text[:half])
        file.flush()
        let_pass(0.3)
        os.utime(daemon.config)  # nor does this say that it is complete
        let_pass(0.6)  # a closed file would have been read by now
        assert (reloads(daemon), names(daemon)) == (before, {"site"})
        file.write(text[half:])
    wait_for(lambda: names(daemon) == {"site", "second"}, "it is taken as a whole")
    # The line comes right after the change can be seen.
    wait_for(lambda: reloads(daemon) == before + 1, "it is told once")


def test_a_broken_file_keeps_the_old_one_says_so_everywhere_and_is_tried_again_when_it_changes(watched):
    daemon = watched.daemon
    good = daemon.config.read_text()
    loaded = overview(daemon)["configuration"]["loaded"]
    assert overview(daemon)["configuration"] == {"file": str(daemon.config), "loaded": loaded, "last_reload": None}
    daemon.config.write_text(good + BROKEN)
    wait_for(lambda: last_reload(daemon), "it was tried")
    configuration = overview(daemon)["configuration"]
    assert configuration["loaded"] == loaded
    assert not configuration["last_reload"]["successful"]
    problems = configuration["last_reload"]["problems"]
    assert any("freshet.toml:" in problem and "error" in problem for problem in problems), problems
    # The metric and the lines come right after the status.
    wait_for(lambda: metrics_of(daemon).value("freshet_config_last_reload_successful") == 0, "the metric says so")
    assert all("problem=" in line for line in daemon.log_text().splitlines() if " configuration " in line
               and "problem" in line)
    wait_for(lambda: daemon.log_text().count("configuration not reloaded; the old one stays in force") == 1,
             "it is told once")
    watched.wait_for(watched.push({"README": "still served\n"}))
    daemon.config.write_text(good)
    wait_for(lambda: last_reload(daemon)["successful"], "the mended file is in force")
    assert last_reload(daemon)["problems"] == []
    assert overview(daemon)["configuration"]["loaded"] == last_reload(daemon)["at"] > loaded
    wait_for(lambda: metrics_of(daemon).value("freshet_config_last_reload_successful") == 1, "the metric says so")


def test_a_pipe_in_the_place_of_the_file_stops_nothing(watched):
    daemon = watched.daemon
    daemon.config.unlink()
    os.mkfifo(daemon.config)
    daemon.process.send_signal(signal.SIGHUP)
    wait_for(lambda: (last_reload(daemon) or {"successful": True})["successful"] is False, "it says so")
    assert "pipe" in last_reload(daemon)["problems"][0]
    daemon.config.unlink()
    daemon.write_config()
    wait_for(lambda: last_reload(daemon)["successful"], "the file that is back is taken")


def test_watching_can_be_switched_on_and_off_by_a_reload(site):
    daemon = site.daemon
    daemon.settings = {"watch_config": True} | daemon.settings
    daemon.reload()
    daemon.settings["repository"].append(another(site, "second"))
    daemon.write_config()
    wait_for(lambda: "second" in names(daemon), "it is watched now")
    daemon.settings["watch_config"] = False
    before = reloads(daemon)
    daemon.write_config()
    wait_for(lambda: reloads(daemon) == before + 1, "the last change that is taken")
    daemon.settings["repository"].append(another(site, "third"))
    daemon.write_config()
    daemon.settings["repository"][-1]["name"] = "fourth"
    daemon.reload()  # only this is seen
    assert names(daemon) == {"site", "second", "fourth"}
    assert reloads(daemon) == before + 2


def test_no_delivery_is_lost_while_the_file_changes_again_and_again(watched):
    daemon = watched.daemon
    with ThreadPoolExecutor(1) as writer:
        deliveries = writer.submit(lambda: [watched.push({"README": f"{number}\n"}) for number in range(40)])
        number = 0
        while not deliveries.done():
            number += 1
            daemon.settings["limits"] = {"refreshes": 1 + number % 3}
            daemon.settings["repository"] = daemon.settings["repository"][:1] + (
                [another(watched, f"more{number}")] if number % 2 else [])
            before = reloads(daemon)
            daemon.write_config()
            if number % 3 == 0:
                daemon.process.send_signal(signal.SIGHUP)
            wait_for(lambda: reloads(daemon) > before, "it was taken")
        commits = deliveries.result()
    watched.wait_for(commits[-1])
    assert "configuration not reloaded" not in daemon.log_text()


# What a reload changes.

def test_who_may_speak_to_the_admin_listener_changes(site, tmp_path):
    daemon = site.daemon
    foreign = {"Host": "freshet.example"}
    assert daemon.admin("GET", "/api/v1/status", foreign).status == 403
    token = write_secret(tmp_path / "token", "let me in")
    daemon.settings["admin"] |= {"hosts": ["freshet.example"], "token_file": token}
    daemon.write_config()
    daemon.process.send_signal(signal.SIGHUP)
    wait_for(lambda: daemon.admin("GET", "/api/v1/status").status == 401, "the token is asked for")
    signed = {"Authorization": "Bearer let me in"}
    assert daemon.admin("GET", "/api/v1/status", foreign | signed).status == 200


def test_the_token_of_a_listener_that_others_can_reach_stays(make_daemon, tmp_path):
    """The file may say that it listens on loopback now: until a restart it does not."""
    daemon = make_daemon(start=False)
    token = write_secret(tmp_path / "token", "let me in")
    daemon.settings["admin"] = {"listen": f"0.0.0.0:{daemon.admin_port}", "token_file": token}
    daemon.write_config()
    daemon.start()
    daemon.settings["admin"] = {"listen": f"127.0.0.1:{daemon.admin_port}"}
    daemon.reload()
    assert daemon.admin("GET", "/api/v1/status").status == 401
    answer = daemon.admin("GET", "/api/v1/status", {"Authorization": "Bearer let me in"})
    problems = " ".join(answer.json["configuration"]["last_reload"]["problems"])
    assert "admin.listen" in problems and "admin.token_file" in problems


def test_a_token_that_cannot_be_read_is_not_taken_and_locks_nobody_out(site, tmp_path):
    daemon = site.daemon
    kept, missing = write_secret(tmp_path / "token", "let me in"), str(tmp_path / "missing")
    daemon.settings["admin"]["token_file"] = kept
    daemon.reload()
    signed = {"Authorization": "Bearer let me in"}
    daemon.settings["admin"]["token_file"] = missing
    daemon.settings["log"] = {"format": "json"}
    daemon.write_config()
    daemon.process.send_signal(signal.SIGHUP)

    def refusal():
        answer = daemon.admin("GET", "/api/v1/status", signed)
        assert answer.status == 200
        last = answer.json["configuration"]["last_reload"]
        return not last["successful"] and last
    said = wait_for(refusal, "the reload is refused")
    assert any("admin.token_file" in problem and missing in problem for problem in said["problems"])
    assert "configuration not reloaded" in daemon.log_text() and '{"' not in daemon.log_text()
    wait_for(lambda: b"freshet_config_last_reload_successful 0" in daemon.admin("GET", "/metrics", signed).body,
             "the metric says so")
    write_secret(tmp_path / "missing", "another")
    daemon.process.send_signal(signal.SIGHUP)
    wait_for(lambda: daemon.admin("GET", "/api/v1/status", signed).status == 401, "the other token counts")


def test_the_secrets_of_webhooks_change(site, tmp_path):
    daemon = site.daemon
    body = github_push(site.url, site.upstream.tip())
    fresh = github_headers(body, "another secret", delivery="1")
    assert daemon.deliver(body, fresh).status == 401
    daemon.settings["webhook"]["secret_files"] = [write_secret(tmp_path / "fresh", "another secret")]
    daemon.reload()
    assert daemon.deliver(body, fresh).status == 202
    assert daemon.deliver(body, github_headers(body, SECRET, delivery="2")).status == 401


def test_the_limits_of_the_public_listener_change(site):
    daemon = site.daemon
    body = github_push(site.url, site.upstream.tip())
    assert daemon.deliver(body, github_headers(body, SECRET)).status == 202
    daemon.settings["server"] |= {"max_body": "1KiB"}
    daemon.reload()
    large = body + b" " * 2000
    assert daemon.deliver(large, github_headers(large, SECRET)).status == 413
    daemon.settings["server"] |= {"allow": ["192.0.2.0/24"], "trusted_proxies": ["127.0.0.1"]}
    daemon.reload()
    assert daemon.public("GET", "/healthz").status == 403
    assert daemon.public("GET", "/healthz", headers={"X-Forwarded-For": "192.0.2.7"}).status == 200
    daemon.settings["server"] |= {"rate_limit": "2/h"}
    daemon.reload()
    client = {"X-Forwarded-For": "192.0.2.8"}
    statuses = [daemon.public("GET", "/healthz", headers=client).status for _ in range(3)]
    assert statuses == [200, 200, 429]


def kept_connections(daemon, count: int) -> int:
    """Of so many, opened one after the other, how many are still answered when all are there."""
    connections = [http.client.HTTPConnection("127.0.0.1", daemon.public_port, timeout=20) for _ in range(count)]

    def answers(connection) -> bool:
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().read() is not None
        except (OSError, http.client.HTTPException):
            return False

    try:
        for connection in connections:
            connection.connect()
            connection.auto_open = 0  # not once more by itself
            answers(connection)
        return sum(map(answers, connections))
    finally:
        for connection in connections:
            connection.close()


def test_how_many_connections_one_address_may_have_changes(site):
    assert kept_connections(site.daemon, 4) == 4
    site.daemon.settings["server"] |= {"connections_per_address": 2}
    site.daemon.reload()
    assert kept_connections(site.daemon, 4) < 4


def test_format_and_level_of_the_log_change(site):
    daemon = site.daemon
    daemon.settings["log"] = {"format": "json", "level": "error"}
    daemon.write_config()
    daemon.process.send_signal(signal.SIGHUP)
    loaded = overview(daemon)["configuration"]["loaded"]
    wait_for(lambda: overview(daemon)["configuration"]["loaded"] >= loaded and last_reload(daemon), "it is taken")
    before = daemon.log_text()
    site.wait_for(site.push({"README": "second\n"}))
    daemon.wait_for_state("ok")
    assert daemon.log_text() == before
    daemon.settings["log"]["level"] = "info"
    daemon.reload()
    assert '"event":"configuration reloaded"' in daemon.log_text()


def test_the_limits_of_refreshes_change(site):
    daemon = site.daemon
    daemon.settings["limits"] = {"min_free_disk": "1000TiB"}
    daemon.reload()
    site.push({"README": "second\n"})
    assert daemon.wait_for_state("failing")["last_error"]["class"] == "no_space"
    assert overview(daemon)["disk"][0]["min_free_bytes"] == 1000 * 2**40
    daemon.settings["limits"] = {"min_free_disk": "0", "fetch_size": "1"}
    daemon.reload()
    wait_for(lambda: "fetch_size" in (daemon.status()["last_error"] or {}).get("message", ""), "too large")
    daemon.settings["limits"] = {"min_free_disk": "0"}
    daemon.reload()
    daemon.wait_for_state("ok")
    site.wait_for(site.upstream.tip())


def test_what_cannot_change_is_said_at_each_reload_and_stays(site):
    """What counts is what is running, not what the file said last."""
    daemon = site.daemon
    running = (daemon.settings["server"]["listen"], daemon.settings["admin"]["listen"])
    for _ in range(2):
        daemon.settings["server"]["listen"] = "127.0.0.1:1"
        daemon.settings["state_dir"] = str(daemon.directory / "other")
        daemon.reload()
        problems = last_reload(daemon)["problems"]
        assert len(problems) == 2 and "state_dir" in problems[0] and "server.listen" in problems[1]
    assert daemon.log_text().count("server.listen cannot change while freshet runs") == 2
    listeners = overview(daemon)["listeners"]
    assert (listeners["public"], listeners["admin"]) == running
    daemon.settings["server"]["listen"] = running[0]
    daemon.settings["state_dir"] = str(daemon.directory / "state")
    daemon.reload()
    assert last_reload(daemon)["problems"] == []


def test_a_path_that_is_configured_no_more_is_left_to_its_owner(site):
    daemon = site.daemon
    left = site.path.parent / "left"
    daemon.settings["repository"] = [another(site, "site"), another(site, "two", path=str(left))]
    daemon.reload()
    wait_for(lambda: published_commit(left) == site.upstream.tip(), "it is published")
    daemon.settings["repository"] = [another(site, "site"), another(site, "two", path=f"{left}2")]
    daemon.reload()
    wait_for(lambda: published_commit(Path(f"{left}2")) == site.upstream.tip(), "the other one is")
    assert (left / "README").read_text() == "first\n"


def test_freshet_check_says_the_same_of_a_broken_file(watched):
    daemon = watched.daemon
    daemon.config.write_text(daemon.config.read_text() + BROKEN)
    wait_for(lambda: last_reload(daemon), "it was tried")
    [problem] = [one for one in last_reload(daemon)["problems"] if "levle" in one]
    checked = run_freshet("check", "--config", daemon.config)
    assert checked.returncode == 2
    assert problem.split(": ", 1)[0] in checked.stdout + checked.stderr
