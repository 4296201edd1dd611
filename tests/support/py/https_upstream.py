"""Upstreams over HTTPS with HTTP/2, as forges are: nginx in front of git-http-backend."""

import json
import shutil
import tempfile
from pathlib import Path

from certificates import make_authority
from processes import Server, free_port, is_listening
from upstream import Upstream
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
