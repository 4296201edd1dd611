"""What was done and seen, in order: told to the model, and written down with its time."""

import json
import threading
import time
from pathlib import Path

from model import Model


class History:
    """May be used from several threads. Times are seconds since its making."""

    def __init__(self, model: Model, file: Path):
        self.model = model
        self._mutex = threading.Lock()
        self._began = time.monotonic()
        self._file = file.open("w")
        self._written = 0  # violations
        self._machine_harms = 0
        self.counts: dict[str, int] = {}

    def now(self) -> float:
        return time.monotonic() - self._began

    def note(self, what: str, /, **fields) -> None:
        """For people only."""
        with self._mutex:
            self._write(what, fields)

    def did(self, what: str, /, **fields) -> None:
        """The same, counted for the report."""
        with self._mutex:
            self.counts[what] = self.counts.get(what, 0) + 1
            self._write(what, fields)

    def tell(self, what: str, /, *arguments, quiet: bool = False, **fields):
        """Calls the model's function of that name; what it answers."""
        with self._mutex:
            if not quiet:
                self._write(what, {"told": arguments} | fields)
            answer = getattr(self.model, what)(*arguments)
            for violation in self.model.violations[self._written:]:
                self._write("BROKEN", {"promise": violation.promise, "of": violation.what, "text": violation.text})
            self._written = len(self.model.violations)
            return answer

    def push(self, repository, ref: str, commit: str | None) -> None:
        """Moves the upstream's ref, so that the model knows of it before any reader can."""
        origin = repository.origin
        known = {}
        if commit and ref in repository.followed():
            known["digest"] = origin.digest_of(commit)
            if repository.mode == "in_place":
                known["versions"] = origin.versions_of(commit)
        with self._mutex:
            self._write("pushed", {"repository": repository.name, "ref": ref, "commit": commit,
                                   "serial": origin.serial_of.get(commit)})
            value = self.model.pushed(repository.name, ref, commit, self.now(), **known)
        origin.move(ref, commit)
        with self._mutex:
            value.served = self.now()

    def harm(self, repositories) -> None:
        """`repositories`: names, or None for the whole machine."""
        for name in [None] if repositories is None else repositories:
            self.tell("harmed", name, self.now(), quiet=True)
        self._machine_harms += repositories is None

    def heal(self, repositories) -> None:
        self._machine_harms -= repositories is None
        for name in [None] if repositories is None else repositories:
            self.tell("healed", name, self.now(), quiet=True)

    def machine_is_harmed(self) -> bool:
        return self._machine_harms > 0

    def close(self) -> None:
        self._file.close()

    def _write(self, what: str, fields: dict) -> None:
        line = {"time": round(self.now(), 3), "what": what} | fields
        self._file.write(json.dumps(line, default=str) + "\n")
        self._file.flush()
