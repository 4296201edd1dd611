"""Server-sent events: what changes, as it changes, for as many readers as may be."""


import pytest

from daemon import SECRET
from event_stream import EventStream
from forge import github_headers, github_push
from waiting import wait_for

MOST_STREAMS = 32


def events_of(site, *arguments, **options) -> EventStream:
    stream = EventStream(site.daemon.admin_port, *arguments, **options)
    assert stream.answer.status == 200
    return stream


def settled(site) -> dict:
    """When nothing changes any more by itself: the next refresh was planned, or none."""
    return site.daemon.wait_for_state("ok")


def shows(site, commit):
    return lambda event: (event.name == "repository" and event.data["state"] == "ok" and
                          event.data["checkouts"][0]["commit"] == commit)


def test_a_stream_says_hello_and_then_what_changes(site):
    settled(site)
    with events_of(site) as stream:
        assert stream.answer.headers["Content-Type"] == "text/event-stream"
        assert stream.answer.headers["Cache-Control"] == "no-store"
        hello = stream.next()
        assert hello.name == "hello" and hello.data.keys() == {"version", "run"}
        assert hello.id.startswith(hello.data["run"] + "-")
        commit = site.push({"README": "second\n"})
        seen = stream.until(shows(site, commit))
        assert seen.data == site.daemon.admin("GET", "/api/v1/repositories").json["repositories"][0]
        numbers = [int(one.id.split("-")[1]) for one in (hello, seen)]
        assert numbers[0] < numbers[1]


def test_a_delivery_is_told_with_what_became_of_it(site):
    settled(site)
    with events_of(site) as stream:
        body = github_push(site.url, site.upstream.tip(), "refs/heads/main")
        site.daemon.deliver(body, github_headers(body, SECRET, delivery="one-of-a-kind"))
        told = stream.until(lambda event: event.name == "delivery").data
    assert (told["id"], told["forge"], told["event"]) == ("one-of-a-kind", "github", "push")
    assert told["verdict"] == "accepted" and told["repositories"] == ["site"]
    listed = wait_for(lambda: site.daemon.admin("GET", "/api/v1/deliveries").json["deliveries"],
                      "the ledger has the delivery")[0]
    assert told.items() <= listed.items()


def test_who_comes_back_is_told_what_changed_meanwhile_and_nothing_else(site):
    settled(site)
    with events_of(site) as stream:
        last = stream.next().id
    commit = site.push({"README": "while nobody looked\n"})
    site.wait_for(commit)
    settled(site)
    with events_of(site, last_id=last) as stream:
        assert stream.next().name == "hello"
        names = []
        stream.until(lambda event: names.append(event.name) or shows(site, commit)(event))
        assert "reset" not in names
        # Of everything that happened to the repository the last state is told, once.
        assert names.count("repository") == 1


@pytest.mark.parametrize("last_id", ["1700000000000-3", "nonsense", "{run}-99999999", "{run}-x"])
def test_an_id_that_is_not_of_this_process_asks_for_a_new_reading(site, last_id):
    settled(site)
    with events_of(site) as stream:
        run = stream.next().data["run"]
    with events_of(site, last_id=last_id.format(run=run)) as stream:
        assert [stream.next().name for _ in range(2)] == ["hello", "reset"]


def test_a_restart_is_another_run(site):
    settled(site)
    with events_of(site) as stream:
        last = stream.next().id
        site.daemon.kill9()
    site.daemon.start()
    with events_of(site, last_id=last) as stream:
        assert [stream.next().name for _ in range(2)] == ["hello", "reset"]


def test_one_repository_can_be_followed_alone(make_daemon, upstream, tmp_path):
    daemon = make_daemon(*({"name": name, "url": str(upstream.path), "path": str(tmp_path / name)}
                           for name in ("a/b", "c")))
    for name in ("a/b", "c"):
        daemon.wait_for_state("ok", name)
    with EventStream(daemon.admin_port, "?repository=a/b") as stream:
        assert stream.next().name == "hello"
        assert daemon.refresh("c").status == 200
        assert daemon.refresh("a/b").status == 200
        assert stream.next().data["name"] == "a/b"
    with EventStream(daemon.admin_port, "?repository=d") as stream:
        assert stream.answer.status == 404


