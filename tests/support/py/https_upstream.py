"""Upstreams over HTTPS with HTTP/2, as forges are: nginx in front of git-http-backend."""

import json
import shutil
import tempfile
from pathlib import Path

from certificates import make_authority
from http_upstream import start_nginx
from processes import free_port
from upstream import Upstream


class HttpsUpstreams:
    """Serves the repositories below `root` over HTTPS, with a `password` to whoever shows it; `with`
    starts and stops it."""

    def __init__(self, root: Path, password: str | None = None):
        self.root, self.port, self.password = root, free_port(), password
        self.directory = Path(tempfile.mkdtemp(prefix="freshet-https-"))
        self.authority = make_authority(self.directory / "authority")
        self._servers = []

    def __enter__(self) -> "HttpsUpstreams":
        (self.directory / "gitconfig").touch()
        settings = f" ssl http2; ssl_certificate {self.authority.chain}; ssl_certificate_key {self.authority.key}"
        if self.password:
            users = self.directory / "users"
            users.write_text(f"x-access-token:{{PLAIN}}{self.password}\n")
            settings += f"; auth_basic upstream; auth_basic_user_file {users}"
        self._servers = start_nginx(self.directory, self.root, self.port, settings)
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
