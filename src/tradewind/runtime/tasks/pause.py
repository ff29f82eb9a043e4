"""A pause between two tries of an operation that fails. It doubles with each failure."""

from __future__ import annotations

import time
from collections.abc import Callable

FIRST_S = 1.0
LONGEST_S = 10.0


class Pause:
    """The pause between two tries: FIRST_S to LONGEST_S seconds. ``clock`` is monotonic, in seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until = 0.0
        self._next_s = FIRST_S

    @property
    def over(self) -> bool:
        """Whether the next try may begin."""
        return self._clock() >= self._until

    @property
    def ended(self) -> bool:
        """Whether the last try succeeded, or there was none."""
        return self._next_s == FIRST_S

    def begin(self) -> float:
        """Record a failure. Returns the length of the pause in seconds."""
        lasts, self._next_s = self._next_s, min(self._next_s * 2, LONGEST_S)
        self._until = self._clock() + lasts
        return lasts

    def end(self) -> None:
        """Record a success."""
        self._until, self._next_s = 0.0, FIRST_S
