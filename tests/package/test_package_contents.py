"""The Debian package: what is in it, and what lintian says about it."""

import re
import shutil
import subprocess

import pytest


def listing(package) -> dict[str, str]:
    """Mode and owner of each file in the package, by its path."""
    lines = subprocess.run(["dpkg-deb", "-c", package], check=True, capture_output=True, text=True).stdout
    rows = [line.split() for line in lines.splitlines()]
    return {row[5].removeprefix("."): f"{row[0]} {row[1]}" for row in rows}


@pytest.mark.skipif(not shutil.which("lintian"), reason="needs lintian (scripts/install-packages machine)")
def test_lintian_finds_no_error_and_no_warning(package):
    said = subprocess.run(["lintian", "--tag-display-limit", "0", "--fail-on", "error,warning", package],
                          capture_output=True, text=True)
    assert said.returncode == 0, said.stdout


def test_its_files_are_roots_and_nobody_else_writes_them(package):
    files = listing(package)
    assert files["/usr/bin/freshet"] == "-rwxr-xr-x root/root"
    assert files["/lib/systemd/system/freshet.service"] == "-rw-r--r-- root/root"
    assert files["/etc/freshet/freshet.toml"] == "-rw-r--r-- root/root"
    assert set(files.values()) == {"drwxr-xr-x root/root", "-rwxr-xr-x root/root", "-rw-r--r-- root/root"}


def test_it_brings_git_along_and_recommends_what_upstreams_ask_for(package):
    fields = subprocess.run(["dpkg-deb", "-f", package], check=True, capture_output=True, text=True).stdout
    field = dict(re.findall(r"^([\w-]+): (.*)$", fields, re.MULTILINE))
    assert field["Depends"].startswith("git, ") and "libgit2-1.5" in field["Depends"]
    assert field["Recommends"] == "ca-certificates, openssh-client"


def test_the_settings_are_the_only_file_that_an_upgrade_asks_about(package, tmp_path):
    subprocess.run(["dpkg-deb", "-e", package, tmp_path], check=True)
    assert (tmp_path / "conffiles").read_text() == "/etc/freshet/freshet.toml\n"
