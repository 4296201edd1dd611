"""nginx as the user who runs the tests, with everything it writes in one directory."""

from pathlib import Path

PROGRAM = "/usr/sbin/nginx"
FRAME = """\
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
{http}
}}
"""


def nginx_command(directory: Path, http: str) -> list[str]:
    """Writes its configuration, with `http` in the block of that name; the command that runs it."""
    configuration = directory / "nginx.conf"
    configuration.write_text(FRAME.format(dir=directory, http=http))
    return [PROGRAM, "-e", "stderr", "-p", str(directory), "-c", str(configuration)]
