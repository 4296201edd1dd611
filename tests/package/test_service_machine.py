"""The installed service under the limits of its unit: everything that freshet does has to work there, and
what the unit forbids must not. Tests share one machine and one service, each with repositories of its own."""

import json

import pytest
from waiting import wait_for

from conftest import ROOT

EXAMPLES = ROOT / "systemd/examples"
NGINX_SITE = """
server {
  listen 127.0.0.1:443 ssl;
  ssl_certificate /etc/nginx/upstream.pem;
  ssl_certificate_key /etc/nginx/upstream.key;
  auth_basic upstream;
  auth_basic_user_file /etc/nginx/upstream.users;
  location ~ ^(/.*)$ {
    include fastcgi_params;
    fastcgi_param SCRIPT_FILENAME /usr/lib/git-core/git-http-backend;
    fastcgi_param GIT_HTTP_EXPORT_ALL 1;
    fastcgi_param GIT_PROJECT_ROOT /srv/https;
    fastcgi_param PATH_INFO $1;
    fastcgi_param HTTP_GIT_PROTOCOL $http_git_protocol;
    fastcgi_param REMOTE_USER $remote_user;
    fastcgi_pass unix:/run/fcgiwrap.socket;
  }
}
"""
PASSWORD = "a password only systemd passes on"


@pytest.fixture(scope="module")
def service(installed):
    installed.run("install -d -o freshet -g freshet /srv/git")
    return installed


@pytest.fixture(scope="module")
def https_upstream(service):
    """(url, path, commit) of an upstream behind nginx with a password; the password is a credential."""
    run, machine = service.run, service.machine
    run("install -d -o www-data /srv/https")
    commit = service.make_upstream("/srv/https/docs.git", owner="www-data")
    run("""openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost \
             -addext subjectAltName=DNS:localhost -keyout /etc/nginx/upstream.key -out /etc/nginx/upstream.pem \
             2>/dev/null
           cp /etc/nginx/upstream.pem /etc/freshet/ca.pem""")
    machine.write("/etc/nginx/upstream.users", "reader:" + run(f"openssl passwd -6 '{PASSWORD}'"))
    machine.write("/etc/nginx/conf.d/upstream.conf", NGINX_SITE)
    run("systemctl restart fcgiwrap.socket nginx")
    machine.write("/etc/freshet/private/github", PASSWORD, mode=0o600)
    machine.write("/etc/freshet/private/webhook", "secret of the webhook", mode=0o600)
    service.settings["credential"].append({
        "match": "https://localhost/*", "username": "reader", "password_file": "credential:github",
        "ca_file": "/etc/freshet/ca.pem"})
    service.drop_in("credentials.conf", (EXAMPLES / "credentials.conf").read_text())
    return "https://localhost/docs.git", "/srv/https/docs.git", commit


@pytest.fixture(scope="module")
def ssh_upstream(service):
    """(url, path, commit) of an upstream behind sshd."""
    run = service.run
    run("useradd -m git; ssh-keygen -q -t ed25519 -N '' -f /etc/freshet/id_ed25519")
    run("""install -d -m 700 -o git /home/git/.ssh
           install -m 600 -o git /etc/freshet/id_ed25519.pub /home/git/.ssh/authorized_keys
           chown freshet: /etc/freshet/id_ed25519
           systemctl start ssh
           { printf 'localhost '; cat /etc/ssh/ssh_host_ed25519_key.pub; } > /etc/freshet/known_hosts""")
    commit = service.make_upstream("/home/git/docs.git", owner="git")
    service.settings["credential"].append({
        "match": "ssh://git@localhost/*", "ssh_key_file": "/etc/freshet/id_ed25519",
        "known_hosts_file": "/etc/freshet/known_hosts"})
    return "ssh://git@localhost/home/git/docs.git", "/home/git/docs.git", commit


def local_upstream(service, name: str) -> tuple[str, str]:
    path = f"/srv/upstream/{name}.git"
    return path, service.make_upstream(path)


def failure(service, name: str) -> dict:
    wait_for(lambda: service.status(name)["state"] == "failing", f"{name} fails")
    return service.status(name)["last_error"]


def test_the_kernel_holds_the_limits_of_the_unit_against_the_service(service):
    status = dict(line.split(":\t") for line in service.run(
        f"cat /proc/{service.property('MainPID')}/status").splitlines() if ":\t" in line)
    assert (status["NoNewPrivs"], int(status["CapBnd"], 16), status["Seccomp"]) == ("1", 0, "2")
    assert status["Uid"].split()[0] == service.run("id -u freshet").strip()


def test_an_upstream_over_https_with_a_credential_of_systemd_is_published(service, https_upstream):
    url, upstream, commit = https_upstream
    service.follow(name="https", url=url, path="/srv/git/https",
                   gate=[{"run": ["/usr/bin/test", "-f", "README"]}])
    service.wait_for_commit("/srv/git/https", commit)
    commit = service.commit(upstream, "README", "second")
    assert service.deliver(url, commit) == 202
    service.wait_for_commit("/srv/git/https", commit)
    assert PASSWORD not in service.machine.journal("freshet")


