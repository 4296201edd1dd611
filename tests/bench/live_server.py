"""Thousands of real upstreams in one process.

    live_server.py ROOT PORT

Refs are what the repositories below ROOT have at that moment, read from their files (loose refs only);
packs are made by `git upload-pack`. GET /report as canned_server says.
"""

import asyncio
import gzip
import json
import sys
import time
from collections import defaultdict
from pathlib import Path

from canned_server import FLUSH, GZIP, SMART, packet, response, serve, upload_pack

ENVIRONMENT = {"GIT_PROTOCOL": "version=2", "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null",
               "PATH": "/usr/bin:/bin"}
HEAD = b"ref: refs/heads/main\n"


class Live:
    def __init__(self, root: Path):
        self._root = str(root)
        self._asked = defaultdict(list)
        # What a server can do is the same for all of its repositories.
        some = next(path.parent for path in root.rglob("HEAD"))
        self._greeting = response(upload_pack(str(some), b"", "--advertise-refs"), SMART + "advertisement")

    def to(self, method: bytes, target: bytes, body: bytes):
        if target == b"/report":
            return response(json.dumps(self._asked).encode(), "application/json")
        if method == b"GET":
            return self._greeting
        if body.startswith(GZIP):
            body = gzip.decompress(body)
        name = target.removesuffix(b"/git-upload-pack").decode()
        if b"command=ls-refs" in body:
            self._asked[name].append(time.monotonic())
            return self._refs(name, body)
        return self._fetch(name, body)

    def _refs(self, name: str, request: bytes) -> bytes:
        """HEAD and refs/heads/main, as far as the request's prefixes want them."""
        with open(f"{self._root}{name}/HEAD", "rb") as head, open(f"{self._root}{name}/refs/heads/main", "rb") as main:
            if head.read() != HEAD:
                raise RuntimeError(f"{name} has another HEAD")
            commit = main.read().decode().strip()
        prefixes = [line.split(b"\n")[0] for line in request.split(b"ref-prefix ")[1:]]
        refs = {b"HEAD": f"{commit} HEAD symref-target:refs/heads/main",
                b"refs/heads/main": f"{commit} refs/heads/main"}
        wanted = [packet(line) for ref, line in refs.items()
                  if not prefixes or any(ref.startswith(prefix) for prefix in prefixes)]
        return response(b"".join(wanted) + FLUSH, SMART + "result")

    async def _fetch(self, name: str, request: bytes) -> bytes:
        child = await asyncio.create_subprocess_exec(
            "git", "upload-pack", "--stateless-rpc", self._root + name, env=ENVIRONMENT,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
        answer, _ = await child.communicate(request)
        if child.returncode:
            return b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"
        return response(answer, SMART + "result")


if __name__ == "__main__":
    asyncio.run(serve(Live(Path(sys.argv[1])), int(sys.argv[2])))
