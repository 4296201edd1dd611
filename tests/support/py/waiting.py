"""Waiting for the program's own state. The only place of the tests that lets time pass."""

import time


class StateNotReached(AssertionError):
    pass


def wait_for(predicate, what: str, timeout: float = 30.0):
    """Asks `predicate` again and again until it answers something true, and returns that."""
    deadline = time.monotonic() + timeout
    while not (answer := predicate()):
        if time.monotonic() > deadline:
            raise StateNotReached(f"after {timeout:g} s still not: {what}")
        time.sleep(0.02)
    return answer


def let_pass(seconds: float) -> None:
    """For the tests that are about a moment (a crash at any instant), not about a state."""
    time.sleep(seconds)
