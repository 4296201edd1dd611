"""nginx in front of the public listener, as on an open network."""

import shutil
import tempfile
from pathlib import Path

from processes import Server, free_port, is_listening
from waiting import wait_for

NGINX = """\
daemon off;
master_process off;
pid {dir}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  client_body_temp_path {dir}/body;
  proxy_temp_path {dir}/proxy;
  fastcgi_temp_path {dir}/fastcgi;
  uwsgi_temp_path {dir}/uwsgi;
  scgi_temp_path {dir}/scgi;
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
}}
"""


class ReverseProxy:
    """Hands requests on to `target` ("http://127.0.0.1:1" or "http://unix:/path:"); `with` starts and stops it."""

    def __init__(self, target: str):
        self.target, self.port = target, free_port()
        self._directory = Path(tempfile.mkdtemp(prefix="freshet-proxy-"))
        self._server = None

    def __enter__(self) -> "ReverseProxy":
        configuration = self._directory / "nginx.conf"
        configuration.write_text(NGINX.format(dir=self._directory, port=self.port, target=self.target))
        log = self._directory / "log"
        self._server = Server(["/usr/sbin/nginx", "-e", "stderr", "-p", str(self._directory),
                               "-c", str(configuration)], log)
        wait_for(lambda: is_listening(self.port), f"nginx listens; it said: {log.read_text()}")
        return self

    def __exit__(self, *_) -> None:
        self._server.stop()
        shutil.rmtree(self._directory)
