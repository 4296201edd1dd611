"""docs/openapi.json against the running daemon: what it answers is as described, whatever is asked."""

import base64
import http.client
import json
import re
import subprocess
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from daemon import SECRET, request, run_freshet, write_secret
from event_stream import EventStream, UnixConnection
from forge import github_headers, github_push
from published import published_commit
from waiting import wait_for

ROOT = Path(__file__).resolve().parents[2]
DESCRIPTION = json.loads((ROOT / "docs/openapi.json").read_text())
TOKEN = "a-token-for-the-api"
FOREIGN = [{"Host": "evil.example"}, {"Origin": "http://evil.example"},
           {"Sec-Fetch-Site": "cross-site"}]


def closed(schema):
    """The same, with no member allowed that is not described."""
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    result = {key: closed(value) for key, value in schema.items()}
    if isinstance(schema.get("properties"), dict) and schema.get("type") == "object":
        result.setdefault("additionalProperties", False)
    return result


DEFINITIONS = {"components": closed(DESCRIPTION["components"])}


def check(value, schema) -> None:
    Draft202012Validator(closed(schema) | DEFINITIONS, format_checker=FormatChecker()).validate(value)


def resolve(node):
    while "$ref" in node:
        found = DESCRIPTION
        for part in node["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        node = found
    return node


def operation(method: str, path: str):
    """The described one that a path is of."""
    path = path.split("?")[0]
    for pattern, item in sorted(DESCRIPTION["paths"].items(), key=lambda one: -len(one[0])):
        if re.fullmatch(re.sub(r"\{\w+\}", "[^?]+?", pattern), path) and method.lower() in item:
            return item[method.lower()]
    raise AssertionError(f"{method} {path} is not described")


class Asker:
    """Asks a daemon, and holds every answer against the description."""

    def __init__(self, daemon):
        self.daemon = daemon
        self.seen = set()  # operation and status

    def __call__(self, method: str, path: str, body: bytes = b"", headers: dict | None = None,
                 port: int | None = None, expect: int = 200):
        answer = request(port or self.daemon.admin_port, method, path, body, headers)
        assert answer.status == expect, (method, path, answer.body)
        described = operation(method, path)
        response = resolve(described["responses"][str(expect)])
        kind = answer.headers["Content-Type"].split(";")[0]
        schema = response["content"][kind]["schema"]
        check(answer.json if kind == "application/json" else answer.body.decode(), schema)
        self.seen.add((described["operationId"], expect))
        return answer


@pytest.fixture
def ask(site):
    site.daemon.wait_for_state("ok")
    return Asker(site.daemon)


def test_it_is_served_as_it_is_in_docs(site):
    assert site.daemon.admin("GET", "/api/v1/openapi.json").json == DESCRIPTION


def test_its_schemas_are_schemas_and_every_reference_leads_somewhere():
    for schema in DESCRIPTION["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    for name in re.findall(r'"\$ref": "([^"]+)"', json.dumps(DESCRIPTION)):
        resolve({"$ref": name})
    operations = [one["operationId"] for item in DESCRIPTION["paths"].values()
                  for key, one in item.items() if key != "servers"]
    assert len(operations) == len(set(operations))


def test_a_described_answer_with_a_member_too_many_or_too_few_is_found():
    schema = {"$ref": "#/components/schemas/Removed"}
    check({"name": "a"}, schema)
    for wrong in ({}, {"name": 1}, {"name": "a", "more": 1}):
        with pytest.raises(Exception):
            check(wrong, schema)


def test_what_the_admin_listener_answers_is_described(site, ask, tmp_path):
    commit = site.push({"README": "second\n"})
    site.wait_for(commit)
    site.daemon.wait_for_state("ok")
    route = "/api/v1/repositories/site"
    for path in ("/", "/metrics", "/api/v1/openapi.json", "/api/v1/status", "/api/v1/repositories",
                 route, route + "/refreshes", "/api/v1/deliveries"):
        ask("GET", path)
    ask("POST", "/api/v1/refresh", expect=202)
    ask("POST", route + "/refresh", expect=202)
    ask("POST", route + "/refresh?wait=60s")
    ask("POST", route + "/refresh?wait=soon", expect=400)
    ask("POST", route + "/ensure", json.dumps({"commit": commit}).encode())
    ask("POST", route + "/ensure", b"{}", expect=400)
    ask("POST", route + "/ensure", json.dumps({"commit": "1" * 40, "wait": "1s"}).encode(), expect=504)
    ask("GET", route + "/refreshes?limit=x", expect=400)
    ask("GET", "/api/v1/deliveries?verdict=x", expect=400)
    delivery = wait_for(lambda: ask("GET", "/api/v1/deliveries").json["deliveries"], "it is written")[0]
    ask("GET", f"/api/v1/deliveries/{delivery['number']}")
    ask("POST", f"/api/v1/deliveries/{delivery['number']}/replay", expect=202)
    ask("GET", "/api/v1/deliveries/999999", expect=404)
    ask("POST", "/api/v1/deliveries/999999/replay", expect=404)
    for method, action in (("GET", ""), ("GET", "/refreshes"), ("POST", "/refresh"),
                           ("POST", "/pause"), ("POST", "/resume")):
        ask(method, "/api/v1/repositories/other" + action, expect=404)
    ask("POST", "/api/v1/repositories/other/ensure", json.dumps({"commit": commit}).encode(), expect=404)
    ask("GET", "/api/v1/events?repository=other", expect=404)
    ask("POST", route + "/pause")
    ask("GET", route)
    ask("POST", route + "/refresh", expect=409)
    ask("POST", route + "/ensure", json.dumps({"commit": "1" * 40}).encode(), expect=409)
    ask("POST", route + "/resume")
    site.upstream.path.rename(tmp_path / "away")
    ask("POST", route + "/refresh?wait=60s", expect=502)
    assert ask("GET", route).json["last_error"]
    assert wait_for(lambda: ask("GET", route + "/refreshes").json["refreshes"][0]["error"], "it is written")


def test_what_the_public_listener_answers_is_described(site, ask):
    port = site.daemon.public_port

    def deliver(body, headers, expect, name=""):
        ask("POST", "/api/v1/webhooks/github" + name, body, headers, port, expect)
    body = github_push(site.url, site.upstream.tip(), "refs/heads/main")
    signed = github_headers(body, SECRET, delivery="one")
    deliver(body, signed, 202)
    site.daemon.wait_for_state("ok")
    deliver(body, signed, 200)
    deliver(body, github_headers(body, SECRET, delivery="two"), 202, "/site")
    other = github_push(site.url, site.upstream.tip(), "refs/heads/nobody-follows-it")
    deliver(other, github_headers(other, SECRET), 200)
    deliver(b"[]", github_headers(b"[]", SECRET), 400)
    deliver(body, {"Content-Type": "application/json"}, 401)
    deliver(body, signed | {"Content-Type": "text/html"}, 415)
    ask("GET", "/healthz", port=port)
    ask("GET", "/readyz", port=port)
    ask("GET", "/readyz?max_age=x", port=port, expect=400)
    ask("GET", "/readyz?max_age=0s", port=port, expect=503)


def test_events_are_as_described(site):
    site.daemon.wait_for_state("ok")
    described = operation("GET", "/api/v1/events")["responses"]["200"]
    schemas = described["content"]["text/event-stream"]["x-events"]
    seen = set()
    with EventStream(site.daemon.admin_port, last_id="1-1") as stream:
        site.push({"README": "second\n"})
        while seen != {"hello", "reset", "repository", "delivery"}:
            event = stream.next()
            check(event.data, schemas[event.name])
            seen.add(event.name)
        site.daemon.settings["repository"] = []
        site.daemon.reload()
        check(stream.until(lambda one: one.name == "removed").data, schemas["removed"])


def concrete(path: str) -> str:
    return path.replace("{name}", "site").replace("{id}", "1")


ADMIN = [(method.upper(), concrete(path)) for path, item in DESCRIPTION["paths"].items()
         for method in item if method in ("get", "post") and item[method]["tags"] == ["admin"]]


def test_every_route_names_its_methods(site):
    for path, item in DESCRIPTION["paths"].items():
        methods = {key.upper() for key in item if key != "servers"}
        methods |= {"HEAD"} if "GET" in methods else set()
        ask = site.daemon.admin if "servers" not in item else site.daemon.public
        answer = ask("BREW", concrete(path))
        assert answer.status == 405, path
        assert set(answer.headers["Allow"].split(", ")) == methods, path
        check(answer.json, {"$ref": "#/components/schemas/Error"})
        undescribed = ask("GET", concrete(path) + "/nothing/here") if path != "/" else None
        assert undescribed is None or undescribed.status in (401, 404, 405)


@pytest.mark.parametrize("headers", FOREIGN)
def test_no_route_is_for_pages_of_another_origin(site, headers):
    for method, path in ADMIN:
        answer = site.daemon.admin(method, path, headers)
        assert answer.status == 403, (method, path)
        check(answer.json, {"$ref": "#/components/schemas/Error"})


def test_every_route_wants_the_token_and_takes_it_in_both_forms(make_daemon, upstream, tmp_path):
    daemon = make_daemon({"name": "site", "url": str(upstream.path), "path": str(tmp_path / "site")},
                         admin={"token_file": write_secret(tmp_path / "token", TOKEN)})
    basic = base64.b64encode(f"anybody:{TOKEN}".encode()).decode()
    wrong = base64.b64encode(b"anybody:wrong").decode()
    for method, path in ADMIN:
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {wrong}"}):
            answer = daemon.admin(method, path, headers)
            assert answer.status == 401, (method, path)
            # What makes a browser ask for it.
            assert any(one.startswith('Basic realm="freshet"')
                       for one in answer.headers.get_all("WWW-Authenticate"))
        for scheme in (f"Bearer {TOKEN}", f"Basic {basic}"):
            if path == "/api/v1/events":
                with EventStream(daemon.admin_port, headers={"Authorization": scheme}) as stream:
                    assert stream.next().name == "hello"
            else:
                answer = daemon.admin(method, path, {"Authorization": scheme})
                assert answer.status not in (401, 403), (method, path)
    assert run_freshet("pause", "site", "--config", daemon.config).returncode == 0
    assert "paused" in run_freshet("status", "--config", daemon.config).stdout
    (tmp_path / "token").write_text("another\n")
    assert daemon.admin("GET", "/api/v1/status", {"Authorization": f"Bearer {TOKEN}"}).status == 401


def test_commands_and_events_work_over_a_unix_socket(make_daemon, upstream, tmp_path):
    socket = tmp_path / "admin.sock"
    daemon = make_daemon({"name": "site", "url": str(upstream.path), "path": str(tmp_path / "site")},
                         admin={"listen": f"unix:{socket}"})
    for command in (["pause", "site"], ["resume", "site"], ["refresh", "site", "--wait"], ["status"]):
        run = run_freshet(*command, "--config", daemon.config)
        assert run.returncode == 0, run.stderr
    with EventStream(str(socket)) as stream:
        assert stream.next().name == "hello"
        connection = UnixConnection(str(socket), 30)
        connection.request("POST", "/api/v1/repositories/site/refresh?wait=30s")
        assert connection.getresponse().status == 200
        connection.close()
        assert stream.until(lambda event: event.name == "repository").data["name"] == "site"


def commands_of_the_document() -> list[str]:
    text = (ROOT / "docs/api.md").read_text()
    blocks = re.findall(r"```sh\n(.*?)```", text, re.S)
    return [line for block in blocks for line in block.replace("\\\n", " ").splitlines()
            if line.startswith("curl")]


def test_every_route_has_an_example_in_the_document():
    commands = commands_of_the_document()
    for method, path in ADMIN:
        assert any(re.search(rf"{re.escape(path.replace('/1', '/42'))}(['?\s]|$)", command) and
                   ("POST" in command) == (method == "POST") for command in commands), (method, path)


@pytest.mark.parametrize("command", commands_of_the_document())
def test_the_examples_of_the_document_work(make_daemon, upstream, tmp_path, command):
    """As they stand there, but for addresses and what differs from repository to repository."""
    unix = "--unix-socket" in command
    token = "token" in command
    admin = {"listen": f"unix:{tmp_path}/admin.sock"} if unix else {}
    if token:
        admin["token_file"] = write_secret(tmp_path / "token", TOKEN)
    daemon = make_daemon({"name": "site", "url": str(upstream.path), "path": str(tmp_path / "site")},
                         admin=admin)
    if not unix and not token:
        daemon.wait_for_state("ok")
    body = github_push(str(upstream.path), upstream.tip(), "refs/heads/main")
    assert daemon.deliver(body).status == 202
    for known, here in {
            "127.0.0.1:8481": f"127.0.0.1:{daemon.admin_port}",
            "127.0.0.1:8480": f"127.0.0.1:{daemon.public_port}",
            "/run/freshet/admin.sock": f"{tmp_path}/admin.sock",
            "/etc/freshet/admin.token": str(tmp_path / "token"),
            "5f1d7a84db00d2fce00b31a7fc73224f9f5a0b2e": upstream.tip(),
            "deliveries/42": "deliveries/1"}.items():
        command = command.replace(known, here)
    if "deliveries/1" in command:
        wait_for(lambda: daemon.admin("GET", "/api/v1/deliveries").json["deliveries"], "it is written")
    if "/events" in command:
        command += " --max-time 2"
    run = subprocess.run(["bash", "-c", command + " --silent --show-error --fail-with-body"],
                         capture_output=True, text=True, timeout=60)
    # 28: the time is over, and the stream was not.
    assert run.returncode == (28 if "/events" in command else 0), run.stdout + run.stderr
    assert run.stdout
