"""What readers of an atomic checkout may rely on, and what a hostile commit cannot do."""

import json
import os
import stat
import threading

import pytest

from daemon import run_freshet
from published import assert_complete, files_of, published_commit
from tree_watch import TreeWatch
from upstream import Executable, Link, git
from waiting import let_pass, wait_for

SWITCHES = int(os.environ.get("FRESHET_TEST_SWITCHES", 40))
NUMBERED = [f"folder{i % 5}/file{i}" for i in range(40)]


def numbered(number: int) -> dict:
    return {name: f"{number}\n" for name in NUMBERED}


def test_the_link_is_relative_and_ends_in_the_full_commit_hash(site):
    target = os.readlink(site.path)
    assert not target.startswith("/")
    assert target.split("/")[0] == ".site.freshet"
    assert target.split("/")[-1] == site.upstream.tip()


def test_the_published_tree_is_a_clean_clone_for_git(site):
    site.wait_for(site.push({"README": "second\n"}))
    assert git(site.path, "status", "--porcelain") == ""
    assert git(site.path, "log", "--format=%H").split("\n") == [
        site.upstream.tip(), site.upstream.tip("refs/heads/main~1")]


def test_a_reader_never_sees_a_mixture_of_two_commits(follow, upstream):
    upstream.commit(numbered(0))
    site = follow()
    done, mixtures, reads = threading.Event(), [], 0

    def read_again_and_again():
        nonlocal reads
        while not done.is_set():
            tree = os.open(site.path, os.O_DIRECTORY | os.O_RDONLY)
            try:
                seen = {read_at(tree, name) for name in NUMBERED}
            finally:
                os.close(tree)
            if len(seen) != 1:
                mixtures.append(seen)
            reads += 1

    reader = threading.Thread(target=read_again_and_again)
    reader.start()
    try:
        for number in range(1, 16):
            site.wait_for(site.push(numbered(number)))
    finally:
        done.set()
        reader.join()
    assert not mixtures
    assert reads > 15


def test_readers_of_whole_trees_meet_no_mixture_while_old_trees_become_new_ones(follow, upstream):
    def change(number: int) -> dict:
        kind = [f"{number}\n", Executable(f"{number}\n"), Link("README")][number % 3]
        return numbered(number) | {"changing": kind, f"only{number}/file": "x\n", f"only{number - 1}/file": None}

    upstream.commit(numbered(0) | {"only0/file": "x\n"})
    site = follow(keep_old="2s")
    with TreeWatch(site.path, upstream):
        for number in range(1, SWITCHES):
            site.wait_for(site.push(change(number)))
            let_pass(0.1)  # so that the time of some trees is over while others are read
    assert_complete(site.path)


def test_a_tracked_file_that_somebody_changed_is_told_of(site):
    (site.path / "docs/index.html").write_text("mine\n")
    (site.path / "README").unlink()
    check = run_freshet("--config", site.daemon.config, "check", "--drift", "--json")
    assert check.returncode == 1, check.stderr
    assert json.loads(check.stdout)["drift"] == [
        {"repository": "site", "path": str(site.path), "changed": ["README", "docs/index.html"]}]


@pytest.mark.parametrize("mode", ["atomic", "in_place"])
def test_a_refresh_that_somebody_asks_for_mends_what_somebody_changed(follow, mode):
    site = follow(mode=mode, first=False)
    site.daemon.wait_for_state("ok")
    for change in ("mine\n", "mine again, at once\n"):
        (site.path / "docs/index.html").write_text(change)
        assert run_freshet("--config", site.daemon.config, "refresh", "site", "--wait").returncode == 0
        wait_for(lambda: git(site.path, "status", "--porcelain") == "", "it is written anew")
        assert (site.path / "docs/index.html").read_text() == "<p>first</p>\n"


def test_a_check_names_a_tree_in_place_whose_update_was_interrupted(follow):
    site = follow(mode="in_place", first=False)
    site.daemon.wait_for_state("ok")
    site.daemon.kill9()
    with open(site.path.parent / ".site.freshet" / "in_place", "a") as state:  # as a kill can leave it
        state.write(f"to {site.upstream.tip()}\n")
    check = run_freshet("--config", site.daemon.config, "check", "--drift", "--json")
    assert check.returncode == 1, check.stderr
    assert "freshet sync site" in json.loads(check.stdout)["drift"][0]["error"]
    site.daemon.start()
    site.daemon.wait_for_state("ok")
    assert run_freshet("--config", site.daemon.config, "check", "--drift").returncode == 0


def test_published_in_place_it_is_a_real_directory_and_keeps_files_of_others(follow):
    site = follow(mode="in_place", first=False)
    wait_for(lambda: site.daemon.status()["state"] == "ok", "the tree is published")
    (site.path / "mine").write_text("mine\n")
    commit = site.push({"README": "second\n", "docs/index.html": None})
    wait_for(lambda: site.daemon.status()["checkouts"][0]["commit"] == commit, "the new commit is published")
    assert not site.path.is_symlink()
    assert files_of(site.path) == {"README": "second\n", "mine": "mine\n"}
    assert git(site.path, "rev-parse", "HEAD") == commit
    assert git(site.path, "status", "--porcelain") == "?? mine"


def read_at(directory: int, name: str) -> str:
    with open(os.open(name, os.O_RDONLY, dir_fd=directory)) as file:
        return file.read()


