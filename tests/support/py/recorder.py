"""A command for gates and updates that writes down how it was called, and ends as a test wants."""

import json
from pathlib import Path

from waiting import wait_for

PROGRAM = '''#!/usr/bin/python3
import json, os, pathlib, sys, time
place = pathlib.Path(__file__).parent
call = {"environment": dict(os.environ), "stdin": sys.stdin.read(), "directory": os.getcwd(),
        "arguments": sys.argv[1:], "pid": os.getpid(), "group": os.getpgid(0),
        "files": {str(file): file.read_text() for file in pathlib.Path().rglob("*")
                  if file.is_file() and ".git" not in file.parts}}
with open(place / "calls", "a") as calls:
    calls.write(json.dumps(call) + "\\n")
while (place / "hold").exists():
    time.sleep(0.02)
print((place / "says").read_text(), file=sys.stderr)
sys.exit(int((place / "status").read_text()))
'''


class Recorder:
    def __init__(self, directory: Path):
        directory.mkdir()
        self.directory = directory
        self.program = directory / "program"
        self.program.write_text(PROGRAM)
        self.program.chmod(0o755)
        self.end_with(0)

    @property
    def run(self) -> list[str]:
        return [str(self.program)]

    def end_with(self, status: int, says: str = "") -> None:
        (self.directory / "says").write_text(says)
        (self.directory / "status").write_text(str(status))

    def hold(self) -> None:
        """Calls do not end from now on."""
        (self.directory / "hold").touch()

    def release(self) -> None:
        (self.directory / "hold").unlink()

    def calls(self) -> list[dict]:
        calls = self.directory / "calls"
        lines = calls.read_text().splitlines(keepends=True) if calls.exists() else []
        return [json.loads(line) for line in lines if line.endswith("\n")]

    def commits(self) -> list[str]:
        return [call["environment"]["FRESHET_NEW"] for call in self.calls()]

    def wait_for_calls(self, count: int) -> list[dict]:
        return wait_for(lambda: len(self.calls()) >= count and self.calls(), f"{count} calls")
