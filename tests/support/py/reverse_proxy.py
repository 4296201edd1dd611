"""nginx in front of the public listener, as on an open network."""

import shutil
import tempfile
from pathlib import Path

from nginx import nginx_command
from processes import Server, free_port, is_listening
from waiting import wait_for

NGINX = """\
  client_max_body_size 0;
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass {target};
      proxy_http_version 1.1;
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    }}
  }}
"""


class ReverseProxy:
    """Hands requests on to `target` ("http://127.0.0.1:1" or "http://unix:/path:"); `with` starts and stops it."""

    def __init__(self, target: str):
        self.target, self.port = target, free_port()
        self._directory = Path(tempfile.mkdtemp(prefix="freshet-proxy-"))
        self._server = None

    def __enter__(self) -> "ReverseProxy":
        log = self._directory / "log"
        command = nginx_command(self._directory, NGINX.format(port=self.port, target=self.target))
        self._server = Server(command, log)
        wait_for(lambda: is_listening(self.port), f"nginx listens; it said: {log.read_text()}")
        return self

    def __exit__(self, *_) -> None:
        self._server.stop()
        shutil.rmtree(self._directory)
