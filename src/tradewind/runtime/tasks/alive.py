"""Check that a worker works: its loop runs, and its pool starts tasks. An unreachable broker does not matter.

A worker without a broker keeps its tasks. To stop it would lose them, and a new worker could not reach the broker
either.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import NamedTuple

HANGS_S = 60.0
"""A pool with a free slot begins a task at once. If it has not begun after this time, it never will."""


class Work(NamedTuple):
    """The number of tasks that the pool has begun, and the ids of tasks that it was given and has not begun."""

    begun: int
    given: Collection[str]


def work() -> Work:
    """Read the tasks of this worker from Celery."""
    from celery.worker import state

    begun = set(state.active_requests)
    return Work(len(begun), {request.id for request in state.reserved_requests if request not in begun})


class Alive:
    """Touches ``path`` at each iteration of the worker's loop, unless its pool hangs. ``clock`` is monotonic."""

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
        self._waiting: dict[str, float] = {}  # from each task to the time since when it waits

    def on_iteration(self) -> None:
        """Record an iteration of the loop."""
        found, now = self._look(), self._clock()
        due = found.given if found.begun < self._slots else ()
        self._waiting = {task: self._waiting.get(task, now) for task in due}
        if not any(now - since > HANGS_S for since in self._waiting.values()):
            self._path.touch()
