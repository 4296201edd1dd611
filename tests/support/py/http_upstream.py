"""Upstreams over smart HTTP: nginx in front of git-http-backend, as the user who runs the tests."""

import json
import shutil
import tempfile
from pathlib import Path

from nginx import nginx_command
from processes import Server, free_port, is_listening
from waiting import wait_for

NGINX = """\
  log_format requests escape=json '{{"method":"$request_method","uri":"$request_uri","status":"$status"}}';
  client_max_body_size 0;
  server {{
    listen 127.0.0.1:{port}{tls};
    access_log {dir}/access.log requests;
    location / {{
      fastcgi_pass unix:{dir}/fcgi;
      fastcgi_buffering off;
      fastcgi_read_timeout 300;
      fastcgi_param SCRIPT_FILENAME /usr/lib/git-core/git-http-backend;
      fastcgi_param GIT_PROJECT_ROOT {root};
      fastcgi_param GIT_HTTP_EXPORT_ALL 1;
      fastcgi_param GIT_CONFIG_NOSYSTEM 1;
      fastcgi_param GIT_CONFIG_GLOBAL {dir}/gitconfig;
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
"""
# git-upload-pack runs this in front of each pack that it sends: it counts, and can hold it back.
PACK_HOOK = """\
#!/bin/sh
echo pack >> '{dir}/packs'
while [ -e '{dir}/hold' ]; do sleep 0.02; done
exec "$@"
"""


def start_nginx(dir: Path, root: Path, port: int, tls: str = "") -> list[Server]:
    """nginx and fcgiwrap on the files in `dir`, once they answer; `tls`: what `listen` says of it."""
    log = dir / "log"
    servers = [
        Server(["fcgiwrap", "-c", "4", "-s", f"unix:{dir}/fcgi"], log),
        Server(nginx_command(dir, NGINX.format(dir=dir, root=root, port=port, tls=tls)), log),
    ]
    wait_for(lambda: is_listening(port) and (dir / "fcgi").exists(),
             f"nginx and fcgiwrap listen; they said: {log.read_text()}")
    return servers


class HttpUpstreams:
    """Serves the repositories below `root`."""

    def __init__(self, root: Path):
        self.root = root
        self.directory = Path(tempfile.mkdtemp(prefix="freshet-http-"))  # short, for the socket's name
        self.port = free_port()
        self._servers = []

    def start(self) -> None:
        places = {"dir": self.directory, "root": self.root, "port": self.port}
        hook = self.directory / "hook"
        hook.write_text(PACK_HOOK.format(**places))
        hook.chmod(0o755)
        (self.directory / "gitconfig").write_text(f"[uploadpack]\n\tpackObjectsHook = {hook}\n")
        self._servers = start_nginx(**places)

    def stop(self) -> None:
        self.release()
        for server in reversed(self._servers):
            server.stop()
        shutil.rmtree(self.directory)

    def url(self, repository: Path) -> str:
        return f"http://127.0.0.1:{self.port}/{repository.relative_to(self.root)}"

    def requests(self) -> list[dict]:
        return [json.loads(line) for line in _lines(self.directory / "access.log")]

    def packs_asked_for(self) -> int:
        """How many fetches have brought objects, or are about to."""
        return len(_lines(self.directory / "packs"))

    def hold(self) -> None:
        """From now on fetches stay without an answer, until release()."""
        (self.directory / "hold").touch()

    def release(self) -> None:
        (self.directory / "hold").unlink(missing_ok=True)


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []
