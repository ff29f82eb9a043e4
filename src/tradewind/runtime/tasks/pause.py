"""What does not work is left alone for a moment, each time for longer."""

from __future__ import annotations

import time
from collections.abc import Callable

FIRST_S = 1.0
LONGEST_S = 10.0


class Pause:
    """Between two tries. ``clock`` is a monotonic one, in seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until = 0.0
        self._next_s = FIRST_S

    @property
    def over(self) -> bool:
        """Whether it may be tried."""
        return self._clock() >= self._until

    @property
    def ended(self) -> bool:
        """Whether the last try worked, or there was none."""
        return self._next_s == FIRST_S

    def begin(self) -> float:
        """It did not work; for how long it is left alone now, in seconds."""
        lasts, self._next_s = self._next_s, min(self._next_s * 2, LONGEST_S)
        self._until = self._clock() + lasts
        return lasts

    def end(self) -> None:
        """It worked."""
        self._until, self._next_s = 0.0, FIRST_S
