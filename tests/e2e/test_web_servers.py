"""nginx and Caddy with the configurations of docs/reverse-proxy.md, in front of the real daemon."""

import base64
import http.client
import json
import shutil
import ssl
import subprocess
from pathlib import Path

import pytest

from certificates import make_authority
from daemon import SECRET, Response
from documents import marked
from forge import github_headers, github_push
from nginx import nginx_command
from processes import Server, free_port, is_listening
from waiting import wait_for

CADDY = "{{\n  admin off\n  skip_install_trust\n  auto_https off\n}}\n{sites}"
PASSWORD = "open sesame"
# Where the documents' web servers send requests to.
PUBLIC, ADMIN, SOCKET = "127.0.0.1:8480", "127.0.0.1:8481", "/run/freshet/public.sock"


class WebServer:
    """A web server that runs a marked block; speaks HTTPS for `host` at `port`."""

    def __init__(self, directory: Path, block, targets: dict):
        self.directory, self.port = directory, free_port()
        self.authority = make_authority(directory / "ca")
        self.text = block.text
        for old, new in targets.items():
            self.text = self.text.replace(old, new)
        self.host = None
        self._server = None

    def replace(self, old: str, new: str) -> None:
        assert old in self.text, f"{old} does not stand in the block"
        self.text = self.text.replace(old, new)

    def start(self, command, check) -> None:
        checked = subprocess.run(check, capture_output=True, text=True, env=self._environment())
        assert checked.returncode == 0, checked.stdout + checked.stderr
        log = self.directory / "log"
        self._server = Server(command, log, env=self._environment())
        wait_for(lambda: is_listening(self.port), f"it listens; it said: {log.read_text()}")

    def _environment(self) -> dict:
        return {"PATH": "/usr/sbin:/usr/bin:/bin", "HOME": str(self.directory)}

    def stop(self) -> None:
        if self._server:
            self._server.stop()

    def connect(self) -> http.client.HTTPSConnection:
        context = ssl.create_default_context(cafile=self.authority.ca_file)
        context.check_hostname = False  # of the document's name, which is not this machine's
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=60, context=context)

    def request(self, method: str, path: str, body: bytes = b"", headers: dict | None = None) -> Response:
        connection = self.connect()
        try:
            connection.request(method, path, body, {"Host": f"{self.host}:{self.port}"} | (headers or {}))
            answer = connection.getresponse()
            return Response(answer.status, answer.headers, answer.read())
        finally:
            connection.close()


def password_file(path: Path) -> None:
    """By the document's own way."""
    line = subprocess.run(["openssl", "passwd", "-apr1", PASSWORD], check=True, capture_output=True,
                          text=True).stdout
    path.write_text(f"operator:{line}")


def start_nginx(directory: Path, name: str, host: str, targets: dict) -> WebServer:
    server = WebServer(directory, marked("nginx", name), targets)
    server.host = host
    server.replace("listen 443 ssl;", f"listen 127.0.0.1:{server.port} ssl;")
    server.replace(f"/etc/letsencrypt/live/{host}/fullchain.pem", str(server.authority.chain))
    server.replace(f"/etc/letsencrypt/live/{host}/privkey.pem", str(server.authority.key))
    if name == "admin":
        password_file(directory / "htpasswd")
        server.replace("/etc/nginx/freshet.htpasswd", str(directory / "htpasswd"))
    command = nginx_command(directory, server.text)
    server.start(command, [*command, "-t"])
    return server


