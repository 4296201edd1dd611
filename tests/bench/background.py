"""What looks on while something is measured."""

import threading
from collections.abc import Callable


class Repeatedly:
    """Calls `look` every so many seconds in a thread of its own, while `with` lasts."""

    def __init__(self, seconds: float, look: Callable[[], None]):
        self._seconds, self._look, self._stop = seconds, look, threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(self._seconds):
            self._look()