def test_a_replaced_tree_stays_as_it_was_for_its_readers(site):
    old = site.path.resolve()
    site.wait_for(site.push({"README": "second\n", "docs/index.html": None}))
    assert files_of(old) == {"README": "first\n", "docs/index.html": "<p>first</p>\n"}
    assert git(old, "status", "--porcelain") == ""


def test_a_replaced_tree_goes_when_its_time_is_over(follow):
    site = follow(keep_old="1s")
    old = site.path.resolve()
    site.wait_for(site.push({"README": "second\n"}))
    wait_for(lambda: not old.exists(), "the old tree is gone")
    assert_complete(site.path)


def make_folder(path):
    path.mkdir()
    (path / "precious").write_text("mine\n")


def make_link(path):
    (path.parent / "elsewhere").mkdir()
    (path.parent / "elsewhere/precious").write_text("mine\n")
    path.symlink_to("elsewhere")


@pytest.mark.parametrize("make", [make_folder, make_link])
def test_a_path_that_is_somebody_else_s_is_refused_and_left_alone(follow, tmp_path, make):
    path = tmp_path / "www/site"
    path.parent.mkdir()
    make(path)

    site = follow(path=path, first=False)

    error = site.daemon.wait_for_state("failing")["last_error"]
    assert error["class"] == "conflict"
    assert str(path) in error["message"]
    assert (path / "precious").read_text() == "mine\n"
    assert sorted(os.listdir(path)) == ["precious"]


def test_modes_do_not_follow_the_umask(follow, upstream):
    upstream.commit({"run": Executable("#!/bin/sh\n")})
    site = follow(start=False)
    site.daemon.start(umask=0o077)
    site.wait_for(upstream.tip())
    modes = {name: stat.S_IMODE((site.path / name).stat().st_mode)
             for name in ("README", "run", "docs", "docs/index.html", ".")}
    assert modes == {"README": 0o644, "run": 0o755, "docs": 0o755, "docs/index.html": 0o644, ".": 0o755}


def test_a_symbolic_link_is_published_as_one_and_never_followed(site, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    site.wait_for(site.push({"docs": Link(str(outside)), "docs/index.html": None}))
    assert os.readlink(site.path / "docs") == str(outside)

    site.wait_for(site.push({"docs": None, "docs/index.html": "<p>inside</p>\n"}))

    assert list(outside.iterdir()) == []
    assert files_of(site.path)["docs/index.html"] == "<p>inside</p>\n"
    assert_complete(site.path)


@pytest.mark.parametrize("name", [".git", ".GIT", ".Git", "..", ".", "git~1", ".git\u200c"])
@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_commit_with_a_hostile_name_is_never_published(site, name, kind):
    upstream, good = site.upstream, site.upstream.tip()
    blob = upstream.blob("[core]\n\tfsmonitor = touch /tmp/owned\n")
    entry = f"100644 blob {blob}\t{name}\n"
    if kind == "folder":
        tree = git(upstream.path, "mktree", data=f"100644 blob {blob}\tconfig\n".encode())
        entry = f"040000 tree {tree}\t{name}\n"

    commit = upstream.commit_tree(entry)
    assert site.daemon.push(site.url, commit).status == 202

    site.daemon.wait_for_state("failing")
    assert published_commit(site.path) == good
    assert_complete(site.path)


def test_no_hook_and_no_filter_of_a_repository_is_run(site, tmp_path):
    trace = tmp_path / "trace"
    site.wait_for(site.push({
        ".gitattributes": "* filter=spy\n",
        ".gitconfig": f'[filter "spy"]\n\tsmudge = touch {trace}\n',
        "hooks/post-checkout": Executable(f"#!/bin/sh\ntouch {trace}\n"),
        ".githooks/post-checkout": Executable(f"#!/bin/sh\ntouch {trace}\n"),
    }))
    assert not trace.exists()
    assert_complete(site.path)


def test_status_says_what_is_published_in_another_way_than_git_would(site):
    upstream = site.upstream
    modules = upstream.blob('[submodule "lib"]\n\tpath = lib\n\turl = ../lib\n')
    attributes = upstream.blob("*.psd filter=lfs -text\n")
    commit = upstream.commit_tree(f"100644 blob {attributes}\t.gitattributes\n100644 blob {modules}\t.gitmodules\n"
                                  f"160000 commit {upstream.tip()}\tlib\n")
    assert site.daemon.push(site.url, commit).status == 202
    site.wait_for(commit)
    [checkout] = site.daemon.wait_for_state("ok")["checkouts"]
    assert [sentence.split(":")[0] for sentence in checkout["unsupported"]] == [
        "files of Git LFS are their pointers", "a submodule is an empty directory"]


def test_a_repository_can_be_published_without_its_history(follow):
    site = follow(git=False)
    assert not (site.path / ".git").exists()
    assert files_of(site.path) == {"README": "first\n", "docs/index.html": "<p>first</p>\n"}


def test_mirror_keeps_its_state_beside_the_path(tmp_path, upstream):
    path = tmp_path / "www/site"
    path.parent.mkdir()
    run = run_freshet("mirror", upstream.path, path, "--once", env={"PATH": os.environ["PATH"]})
    assert run.returncode == 0, run.stderr
    assert assert_complete(path) == upstream.tip()
    assert all("site" in name for name in os.listdir(path.parent))
