"""Things to do at their time, by a few threads."""

import heapq
import threading
from dataclasses import dataclass, field
from typing import Callable


@dataclass(order=True)
class Due:
    at: float
    number: int
    act: Callable[[], None] = field(compare=False)


class Line:
    """Works off what is put in, each at its time of `now`, until end()."""

    def __init__(self, now: Callable[[], float], threads: int):
        self._now, self._heap, self._number = now, [], 0
        self._changed = threading.Condition()
        self._at_work = 0
        self._over = False
        self._failed: BaseException | None = None
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(threads)]
        for thread in self._threads:
            thread.start()

    def put(self, at: float, act: Callable[[], None]) -> None:
        with self._changed:
            self._number += 1
            heapq.heappush(self._heap, Due(at, self._number, act))
            self._changed.notify()

    def idle(self) -> bool:
        """Raises what one of the acts raised: a storm whose actors fail says nothing."""
        with self._changed:
            if self._failed:
                raise self._failed
            return not self._heap and not self._at_work

    def end(self) -> None:
        """What waits is left undone."""
        with self._changed:
            self._over = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while act := self._take():
            try:
                act()
            except BaseException as error:
                with self._changed:
                    self._failed = error
            with self._changed:
                self._at_work -= 1

    def _take(self) -> Callable[[], None] | None:
        with self._changed:
            while not self._over:
                wait = self._heap[0].at - self._now() if self._heap else None
                if wait is not None and wait <= 0:
                    self._at_work += 1
                    return heapq.heappop(self._heap).act
                self._changed.wait(wait)
            return None
