"""What the package and `cmake --install` bring beside the program, looked at without installing it."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from conftest import ROOT

BINARY = os.environ["FRESHET_BINARY"]
UNIT = ROOT / "systemd/freshet.service"
STARTER = ROOT / "packaging/debian/freshet.toml"
EXAMPLES = ROOT / "systemd/examples"


def run(*command) -> subprocess.CompletedProcess:
    return subprocess.run([str(word) for word in command], capture_output=True, text=True)


def verify(*units: Path) -> str:
    """What systemd complains about in units of ours."""
    checked = run("systemd-analyze", "verify", "--man=no", *units)
    names = {unit.name for unit in units}
    return "\n".join(line for line in checked.stderr.splitlines() if any(name in line for name in names))


def test_the_unit_exposes_little():
    rated = run("systemd-analyze", "security", "--no-pager", "--offline=true", "--threshold=15", UNIT)
    assert rated.returncode == 0, rated.stdout


@pytest.mark.parametrize("name", ["writable-path.conf", "credentials.conf"])
def test_systemd_takes_the_drop_ins(tmp_path, name):
    unit = tmp_path / "freshet.service"
    unit.write_text(UNIT.read_text().replace("/usr/bin/freshet", BINARY))
    drop_ins = tmp_path / "freshet.service.d"
    drop_ins.mkdir()
    shutil.copy(EXAMPLES / name, drop_ins)
    complaints = run("systemd-analyze", "verify", "--man=no", unit).stderr
    assert name not in complaints and "freshet.service:" not in complaints


def test_systemd_takes_the_units_that_reload_another_service(tmp_path):
    units = [Path(shutil.copy(EXAMPLES / name, tmp_path)) for name in ("reload-nginx.path", "reload-nginx.service")]
    assert verify(*units) == ""


def test_systemd_makes_the_user_and_the_directories(tmp_path):
    for directory in "etc", "var/lib":
        (tmp_path / directory).mkdir(parents=True)
    made = run("systemd-sysusers", f"--root={tmp_path}", ROOT / "systemd/freshet.sysusers")
    assert made.returncode == 0, made.stderr
    user = (tmp_path / "etc/passwd").read_text().strip().split(":")
    assert (user[0], user[5:]) == ("freshet", ["/var/lib/freshet", "/usr/sbin/nologin"])
    made = run("systemd-tmpfiles", "--create", f"--root={tmp_path}", ROOT / "systemd/freshet.tmpfiles")
    if os.geteuid() != 0:
        assert made.returncode != os.EX_DATAERR, made.stderr  # read, although only root can carry it out
        return
    assert made.returncode == 0, made.stderr
    uid, gid = int(user[2]), int(user[3])
    for directory, owner in ("etc/freshet", 0), ("var/lib/freshet", uid):
        info = (tmp_path / directory).stat()
        assert (info.st_mode & 0o7777, info.st_uid, info.st_gid) == (0o750, owner, gid)


def check_settings(directory: Path, text: str) -> subprocess.CompletedProcess:
    (directory / "secret").write_text("secret\n")
    (directory / "secret").chmod(0o600)
    settings = directory / "freshet.toml"
    text = re.sub(r'"/etc/freshet/[a-z.]+"', f'"{directory}/secret"', text)
    text = text.replace("/var/lib/freshet", f"{directory}/state").replace("/srv/git", str(directory))
    settings.write_text(text)
    return run(BINARY, "check", "--config", settings)


def test_the_settings_that_are_installed_are_valid_and_follow_nothing(tmp_path):
    checked = check_settings(tmp_path, STARTER.read_text())
    assert (checked.returncode, checked.stderr) == (0, "")
    assert "0 repositories" in checked.stdout


def test_the_settings_that_are_installed_are_valid_with_their_examples_taken_in(tmp_path):
    checked = check_settings(tmp_path, re.sub(r"^#(?=[a-z\[])", "", STARTER.read_text(), flags=re.MULTILINE))
    assert checked.returncode == 0, checked.stderr


def test_what_the_settings_say_of_other_files_is_true():
    words = STARTER.read_text() + (ROOT / "systemd/freshet.service").read_text()
    assert "examples/freshet.toml" in words and (ROOT / "etc/freshet.toml").exists()
    assert "examples/systemd" in words and EXAMPLES.is_dir()


def test_an_installation_below_a_prefix_is_whole_and_its_unit_starts_its_own_program(tmp_path):
    prefix = tmp_path / "prefix"
    done = run("cmake", "--install", Path(BINARY).parent, "--prefix", prefix)
    assert done.returncode == 0, done.stderr
    unit = (prefix / "lib/systemd/system/freshet.service").read_text()
    assert f"ExecStart={prefix}/bin/freshet serve" in unit and "/usr/bin/freshet" not in unit
    for file in ("bin/freshet", "lib/sysusers.d/freshet.conf", "lib/tmpfiles.d/freshet.conf",
                 "share/doc/freshet/examples/freshet.toml", "share/doc/freshet/docs/installation.md"):
        assert (prefix / file).is_file(), file
    assert not (prefix / "etc").exists()


def test_every_manual_page_and_completion_is_installed(tmp_path):
    prefix = tmp_path / "prefix"
    assert run("cmake", "--install", Path(BINARY).parent, "--prefix", prefix).returncode == 0
    pages = {path.name for path in (ROOT / "docs/man").glob("*.[158]")}
    assert {path.name.removesuffix(".gz") for path in (prefix / "share/man").rglob("*.gz")} == pages
    completions = [path for path in (ROOT / "completions").glob("*") if path.is_file()]
    found = {path.read_bytes() for path in prefix.rglob("*") if path.is_file() and "complet" in str(path)}
    assert found == {path.read_bytes() for path in completions}
