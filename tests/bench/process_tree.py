"""What a program needs together with everything that it starts: CPU time and memory of a whole session."""

import os
import time
from pathlib import Path

from background import Repeatedly
from measuring import TICK
from waiting import let_pass, wait_for


def stat_fields(pid: int) -> list[str]:
    """Those of /proc/PID/stat that follow the name; empty when it has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def members(session: int) -> dict[int, list[str]]:
    """pid -> fields of each process of a session that Popen began."""
    found = {int(name): stat_fields(int(name)) for name in os.listdir("/proc") if name.isdigit()}
    return {pid: fields for pid, fields in found.items() if fields and int(fields[3]) == session}


def cpu_of(session: int) -> float:
    """Seconds, user and system, of all its processes: those that run, and those that ended and were
    waited for, which the kernel adds to whoever waited."""
    return sum(own_cpu(pid) + sum(map(int, fields[13:15])) * TICK for pid, fields in members(session).items())


def own_cpu(pid: int) -> float:
    """By the kernel's clock of that process, which has nanoseconds where /proc has ticks."""
    try:
        return time.clock_gettime((~pid << 3) | 2)
    except OSError:
        return 0.0  # it ended while we looked


def wait_until_quiet(session: int, timeout: float) -> None:
    """Until it needs less than 30 ms of CPU in a second."""
    def quiet() -> bool:
        before = cpu_of(session)
        let_pass(1)
        return cpu_of(session) - before < 0.03

    wait_for(quiet, "what it does behind the first publication is done", timeout)


def memory_of_tree(session: int) -> float:
    """MiB; pages that several processes share are counted once (PSS)."""
    total = 0
    for pid in members(session):
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue  # it ended while we looked
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1024


class MemoryWatch(Repeatedly):
    """Looks at a session's memory four times a second, while `with` lasts."""

    def __init__(self, session: int):
        super().__init__(0.25, lambda: self.samples.append(memory_of_tree(session)))
        self.samples: list[float] = []
