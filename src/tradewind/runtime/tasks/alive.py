"""Whether a worker works: its loop turns, and its pool takes what it is given. Not whether its broker can be reached.

A worker without a broker keeps its tasks. To stop it would lose them, and its successor would reach no more.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import NamedTuple

HANGS_S = 60.0
"""A pool with a free slot begins a task at once; one that has not after so long never will."""


class Work(NamedTuple):
    """The tasks that the pool has begun, and those that it was given and has not begun."""

    begun: int
    given: Collection[str]


def work() -> Work:
    """What Celery says of this worker."""
    from celery.worker import state

    begun = set(state.active_requests)
    return Work(len(begun), {request.id for request in state.reserved_requests if request not in begun})


class Alive:
    """Touches ``path`` whenever the worker's loop has turned, unless its pool hangs. ``clock`` is a monotonic one."""

    def __init__(
        self,
        path: Path,
        slots: int,
        look: Callable[[], Work] = work,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path = path
        self._slots = slots
        self._look = look
        self._clock = clock
        self._waiting: dict[str, float] = {}  # since when

    def turned(self) -> None:
        """The loop has turned."""
        found, now = self._look(), self._clock()
        due = found.given if found.begun < self._slots else ()
        self._waiting = {task: self._waiting.get(task, now) for task in due}
        if not any(now - since > HANGS_S for since in self._waiting.values()):
            self._path.touch()