def start_caddy(directory: Path, name: str, host: str, targets: dict) -> WebServer:
    server = WebServer(directory, marked("caddy", name), targets)
    server.host = host
    # It has no certificate of a public authority here.
    server.replace(f"{host} {{", f"https://{host}:{server.port} {{\n    bind 127.0.0.1\n"
                                 f"    tls {server.authority.chain} {server.authority.key}")
    if name == "admin":
        hashed = subprocess.run(["caddy", "hash-password", "--plaintext", PASSWORD], check=True,
                                capture_output=True, text=True).stdout.strip()
        server.text = "".join(f"        operator {hashed}\n" if line.strip().startswith("operator ") else line
                              for line in server.text.splitlines(keepends=True))
    configuration = directory / "Caddyfile"
    configuration.write_text(CADDY.format(sites=server.text))
    chosen = ["--config", str(configuration), "--adapter", "caddyfile"]
    server.start(["caddy", "run", *chosen], ["caddy", "validate", *chosen])
    return server


@pytest.fixture
def behind(tmp_path_factory):
    """behind("nginx", "public", host, targets): a web server that runs the document's block of that name."""
    servers = []

    def behind(program: str, name: str, host: str, targets: dict) -> WebServer:
        if not shutil.which(program, path="/usr/sbin:/usr/bin"):
            pytest.skip(f"needs {program}")
        directory = tmp_path_factory.mktemp(program)
        servers.append({"nginx": start_nginx, "caddy": start_caddy}[program](directory, name, host, targets))
        return servers[-1]

    yield behind
    for server in servers:
        server.stop()
        print(f"--- {server.directory}/log\n{(server.directory / 'log').read_text()}")


def deliver(server: WebServer, site, commit: str, headers: dict | None = None) -> Response:
    body = github_push(site.url, commit)
    return server.request("POST", "/api/v1/webhooks/github", body, github_headers(body, SECRET) | (headers or {}))


@pytest.mark.parametrize("program", ["nginx", "caddy"])
def test_deliveries_and_health_checks_pass_and_nothing_else(program, behind, follow):
    site = follow(daemon={"server": {"trusted_proxies": ["127.0.0.1"]}})
    server = behind(program, "public", "hooks.example.org", {PUBLIC: f"127.0.0.1:{site.daemon.public_port}"})
    commit = site.upstream.commit({"README": "second\n"})
    assert deliver(server, site, commit).status == 202
    site.wait_for(commit)
    assert server.request("GET", "/healthz").json == {"status": "ok"}
    assert server.request("GET", "/readyz").status == 200
    for path in "/", "/metrics", "/api/v1/repositories", "/healthz/x":
        answer = server.request("GET", path)
        assert (answer.status, b"freshet" in answer.body) == (404, False), path


@pytest.mark.parametrize("program", ["nginx", "caddy"])
def test_a_push_as_large_as_forges_send_them_passes(program, behind, follow):
    site = follow(daemon={"server": {"trusted_proxies": ["127.0.0.1"]}})
    server = behind(program, "public", "hooks.example.org", {PUBLIC: f"127.0.0.1:{site.daemon.public_port}"})
    body = github_push(site.url, site.upstream.tip())
    body = body[:-1] + b',"filler":"' + b"x" * 25_000_000 + b'"}'
    assert server.request("POST", "/api/v1/webhooks/github", body, github_headers(body, SECRET)).status == 202


def test_nginx_refuses_a_larger_one_by_its_head(behind, site):
    server = behind("nginx", "public", "hooks.example.org", {PUBLIC: f"127.0.0.1:{site.daemon.public_port}"})
    connection = server.connect()
    try:
        connection.putrequest("POST", "/api/v1/webhooks/github", skip_host=True)
        connection.putheader("Host", f"{server.host}:{server.port}")
        connection.putheader("Content-Length", str(27 << 20))
        connection.endheaders()
        assert connection.getresponse().status == 413
    finally:
        connection.close()


