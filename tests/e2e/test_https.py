"""Upstreams as forges serve them: HTTPS, many repositories over one connection of HTTP/2."""

import pytest

from daemon import SECRET
from forge import github_headers, github_push
from https_upstream import HttpsUpstreams, under_many_names
from waiting import wait_for


@pytest.fixture
def https_upstreams(upstream):
    with HttpsUpstreams(upstream.path.parent) as server:
        yield server


def follow(make_daemon, server, tmp_path, repositories):
    daemon = make_daemon(*({"name": path.stem, "url": server.url(path), "path": str(tmp_path / "www" / path.stem)}
                           for path in repositories), start=False)
    daemon.settings["credential"] = [server.credential]
    daemon.write_config()
    return daemon.start()


def all_show(daemon, commit):
    repositories = daemon.admin("GET", "/api/v1/repositories").json["repositories"]
    return all([checkout["commit"] for checkout in repository["checkouts"]] == [commit]
               for repository in repositories)


def test_many_repositories_of_one_host_are_fetched_at_once_and_again_after_a_push(
        tmp_path, upstream, https_upstreams, make_daemon):
    paths = under_many_names(upstream, 30)
    daemon = follow(make_daemon, https_upstreams, tmp_path, paths)
    wait_for(lambda: daemon.public("GET", "/readyz").status == 200, "all were fetched")
    assert "refresh failed" not in daemon.log_text()
    assert all_show(daemon, upstream.tip())

    commit = upstream.commit({"README": "second\n"})
    for path in paths:
        body = github_push(https_upstreams.url(path), commit)
        assert daemon.deliver(body, github_headers(body, SECRET)).status == 202
    wait_for(lambda: all_show(daemon, commit), "every repository shows the new commit")
    assert "refresh failed" not in daemon.log_text()
