"""Ten thousand upstreams in one process: any path is a repository, and all of them answer the same.

    canned_server.py REPOSITORY PORT

The answers are those of `git upload-pack` for REPOSITORY, asked once. GET /report says when each path
was asked for its refs: {"/path": [seconds of the monotonic clock...]}.
"""

import asyncio
import gzip
import json
import subprocess
import sys
import time
from collections import defaultdict

SMART = "application/x-git-upload-pack-"
FLUSH, DELIMITER = b"0000", b"0001"
GZIP = b"\x1f\x8b"


def packet(text: str) -> bytes:
    return b"%04x%s\n" % (len(text) + 5, text.encode())


def upload_pack(repository: str, request: bytes, *options: str) -> bytes:
    return subprocess.run(["git", "upload-pack", "--stateless-rpc", *options, repository], input=request,
                          env={"GIT_PROTOCOL": "version=2", "PATH": "/usr/bin:/bin"},
                          capture_output=True, check=True).stdout


class Answers:
    def __init__(self, repository: str):
        self.asked = defaultdict(list)
        self._info = response(upload_pack(repository, b"", "--advertise-refs"), SMART + "advertisement")
        refs = upload_pack(repository, packet("command=ls-refs") + packet("object-format=sha1") + DELIMITER
                           + packet("peel") + packet("symrefs") + FLUSH)
        self._refs = response(refs, SMART + "result")
        tip = refs[4:44].decode()
        pack = upload_pack(repository, packet("command=fetch") + packet("object-format=sha1") + DELIMITER
                           + packet("no-progress") + packet("ofs-delta") + packet(f"want {tip}")
                           + packet("done") + FLUSH)
        self._pack = response(pack, SMART + "result")

    def to(self, method: bytes, target: bytes, body: bytes) -> bytes:
        if target == b"/report":
            return response(json.dumps(self.asked).encode(), "application/json")
        if method == b"GET":
            return self._info
        if body.startswith(GZIP):
            body = gzip.decompress(body)
        if b"command=ls-refs" in body:
            self.asked[target.removesuffix(b"/git-upload-pack").decode()].append(time.monotonic())
            return self._refs
        return self._pack


def response(body: bytes, content_type: str) -> bytes:
    return (f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nCache-Control: no-cache\r\n"
            f"Content-Length: {len(body)}\r\n\r\n").encode() + body


class Connection(asyncio.Protocol):
    def __init__(self, answers):
        self._answers, self._received = answers, b""

    def connection_made(self, transport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            head, length = self._received[:end], 0
            for line in head.lower().split(b"\r\n"):
                if line.startswith(b"content-length:"):
                    length = int(line.partition(b":")[2])
            if len(self._received) < end + 4 + length:
                return
            body = self._received[end + 4:end + 4 + length]
            self._received = self._received[end + 4 + length:]
            method, target, _ = head.split(b" ", 2)
            answer = self._answers.to(method, target, body)
            if asyncio.iscoroutine(answer):
                self._later = asyncio.ensure_future(self._write(answer))
            else:
                self._transport.write(answer)

    async def _write(self, answer) -> None:
        self._transport.write(await answer)


async def serve(answers, port: int) -> None:
    """`answers.to(method, target, body)` is a whole answer, or a coroutine that returns one."""
    server = await asyncio.get_running_loop().create_server(
        lambda: Connection(answers), "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(Answers(sys.argv[1]), int(sys.argv[2])))
