"""The upstreams that the other tests stand on are real: git itself reads them, over each transport."""

import os
import subprocess

from upstream import ISOLATED, Executable, Link, Upstream, git


def test_git_clones_over_smart_http_and_each_pack_is_counted(tmp_path, upstream, http_upstreams):
    upstream.commit({"page": "new", "README": None, "link": Link("page"), "run": Executable("#!/bin/sh")})

    git(tmp_path, "clone", "-q", http_upstreams.url(upstream.path), "clone")

    assert sorted(os.listdir(tmp_path / "clone")) == [".git", "docs", "link", "page", "run"]
    assert os.readlink(tmp_path / "clone/link") == "page"
    assert os.access(tmp_path / "clone/run", os.X_OK)
    assert http_upstreams.packs_asked_for() == 1
    assert http_upstreams.requests()[-1]["uri"] == "/site.git/git-upload-pack"


def test_git_lists_refs_over_ssh_through_the_wrapper(upstream, ssh_upstreams):
    path = f"{ssh_upstreams.wrapper_directory}:{os.environ['PATH']}"
    listed = subprocess.run(["git", "ls-remote", ssh_upstreams.url(upstream.path), "main"],
                            env=ISOLATED | {"PATH": path}, capture_output=True, text=True)
    assert listed.stdout == f"{upstream.tip()}\trefs/heads/main\n", listed.stderr


def test_a_commit_without_parent_rewrites_the_history(tmp_path):
    upstream = Upstream(tmp_path / "upstream.git")
    upstream.commit({"old": "1"})
    upstream.commit({"old": "2"})

    upstream.commit({"new": "1"}, parent=None)

    assert git(upstream.path, "rev-list", "--count", "main") == "1"
    assert git(upstream.path, "ls-tree", "--name-only", "main") == "new"
    upstream.commit_tree(f"100644 blob {upstream.blob('x')}\t.git\n")
    assert git(upstream.path, "ls-tree", "--name-only", "main") == ".git"
