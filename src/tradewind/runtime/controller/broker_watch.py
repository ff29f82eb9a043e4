"""What the controller sees of the broker, and which workers the broker does not reach: figures, for alarms."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection
from typing import Protocol

from tradewind.workers.pool import Tell

log = logging.getLogger(__name__)

LOST_S = 300.0
"""A worker that starts answers within one or two minutes, and one that is connected within a second."""


class Workers(Protocol):
    """What is asked of where workers run (``workers.pool``)."""

    def running(self, service: str) -> Collection[str]:
        """Those of a pool that should answer over the broker. Raises where that cannot be known."""


class Broker:
    """``check`` raises where the broker takes no message; ``services`` are the pools of workers, and ``tell`` asks."""

    def __init__(
        self,
        check: Callable[[], None],
        workers: Workers,
        tell: Tell,
        services: Collection[str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._check = check
        self._workers = workers
        self._tell = tell
        self._services = services
        self._clock = clock
        self._silent: dict[str, float] = {}  # since when

    def measured(self) -> dict[str, float]:
        """From each metric to its value; what cannot be known is left out.

        BrokerAway: 1 where it takes no message. WorkersLost: how many have not answered for LOST_S seconds; they run,
        take no tasks, and nothing else notices.
        """
        try:
            self._check()
        except Exception as error:  # of whatever kind: it could not be used
            log.warning("the broker takes no message: %s", error)
            return {"BrokerAway": 1.0}
        try:
            running = [name for service in self._services for name in self._workers.running(service)]
            silent = set(running) - set(self._tell("duty", running) if running else ())
        except Exception as error:
            log.warning("which workers answer cannot be known: %s", error)
            return {"BrokerAway": 0.0}
        now = self._clock()
        self._silent = {name: self._silent.get(name, now) for name in silent}
        lost = sorted(name for name, since in self._silent.items() if now - since >= LOST_S)
        if lost:
            log.warning("these workers run, and do not answer: %s", ", ".join(lost))
        return {"BrokerAway": 0.0, "WorkersLost": float(len(lost))}
