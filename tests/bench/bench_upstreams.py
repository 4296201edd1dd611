"""Upstreams to measure against: nginx with TLS and HTTP/2 in front of git-http-backend, and repositories
of a known size."""

import json
import shutil
import tempfile
from pathlib import Path
from random import Random

from certificates import make_authority
from processes import Server, free_port, is_listening
from upstream import Upstream, git
from waiting import wait_for

NGINX = """\
daemon off;
master_process off;
pid {dir}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 1024; }}
http {{
  log_format requests escape=json '{{"method":"$request_method","uri":"$uri","status":"$status"}}';
  access_log {dir}/access.log requests;
  client_body_temp_path {dir}/body;
  proxy_temp_path {dir}/proxy;
  fastcgi_temp_path {dir}/fastcgi;
  uwsgi_temp_path {dir}/uwsgi;
  scgi_temp_path {dir}/scgi;
  client_max_body_size 0;
  server {{
    listen 127.0.0.1:{port} ssl http2;
    ssl_certificate {chain};
    ssl_certificate_key {key};
    location / {{
      fastcgi_pass unix:{dir}/fcgi;
      fastcgi_buffering off;
      fastcgi_read_timeout 300;
      fastcgi_param SCRIPT_FILENAME /usr/lib/git-core/git-http-backend;
      fastcgi_param GIT_PROJECT_ROOT {root};
      fastcgi_param GIT_HTTP_EXPORT_ALL 1;
      fastcgi_param GIT_CONFIG_NOSYSTEM 1;
      fastcgi_param GIT_CONFIG_GLOBAL /dev/null;
      fastcgi_param GIT_PROTOCOL $http_git_protocol;
      fastcgi_param PATH_INFO $uri;
      fastcgi_param QUERY_STRING $query_string;
      fastcgi_param REQUEST_METHOD $request_method;
      fastcgi_param CONTENT_TYPE $content_type;
      fastcgi_param CONTENT_LENGTH $content_length;
      fastcgi_param HTTP_CONTENT_ENCODING $http_content_encoding;
      fastcgi_param REMOTE_ADDR $remote_addr;
    }}
  }}
}}
"""


class HttpsUpstreams:
    """Serves the repositories below `root` over HTTPS; `with` starts and stops it."""

    def __init__(self, root: Path):
        self.root, self.port = root, free_port()
        self.directory = Path(tempfile.mkdtemp(prefix="freshet-https-"))
        self.authority = make_authority(self.directory / "authority")
        self._servers = []

    def __enter__(self) -> "HttpsUpstreams":
        (self.directory / "nginx.conf").write_text(NGINX.format(
            dir=self.directory, root=self.root, port=self.port, chain=self.authority.chain,
            key=self.authority.key))
        log = self.directory / "log"
        self._servers = [
            Server(["fcgiwrap", "-c", "4", "-s", f"unix:{self.directory}/fcgi"], log),
            Server(["/usr/sbin/nginx", "-e", "stderr", "-p", str(self.directory), "-c",
                    str(self.directory / "nginx.conf")], log),
        ]
        wait_for(lambda: is_listening(self.port) and (self.directory / "fcgi").exists(),
                 f"nginx and fcgiwrap listen; they said: {log.read_text()}")
        return self

    def __exit__(self, *_) -> None:
        for server in reversed(self._servers):
            server.stop()
        shutil.rmtree(self.directory)

    def url(self, repository: Path) -> str:
        return f"https://127.0.0.1:{self.port}/{repository.relative_to(self.root)}"

    @property
    def git_environment(self) -> dict:
        return {"GIT_SSL_CAINFO": str(self.authority.ca_file)}

    @property
    def credential(self) -> dict:
        """What tells freshet to trust it."""
        return {"match": f"https://127.0.0.1:{self.port}/*", "ca_file": str(self.authority.ca_file)}

    def posts(self) -> int:
        """Requests to git-upload-pack so far: questions for refs and fetches."""
        log = self.directory / "access.log"
        lines = log.read_text().splitlines() if log.exists() else []
        return sum(json.loads(line)["method"] == "POST" for line in lines)


def under_many_names(upstream: Upstream, count: int) -> list[Path]:
    """The same repository as so many upstreams."""
    names = [upstream.path.parent / f"{upstream.path.stem}-{number}.git" for number in range(count)]
    for name in names:
        name.symlink_to(upstream.path)
    return names


def small_repository(path: Path) -> Upstream:
    """A thousand files, three branches, ten tags."""
    upstream = Upstream(path)
    upstream.commit({f"folder{n % 40}/file{n}": f"{n}\n" * 20 for n in range(1000)})
    for branch in ("stable", "next"):
        upstream.set_ref(f"refs/heads/{branch}", upstream.tip())
    for number in range(10):
        upstream.set_ref(f"refs/tags/v{number}", upstream.tip())
    return upstream


def repository_of_many_refs(path: Path, count: int) -> Upstream:
    upstream = Upstream(path)
    commit = upstream.commit({"README": "many refs\n"})
    names = sorted([f"refs/pull/{number}/head" for number in range(count - 1)] + ["refs/heads/main"])
    git(path, "pack-refs", "--all")
    (path / "packed-refs").write_text("# pack-refs with: peeled fully-peeled sorted \n"
                                      + "".join(f"{commit} {name}\n" for name in names))
    return upstream


def large_repository(path: Path, mebibytes: int = 60) -> Upstream:
    """A pack of at least that size: a long history of many files, of which each commit writes some
    anew and edits a line in others."""
    upstream, rng, digits = Upstream(path), Random(1), bytes(range(48, 112))
    translate = bytes(digits[byte & 63] for byte in range(256))
    lines_of = {n: [_line(rng, translate) for _ in range(40)] for n in range(3000)}
    stream, commits = [], mebibytes * 10
    for commit in range(commits):
        stream.append(b"commit refs/heads/main\ncommitter Test <test@example.invalid> %d +0000\n"
                      b"data 9\nA change\n\n" % (1_700_000_000 + commit))
        for file in rng.sample(range(3000), 36):
            lines = lines_of[file]
            if rng.random() < 0.5:
                lines[:] = [_line(rng, translate) for _ in range(40)]
            else:
                lines[rng.randrange(40)] = _line(rng, translate)
            content = b"".join(lines)
            stream.append(b"M 100644 inline folder%d/part%d/file%d\ndata %d\n%s\n"
                          % (file % 30, file % 7, file, len(content), content))
    git(path, "fast-import", "--quiet", "--force", data=b"".join(stream))
    git(path, "repack", "-adq")
    size = sum(pack.stat().st_size for pack in (path / "objects/pack").glob("*.pack"))
    if size < mebibytes << 20:
        raise RuntimeError(f"the repository has only {size >> 20} MiB")
    return upstream


def _line(rng: Random, translate: bytes) -> bytes:
    return rng.randbytes(95).translate(translate) + b"\n"