def test_a_removed_repository_is_told_and_one_that_comes_too(make_daemon, upstream, tmp_path):
    repositories = [{"name": name, "url": str(upstream.path), "path": str(tmp_path / name)}
                    for name in ("a", "b", "c")]
    daemon = make_daemon(*repositories[:2])
    with EventStream(daemon.admin_port) as stream:
        assert stream.next().name == "hello"
        daemon.settings["repository"] = [repositories[0], repositories[2]]
        daemon.reload()
        assert stream.until(lambda event: event.name == "removed").data == {"name": "b"}
        stream.until(lambda event: event.name == "repository" and event.data["name"] == "c")


def test_no_more_streams_than_may_be_and_the_others_are_served(site):
    settled(site)
    streams = [events_of(site) for _ in range(MOST_STREAMS)]
    try:
        with EventStream(site.daemon.admin_port) as refused:
            assert refused.answer.status == 503 and refused.answer.headers["Retry-After"]
        # However many wait for a result beside them.
        assert site.daemon.refresh().status == 200
        for stream in streams:
            stream.until(lambda event: event.name == "repository")
    finally:
        for stream in streams:
            stream.close()

    def free_again():
        with EventStream(site.daemon.admin_port) as stream:
            return stream.answer.status == 200
    wait_for(free_again, "there is room for a stream again")


def test_a_stream_ends_at_a_stop(site):
    settled(site)
    with events_of(site) as stream:
        assert stream.next().name == "hello"
        assert site.daemon.stop() == 0
        while stream.next():
            pass


def test_a_silent_stream_shows_that_it_lives(site):
    settled(site)
    with events_of(site) as stream:
        assert stream.next().name == "hello"
        # The heart beats every 15 seconds; the reader's own patience is 30.
        while not stream.comments:
            line = stream.answer.readline()
            assert line, "the stream ended"
            stream.comments += line.startswith(b":")


@pytest.mark.parametrize("headers", [{"Host": "evil.example"}, {"Origin": "http://evil.example"},
                                     {"Sec-Fetch-Site": "cross-site"}])
def test_a_foreign_page_gets_no_stream(site, headers):
    with EventStream(site.daemon.admin_port, headers=headers) as stream:
        assert stream.answer.status == 403


def test_the_refreshes_of_a_repository_are_listed(site, tmp_path):
    settled(site)
    first = site.push({"README": "second\n"})
    site.wait_for(first)
    away = tmp_path / "away"
    site.upstream.path.rename(away)
    assert site.daemon.refresh().status == 502
    route = "/api/v1/repositories/site/refreshes"

    def three():
        rows = site.daemon.admin("GET", route).json["refreshes"]
        return rows if len(rows) >= 3 else None
    rows = wait_for(three, "the ledger has the refreshes")
    numbers = [row["number"] for row in rows]
    assert numbers == sorted(numbers, reverse=True)
    assert rows[0]["result"] == "failed" and rows[0]["published_at"] is None
    assert rows[0]["error"].keys() == {"class", "message", "advice"}
    delivered = next(row for row in rows if row["trigger"] == "delivery")
    assert delivered["result"] == "updated" and delivered["error"] is None
    assert delivered["published_at"] and delivered["started"] <= delivered["ended"]
    assert rows[-1]["trigger"] == "start"
    page = site.daemon.admin("GET", f"{route}?limit=1&before={numbers[0]}").json["refreshes"]
    assert [row["number"] for row in page] == [numbers[1]]
    assert site.daemon.admin("GET", f"{route}?limit=0").status == 400
    assert site.daemon.admin("GET", "/api/v1/repositories/other/refreshes").status == 404
