"""The program under valgrind: what it did wrong, and how much of the heap it uses while it runs."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

KINDS = "definitely lost", "indirectly lost", "possibly lost", "still reachable"
# What has no pointer to its beginning while threads run is often theirs (their stacks' tables, blocks that
# a library points into); at the end, when all of them are gone, it is an error like any other.
LOST = "definitely lost", "indirectly lost"


@dataclass(frozen=True)
class Heap:
    used: int  # bytes
    lost: int  # bytes of those that no pointer leads to


class Valgrind:
    """Put `command` in front of the program's own. Not with --error-exitcode, which a fork without an
    exec would end with, too: what it inherits of other threads' memory nobody points to any more."""

    def __init__(self, directory: Path):
        self.log = directory / "valgrind.log"
        # It answers questions at a pair of pipes with this name, which is found by the process id.
        self._gate = f"--vgdb-prefix={directory}/vgdb"
        self.command = [
            "valgrind", "--leak-check=full", "--errors-for-leak-kinds=definite,possible",
            "--child-silent-after-fork=yes", "--num-callers=30",
            f"--log-file={self.log}", self._gate]

    def heap(self, pid: int) -> Heap:
        """Asks while the process runs, which goes on behind the answer."""
        answer = subprocess.run(
            ["vgdb", self._gate, f"--pid={pid}", "--wait=60", "leak_check", "summary", "reachable", "any"],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)
        found = dict(re.findall(r"^==\d+== +([a-z ]+): ([\d,]+) ", answer.stdout, re.MULTILINE))
        assert set(KINDS) <= set(found), f"no answer from valgrind: {answer.stdout}{answer.stderr}"
        by_kind = {kind: int(found[kind].replace(",", "")) for kind in KINDS}
        return Heap(sum(by_kind.values()), sum(by_kind[kind] for kind in LOST))

    def complaints(self) -> str:
        """What it said of errors, also of what was lost at the end; empty: there was none. System calls
        that it does not know are none: they fail, as on old kernels."""
        said = [line for line in self.log.read_text(errors="replace").splitlines()
                if line.startswith("==") and "(reset_after_fork)" not in line]
        clean = any("ERROR SUMMARY: 0 errors" in line for line in said)
        return "" if clean else "\n".join(said)