@pytest.mark.parametrize("program", ["nginx", "caddy"])
def test_the_client_s_address_counts_and_not_what_it_says_of_itself(program, behind, follow):
    site = follow(daemon={"server": {"trusted_proxies": ["127.0.0.1"]}})
    server = behind(program, "public", "hooks.example.org", {PUBLIC: f"127.0.0.1:{site.daemon.public_port}"})
    body = b"{}"
    refused = server.request("POST", "/api/v1/webhooks/github", body,
                             github_headers(body, "wrong") | {"X-Forwarded-For": "203.0.113.9"})
    assert refused.status == 401
    line = wait_for(lambda: next((line for line in site.daemon.log_text().splitlines()
                                  if "delivery refused" in line), None), "the log names the client")
    # Of the web server's own client, who is at 127.0.0.1 here and so a trusted proxy itself: it is
    # nginx's way to pass on what came, and Caddy's to leave it out.
    assert line.split("client=")[1].split()[0] == {"nginx": "203.0.113.9", "caddy": "127.0.0.1"}[program]


@pytest.mark.parametrize("program", ["nginx", "caddy"])
def test_a_unix_socket_serves_deliveries(program, behind, follow, tmp_path_factory):
    socket = tmp_path_factory.mktemp("s") / "p"
    site = follow(start=False)
    # The daemon's health is asked for at its port, so that is the last to change.
    site.daemon.settings["server"] = {"listen": f"unix:{socket}"}
    site.daemon.write_config()
    site.daemon._answers = socket.exists
    site.daemon.start()
    site.wait_for(site.upstream.tip())
    if program == "nginx":
        server = behind("nginx", "socket", "hooks.example.org", {SOCKET: str(socket)})
    else:
        server = behind("caddy", "public", "hooks.example.org", {PUBLIC: f"unix/{socket}"})
    commit = site.upstream.commit({"README": "second\n"})
    assert deliver(server, site, commit).status == 202
    site.wait_for(commit)


# The admin side

@pytest.fixture
def admin(behind, follow):
    def admin(program: str):
        site = follow(daemon={"admin": {"hosts": ["freshet.example.org"]}})
        return site, behind(program, "admin", "freshet.example.org",
                            {ADMIN: f"127.0.0.1:{site.daemon.admin_port}"})
    return admin


def signed_in(server: WebServer, **headers) -> dict:
    name = base64.b64encode(f"operator:{PASSWORD}".encode()).decode()
    return {"Authorization": f"Basic {name}", "Host": f"{server.host}:{server.port}"} | headers


@pytest.mark.parametrize("program", ["nginx", "caddy"])
def test_the_admin_side_asks_for_a_password_and_serves_its_own_pages(program, admin):
    site, server = admin(program)
    assert server.request("GET", "/api/v1/repositories").status == 401
    listed = server.request("GET", "/api/v1/repositories", headers=signed_in(server))
    assert [repository["name"] for repository in listed.json["repositories"]] == ["site"]
    own = {"Origin": f"https://{server.host}:{server.port}", "Sec-Fetch-Site": "same-origin"}
    foreign = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    refresh = "/api/v1/repositories/site/refresh"
    assert server.request("POST", refresh, headers=signed_in(server, **own)).status == 202
    assert server.request("POST", refresh, headers=signed_in(server, **foreign)).status == 403


@pytest.mark.parametrize("program", ["nginx", "caddy"])
def test_events_arrive_while_the_stream_is_open(program, admin):
    site, server = admin(program)
    connection = server.connect()
    try:
        connection.request("GET", "/api/v1/events", headers=signed_in(server))
        answer = connection.getresponse()
        assert (answer.status, answer.headers.get_content_type()) == (200, "text/event-stream")

        def next_event() -> tuple[str, dict]:
            event = ""
            while True:
                line = answer.readline().decode().strip()
                if line.startswith("event:"):
                    event = line.partition(":")[2].strip()
                elif line.startswith("data:"):
                    return event, json.loads(line.partition(":")[2])
        assert next_event()[0] == "hello"
        commit = site.push({"README": "second\n"})
        while True:
            event, data = next_event()
            if event == "repository" and data["checkouts"][0]["commit"] == commit:
                break
    finally:
        connection.close()