def test_an_upstream_over_ssh_is_published(service, ssh_upstream):
    url, upstream, commit = ssh_upstream
    service.follow(name="ssh", url=url, path="/srv/git/ssh")
    service.wait_for_commit("/srv/git/ssh", commit)
    commit = service.commit(upstream, "README", "second")
    assert service.deliver(url, commit) == 202
    service.wait_for_commit("/srv/git/ssh", commit)


def test_a_webhook_secret_can_be_a_credential_of_systemd(service, https_upstream):
    assert service.run("test -e /run/credentials/freshet.service/webhook && echo there").strip() == "there"
    service.settings["webhook"]["secret_files"].append("credential:webhook")
    service.configure()
    service.run("systemctl reload freshet")
    body = "{}"
    signature = service.run("printf %s '{}' | openssl dgst -sha256 -hmac 'secret of the webhook' -r").split()[0]
    answer = service.run(
        f"curl -sS -d '{body}' -H 'Content-Type: application/json' -H 'X-GitHub-Event: ping' "
        f"-H 'X-Hub-Signature-256: sha256={signature}' http://127.0.0.1:8480/api/v1/webhooks/github")
    assert json.loads(answer)["status"] == "pong"


def test_trees_in_place_and_for_a_group_are_published(service):
    upstream, commit = local_upstream(service, "group")
    service.follow(name="group", url=upstream, checkout=[
        {"path": "/srv/git/group", "group": "www-data"},
        {"path": "/srv/git/in-place", "mode": "in_place"}])
    assert "Operation not permitted" in failure(service, "group")["message"]
    service.drop_in("group.conf", "[Service]\nSupplementaryGroups=www-data\n")
    service.wait_for_commit("/srv/git/group", commit)
    assert service.run("stat -Lc %G /srv/git/group/README").strip() == "www-data"
    wait_for(lambda: service.machine.try_run("cat /srv/git/in-place/README").stdout == "first\n", "it is published")


def test_a_mirror_takes_in_branches_whose_names_have_directories(service):
    upstream, commit = local_upstream(service, "branches")
    service.run(f"git -C {upstream} branch feature/one main", user="freshet")
    service.follow(name="branches", url=upstream, mirror=True, path="/srv/git/branches")
    service.wait_for_commit("/srv/git/branches", commit)
    service.run(f"git -C {upstream} branch topic/two/three main", user="freshet")
    service.run("freshet refresh branches --wait")
    branches = service.run("git --git-dir=$(find /var/lib/freshet/mirrors -name branches.git) branch", user="freshet")
    assert branches.split() == ["feature/one", "*", "main", "topic/two/three"]


def test_a_place_that_the_unit_does_not_name_is_refused_and_a_drop_in_adds_it(service):
    upstream, commit = local_upstream(service, "elsewhere")
    service.run("install -d -o freshet -g freshet /var/www/docs")
    service.follow(name="elsewhere", url=upstream, path="/var/www/docs/tree")
    assert "Read-only file system" in failure(service, "elsewhere")["message"]
    service.drop_in("writable-path.conf", (EXAMPLES / "writable-path.conf").read_text())
    service.wait_for_commit("/var/www/docs/tree", commit)


def test_a_check_by_root_finds_what_the_service_may_not_read_or_write(service):
    upstream, commit = local_upstream(service, "checked")
    service.run("install -d /srv/roots; echo token > /etc/freshet/roots; chmod 600 /etc/freshet/roots")
    service.settings["credential"].append({"match": "https://example.invalid/*", "token_file": "/etc/freshet/roots"})
    service.follow(name="checked", url=upstream, path="/srv/roots/checked")
    said = service.run("freshet check 2>&1")
    assert "looking as the user freshet" in said
    assert "cannot open /etc/freshet/roots: Permission denied" in said
    assert "/srv/roots/checked cannot be published: no writing in /srv/roots: Permission denied" in said
    failed = service.machine.try_run("freshet check --online")
    assert failed.returncode == 1 and "token_file: error: " in failed.stdout
    service.run("chown freshet /srv/roots; chgrp freshet /etc/freshet/roots; chmod 640 /etc/freshet/roots")
    assert "/roots" not in service.run("freshet check").partition(": valid")[0]
    service.run("freshet refresh checked --wait")
    service.wait_for_commit("/srv/roots/checked", commit)


def test_a_command_after_an_update_changes_nothing_outside_of_what_is_writable(service):
    upstream, commit = local_upstream(service, "curious")
    probe = """{ touch /etc/freshet/x || echo etc; touch /usr/x || echo usr; ls /home/git || echo home;
                 mount -t tmpfs none /tmp || echo mount; chmod u+s /srv/git/probe || echo setuid;
                 unshare -r true || echo namespace; } > /srv/git/probe 2>/dev/null"""
    service.follow(name="curious", url=upstream, path="/srv/git/curious",
                   on_update=[{"run": ["/bin/sh", "-c", probe]}])
    service.wait_for_commit("/srv/git/curious", commit)
    wait_for(lambda: "namespace" in service.machine.try_run("cat /srv/git/probe").stdout, "the command ran")
    assert service.run("cat /srv/git/probe").split() == ["etc", "usr", "home", "mount", "setuid", "namespace"]


