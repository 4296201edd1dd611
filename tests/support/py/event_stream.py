"""A reader of server-sent events, as a browser's EventSource reads them."""

import http.client
import json
import socket
from dataclasses import dataclass

from waiting import PATIENCE


@dataclass(frozen=True)
class Event:
    id: str
    name: str
    data: dict


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float):
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class EventStream:
    """Opens the stream; `answer` has the status and the fields of the head."""

    def __init__(self, port: int | str, query: str = "", last_id: str = "", timeout: float = 60 * PATIENCE,
                 headers: dict | None = None):
        """`port`: of 127.0.0.1, or the path of a unix socket."""
        if isinstance(port, int):
            self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
        else:
            self._connection = UnixConnection(port, timeout)
        fields = {"Last-Event-ID": last_id} if last_id else {}
        self._connection.request("GET", "/api/v1/events" + query, headers=fields | (headers or {}))
        self.answer = self._connection.getresponse()
        self.comments = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.answer.close()
        self._connection.close()

    def next(self) -> Event | None:
        """The next event; None at the end of the stream."""
        fields = {}
        while line := self.answer.readline():
            line = line.decode().rstrip("\n")
            if not line and "data" in fields:
                return Event(fields.get("id", ""), fields["event"], json.loads(fields["data"]))
            if line.startswith(":"):
                self.comments += 1
            elif line:
                name, _, value = line.partition(": ")
                fields[name] = value
        return None

    def until(self, wanted) -> Event:
        """The next event for which `wanted` holds, passing over others."""
        while event := self.next():
            if wanted(event):
                return event
        raise AssertionError("the stream ended")
