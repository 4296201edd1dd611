"""What processes cost: wall time, CPU time with children, memory. And how a comparison is written down."""

import os
import platform
import statistics
import subprocess
import time
from dataclasses import asdict, dataclass

from processes import processes_of_session
from upstream import ISOLATED
from waiting import wait_for

TICK = 1 / os.sysconf("SC_CLK_TCK")


def machine() -> str:
    return f"{platform.machine()}, {os.cpu_count()} cores, {platform.release()}"


@dataclass(frozen=True)
class Cost:
    wall: float  # seconds
    cpu: float  # seconds, user and system, of the process and all of its children

    @staticmethod
    def typical(costs: list["Cost"]) -> "Cost":
        """The median of the wall times; the mean of the CPU times, which are counted coarsely."""
        return Cost(statistics.median(cost.wall for cost in costs),
                    statistics.mean(cost.cpu for cost in costs))


def run_measured(*command, env: dict | None = None) -> Cost:
    """Runs a program to its end, which has to be a good one."""
    began = time.monotonic()
    process = subprocess.Popen(list(map(str, command)), env=ISOLATED | (env or {}),
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{command} ended with {process.returncode}")
    return Cost(wall, usage.ru_utime + usage.ru_stime)


class DaemonCpu:
    """The CPU time of a daemon (anything with a `process`) and its children since this was made."""

    def __init__(self, daemon):
        self._daemon = daemon
        self._began = self._now()

    def spent(self) -> float:
        """Children count once they have ended, so this waits until none runs."""
        pid = self._daemon.process.pid
        wait_for(lambda: set(processes_of_session(pid)) <= {pid}, "the daemon's children have ended", 60)
        return self._now() - self._began

    def spent_so_far(self) -> float:
        """For a daemon whose children never pause; those that run now are missing."""
        return self._now() - self._began

    def _now(self) -> float:
        pid = self._daemon.process.pid
        # The kernel's clock of another process's CPU time: nanoseconds, where /proc has ticks.
        own = time.clock_gettime((~pid << 3) | 2)
        fields = open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()
        children = (int(fields[13]) + int(fields[14])) * TICK
        return own + children


@dataclass(frozen=True)
class Figure:
    """One comparison: freshet's number, what it is held against, and the most it may be."""

    row: str
    what: str
    unit: str
    freshet: float
    against: str
    reference: float | None  # None: the limit stands for itself
    limit: float  # of freshet / reference, or of freshet's number
    limit_text: str

    @property
    def ratio(self) -> float:
        return self.freshet / self.reference if self.reference else self.freshet

    @property
    def reached(self) -> bool:
        return self.ratio <= self.limit

    def as_json(self) -> dict:
        return asdict(self) | {"ratio": self.ratio, "reached": self.reached}


def as_table(figures: list[Figure]) -> str:
    lines = ["| row | what | freshet | against | | ratio | at most | reached |",
             "|---|---|---|---|---|---|---|---|"]
    for figure in figures:
        reference = "" if figure.reference is None else f"{figure.reference:.4g} {figure.unit}"
        ratio = "" if figure.reference is None else _ratio(figure.ratio)
        lines.append(f"| {figure.row} | {figure.what} | {figure.freshet:.4g} {figure.unit} | "
                     f"{figure.against} | {reference} | {ratio} | {figure.limit_text} | "
                     f"{'yes' if figure.reached else 'no'} |")
    return "\n".join(lines)


def _ratio(value: float) -> str:
    return f"1/{1 / value:.1f}" if 0 < value < 1 else f"{value:.2f}"