def nginx_reloads(service) -> int:
    return service.machine.journal("nginx").count("Reloaded")


def test_a_command_after_an_update_reloads_another_service_with_the_polkit_rule(service):
    upstream, commit = local_upstream(service, "polkit")
    service.run("systemctl start polkit")
    command = "systemctl --no-ask-password reload nginx.service"
    refused = service.machine.try_run(command, user="freshet")
    assert refused.returncode != 0
    service.machine.write("/etc/polkit-1/rules.d/50-freshet-reload-nginx.rules",
                          (EXAMPLES / "polkit-reload-nginx.rules").read_text())
    before = nginx_reloads(service)
    service.follow(name="polkit", url=upstream, path="/srv/git/polkit", on_update=[{"run": command.split()}])
    service.wait_for_commit("/srv/git/polkit", commit)
    wait_for(lambda: nginx_reloads(service) == before + 1, "nginx was reloaded")
    for other in "systemctl --no-ask-password stop nginx.service", "systemctl --no-ask-password reload ssh.service":
        assert service.machine.try_run(other, user="freshet").returncode != 0


def test_a_command_after_an_update_reloads_another_service_with_the_path_unit(service):
    upstream, commit = local_upstream(service, "path-unit")
    for unit in "reload-nginx.path", "reload-nginx.service":
        service.machine.write(f"/etc/systemd/system/{unit}", (EXAMPLES / unit).read_text())
    service.run("systemctl daemon-reload; systemctl enable --now reload-nginx.path 2>&1")
    before = nginx_reloads(service)
    service.follow(name="path-unit", url=upstream, path="/srv/git/path-unit",
                   on_update=[{"run": ["touch", "/run/freshet/reload-nginx"]}])
    service.wait_for_commit("/srv/git/path-unit", commit)
    wait_for(lambda: nginx_reloads(service) == before + 1, "nginx was reloaded")
    assert service.deliver(upstream, second := service.commit(upstream, "README", "second")) == 202
    service.wait_for_commit("/srv/git/path-unit", second)
    wait_for(lambda: nginx_reloads(service) == before + 2, "nginx was reloaded again")


def test_a_unix_socket_of_the_admin_listener_serves_members_of_the_group(service):
    service.settings["admin"] = {"listen": "unix:/run/freshet/admin.sock"}
    service.configure()
    service.restart()
    assert "polkit" in service.run("freshet status")
    assert service.machine.try_run("curl -fsS --unix-socket /run/freshet/admin.sock http://localhost/api/v1/repositories",
                                   user="nobody").returncode != 0
    del service.settings["admin"]
    service.configure()
    service.restart()


def test_a_port_below_1024_takes_a_capability_that_a_drop_in_gives(service):
    service.settings["server"] = {"listen": "127.0.0.1:81"}
    service.configure()
    service.drop_in("port.conf", "[Service]\nAmbientCapabilities=CAP_NET_BIND_SERVICE\n"
                                 "CapabilityBoundingSet=CAP_NET_BIND_SERVICE\n")
    service.run("curl -fsS http://127.0.0.1:81/healthz")
    del service.settings["server"]
    service.configure()
    service.run("rm /etc/systemd/system/freshet.service.d/port.conf")
    service.restart()


def test_an_upstream_below_home_takes_a_drop_in(service):
    service.run("install -d /home/upstreams; chown freshet: /home/upstreams")
    commit = service.make_upstream("/home/upstreams/home.git")
    service.follow(name="home", url="/home/upstreams/home.git", path="/srv/git/home")
    failure(service, "home")
    service.drop_in("home.conf", "[Service]\nProtectHome=read-only\n")
    service.wait_for_commit("/srv/git/home", commit)


def test_a_reload_of_a_broken_configuration_fails_for_who_asked_and_the_service_goes_on(service):
    process = service.property("MainPID")
    service.machine.write("/etc/freshet/freshet.toml", "colour = 1\n")
    assert service.machine.try_run("systemctl reload freshet").returncode != 0
    assert service.property("ActiveState") == "active"
    assert "colour" in service.machine.journal("freshet")
    service.configure()
    service.run("systemctl reload freshet")
    assert service.property("MainPID") == process


def test_a_service_that_hangs_is_ended_and_started_again_by_the_watchdog(service):
    service.drop_in("watchdog.conf", "[Service]\nWatchdogSec=2\n")
    process = service.property("MainPID")
    service.run(f"kill -STOP {process}")
    wait_for(lambda: service.property("MainPID") not in (process, "0")
             and service.property("ActiveState") == "active", "another process serves", timeout=120)
    assert service.property("NRestarts") == "1"
