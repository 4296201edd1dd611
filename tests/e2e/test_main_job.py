"""The main job: what is pushed to an upstream is published, however the upstream is reached."""

import pytest

from daemon import run_freshet, wait_for_commit
from forge import NO_COMMIT
from published import assert_complete, files_of, published_commit
from upstream import git

EVERY_TRANSPORT = pytest.mark.parametrize("transport", ["path", "file", "http", "ssh", "git"])


@pytest.fixture
def reached(request, transport, upstream, follow):
    """A followed upstream whose url is of the given transport; reached(interval=...) starts it."""

    def reached(**settings):
        if transport == "ssh":
            server = request.getfixturevalue("ssh_upstreams")
            return follow(server.url(upstream.path), daemon={"path_prefix": server.wrapper_directory},
                          **settings)
        if transport == "git":
            return follow(request.getfixturevalue("git_daemon").url(upstream.path), **settings)
        if transport == "http":
            return follow(request.getfixturevalue("http_upstreams").url(upstream.path), **settings)
        return follow({"path": "", "file": "file://"}[transport] + str(upstream.path), **settings)

    return reached


@EVERY_TRANSPORT
def test_a_signed_push_is_answered_202_and_published(reached):
    site = reached()

    commit = site.upstream.commit({"README": "second\n", "docs/new.html": "<p>new</p>\n"})
    answer = site.daemon.push(site.url, commit, delivery="first-push")

    assert answer.status == 202
    assert answer.json == {"status": "accepted", "repositories": ["site"], "delivery": "first-push",
                           "coalesced": False}
    site.wait_for(commit)
    assert_complete(site.path)
    assert files_of(site.path) == {"README": "second\n", "docs/index.html": "<p>first</p>\n",
                                   "docs/new.html": "<p>new</p>\n"}


@EVERY_TRANSPORT
def test_polling_finds_a_push_that_nobody_announced(reached):
    site = reached(interval="1s")
    commit = site.upstream.commit({"README": "second\n"})
    site.wait_for(commit)
    assert_complete(site.path)


@EVERY_TRANSPORT
def test_a_forced_refresh_publishes_before_it_answers(reached):
    site = reached()
    commit = site.upstream.commit({"README": "second\n"})

    answer = site.daemon.refresh()

    assert (answer.status, answer.json["result"]) == (200, "updated")
    assert published_commit(site.path) == commit
    assert_complete(site.path)


@EVERY_TRANSPORT
def test_a_rewritten_history_replaces_the_published_one(reached):
    site = reached()
    site.wait_for(site.push({"README": "second\n"}))

    commit = site.push({"only": "a new beginning\n"}, parent=None)

    site.wait_for(commit)
    assert_complete(site.path)
    assert files_of(site.path) == {"only": "a new beginning\n"}
    assert git(site.path, "rev-list", "--count", "HEAD") == "1"


def test_freshet_refresh_with_wait_publishes_before_it_ends(site):
    commit = site.upstream.commit({"README": "second\n"})
    run = run_freshet("refresh", "site", "--wait", "--config", site.daemon.config)
    assert run.returncode == 0, run.stderr
    assert published_commit(site.path) == commit


def test_a_reset_to_an_older_commit_publishes_that_again(site):
    first = site.upstream.tip()
    site.wait_for(site.push({"README": "second\n"}))

    site.upstream.set_ref("refs/heads/main", first)
    assert site.daemon.push(site.url, first).status == 202

    site.wait_for(first)
    assert files_of(site.path)["README"] == "first\n"


def test_a_deleted_file_and_its_empty_folder_are_gone(site):
    site.wait_for(site.push({"docs/index.html": None}))
    assert_complete(site.path)
    assert not (site.path / "docs").exists()


def test_a_deleted_branch_shows_as_failing_and_keeps_the_tree(site, upstream):
    published = upstream.tip()
    upstream.commit({"README": "other\n"}, branch="other", parent=published)

    upstream.delete_ref("refs/heads/main")
    assert site.daemon.push(site.url, NO_COMMIT).status == 202

    assert site.daemon.wait_for_state("failing")["last_error"]["class"] == "not_found"
    assert assert_complete(site.path) == published


def test_a_failing_upstream_that_comes_back_is_followed_again(site, upstream, tmp_path):
    upstream.path.rename(tmp_path / "away")
    assert site.daemon.refresh().status == 502
    site.daemon.wait_for_state("failing")

    (tmp_path / "away").rename(upstream.path)
    site.wait_for(site.push({"README": "second\n"}))
    assert site.daemon.wait_for_state("ok")["last_error"] is None


def test_a_checkout_of_a_tag_stays_when_the_branch_moves(follow, upstream, tmp_path):
    tagged = upstream.tip()
    upstream.set_ref("refs/tags/v1", tagged)
    stable = tmp_path / "stable"
    site = follow(checkout=[{"path": str(stable), "ref": "refs/tags/v1"}])
    wait_for_commit(stable, tagged)

    site.wait_for(site.push({"README": "second\n"}))

    assert assert_complete(stable) == tagged


def test_a_late_delivery_never_brings_a_withdrawn_commit_back(site, upstream):
    first = upstream.tip()
    withdrawn = site.push({"README": "a password\n"})
    site.wait_for(withdrawn)
    upstream.set_ref("refs/heads/main", first)
    assert site.daemon.refresh().status == 200

    assert site.daemon.push(site.url, withdrawn).status == 202
    assert site.daemon.refresh().status in (200, 502)

    assert published_commit(site.path) == first
