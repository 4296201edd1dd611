"""What the storm did and found, as a table for people."""

from history import History
from model import PROMISES

MOST_SHOWN = 30


def report(history: History, seed, rounds: int, harmed_requests: dict[str, int], notes: list[str]) -> str:
    model = history.model
    broken = {promise: sum(violation.promise == promise for violation in model.violations)
              for promise in PROMISES}
    lines = [f"seed {seed}: {rounds} rounds, {history.now():.0f} s", "", "| done | times |", "|---|---|"]
    lines += [f"| {what} | {times} |" for what, times in sorted(history.counts.items())]
    lines += [f"| request harmed: {what} | {times} |" for what, times in sorted(harmed_requests.items())]
    lines += ["", "| promised | looked at | broken |", "|---|---|---|"]
    lines += [f"| {text} | {model.checked[promise]} | {broken[promise]} |"
              for promise, text in PROMISES.items()]
    lines += ["", "| slowest | s |", "|---|---|"]
    lines += [f"| {what} | {seconds:.1f} |" for what, seconds in sorted(model.slowest.items())]
    if notes:
        lines += ["", *notes]
    if model.violations:
        lines += ["", f"{len(model.violations)} broken promises:"]
        lines += [f"  {violation.time:8.2f} {violation}" for violation in model.violations[:MOST_SHOWN]]
    return "\n".join(lines)
