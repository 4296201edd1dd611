"""The package in a fresh Debian: it installs, starts, is upgraded, removed and purged. The tests are one
story and run in their order."""

import json

from waiting import wait_for

UPSTREAM = "/srv/upstream/site.git"
PATH = "/srv/git/site"


def test_installing_it_starts_a_service_that_follows_nothing_yet(installed):
    assert installed.property("ActiveState") == "active"
    assert installed.run("systemctl is-enabled freshet").strip() == "enabled"
    assert installed.run("curl -fsS http://127.0.0.1:8480/healthz -o /dev/null -w '%{http_code}'") == "200"
    assert "valid" in installed.run("freshet check")
    assert json.loads(installed.run("freshet status --json")) is not None


def test_installing_it_makes_a_user_without_rights_and_a_secret_nobody_else_reads(installed):
    assert installed.run("getent passwd freshet").strip().endswith(":/var/lib/freshet:/usr/sbin/nologin")
    assert installed.run("stat -c '%a %U %G' /etc/freshet /etc/freshet/webhook.secret /var/lib/freshet"
                         ).splitlines() == ["750 root freshet", "640 root freshet", "750 freshet freshet"]
    assert len(installed.run("cat /etc/freshet/webhook.secret").strip()) == 64
    assert installed.machine.try_run("cat /etc/freshet/webhook.secret", user="nobody").returncode != 0


def test_a_repository_in_the_configuration_is_published_after_a_reload(installed):
    commit = installed.make_upstream(UPSTREAM)
    installed.run("install -d -o freshet -g freshet /srv/git")
    installed.follow(name="site", url=UPSTREAM, path=PATH)
    installed.wait_for_commit(PATH, commit)
    assert installed.run(f"cat {PATH}/README", user="nobody") == "first\n"


def test_a_signed_delivery_is_accepted_and_published(installed):
    commit = installed.commit(UPSTREAM, "README", "second")
    assert installed.deliver(UPSTREAM, commit) == 202
    installed.wait_for_commit(PATH, commit)
    assert "site" in installed.run("freshet status")


def kept_state(installed) -> dict:
    deliveries = json.loads(installed.run("curl -sS http://127.0.0.1:8481/api/v1/deliveries"))["deliveries"]
    return {
        "deliveries": [delivery["id"] for delivery in deliveries],
        "paused": installed.status("paused")["state"],
        "tree": installed.run(f"readlink {PATH}; stat -Lc %i {PATH}"),
        "mirrors": installed.run("cd /var/lib/freshet/mirrors; find -name '*.pack' -o -name packed-refs | sort"),
        "secret": installed.run("cat /etc/freshet/webhook.secret"),
        "settings": installed.run("cat /etc/freshet/freshet.toml"),
    }


def test_an_upgrade_restarts_the_service_and_keeps_what_it_knew(installed, newer_package):
    installed.follow(name="paused", url=UPSTREAM, path="/srv/git/paused")
    installed.wait_for_commit("/srv/git/paused", installed.published(PATH))
    installed.run("freshet pause paused")
    before, process = kept_state(installed), installed.property("MainPID")
    assert before["deliveries"] and before["paused"] == "paused"
    installed.machine.install(newer_package)
    assert installed.property("MainPID") not in (process, "0")
    wait_for(lambda: installed.status("site")["state"] == "ok", "the upgraded service has looked")
    assert kept_state(installed) == before
    commit = installed.commit(UPSTREAM, "README", "third")
    assert installed.deliver(UPSTREAM, commit) == 202
    installed.wait_for_commit(PATH, commit)


def test_an_upgrade_leaves_a_service_disabled_that_the_administrator_disabled(installed, package):
    installed.run("systemctl disable --now freshet 2>&1")
    installed.run(f"apt-get -qy install --allow-downgrades /root/{package.name} 2>&1")
    assert installed.machine.try_run("systemctl is-enabled freshet").stdout.strip() == "disabled"
    installed.run("systemctl enable --now freshet 2>&1")


def test_a_backup_of_the_state_brings_back_what_was_lost(installed):
    before = kept_state(installed)
    installed.run("systemctl stop freshet; tar -C / -czf /root/backup.tar.gz etc/freshet var/lib/freshet")
    installed.run("rm -r /var/lib/freshet /etc/freshet; systemd-tmpfiles --create freshet.conf")
    installed.run("tar -C / -xzf /root/backup.tar.gz; chown -R freshet: /var/lib/freshet; systemctl start freshet")
    wait_for(lambda: installed.status("site")["state"] == "ok", "the service with its old state has looked")
    assert kept_state(installed) == before


def test_removing_it_ends_the_service_and_keeps_trees_settings_and_state(installed):
    commit = installed.published(PATH)
    installed.run("apt-get -qy remove freshet 2>&1")
    assert installed.machine.try_run("systemctl is-active freshet").stdout.strip() == "inactive"
    assert installed.published(PATH) == commit
    installed.run(f"test -d /var/lib/freshet/mirrors -a -f /etc/freshet/freshet.toml -a -f {PATH}/README")


def test_installing_it_again_goes_on_where_it_was(installed, package):
    secret = installed.run("cat /etc/freshet/webhook.secret")
    installed.machine.install(package)
    assert installed.run("cat /etc/freshet/webhook.secret") == secret
    commit = installed.commit(UPSTREAM, "README", "fourth")
    assert installed.deliver(UPSTREAM, commit) == 202
    installed.wait_for_commit(PATH, commit)


def test_purging_it_takes_what_is_its_own_and_nothing_else(installed):
    installed.run("echo mine > /etc/freshet/token; mkdir /var/lib/freshet/.ssh")
    installed.run("apt-get -qy purge freshet 2>&1")
    elsewhere = " -o ".join(f"-path /{name}" for name in ("srv", "proc", "root", "tmp", "var/log", "var/cache"))
    left = installed.run(rf"find / -xdev \( {elsewhere} \) -prune -o -path '*freshet*' -print")
    assert left.split() == ["/etc/freshet", "/etc/freshet/token", "/var/lib/freshet", "/var/lib/freshet/.ssh"]
    assert installed.run(f"cat {PATH}/README") == "fourth\n"
    assert installed.run("getent passwd freshet")
