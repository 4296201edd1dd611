"""Waiting for the program's own state. The only place of the tests that lets time pass."""

import os
import time

# What all bounds are multiplied by: a sanitizer makes everything slower, and so does a busy machine. A
# bound that is reached fails a test; it costs one that passes nothing.
PATIENCE = float(os.environ.get("FRESHET_TEST_PATIENCE", "1"))


class StateNotReached(AssertionError):
    pass


def wait_for(predicate, what: str, timeout: float = 120):
    """Asks `predicate` again and again until it answers something true, and returns that."""
    deadline = time.monotonic() + timeout * PATIENCE
    while not (answer := predicate()):
        if time.monotonic() > deadline:
            raise StateNotReached(f"after {timeout * PATIENCE:g} s still not: {what}")
        time.sleep(0.02)
    return answer


def let_pass(seconds: float) -> None:
    """For the tests that are about a moment (a crash at any instant), not about a state."""
    time.sleep(seconds)
