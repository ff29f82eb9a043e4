"""Metrics for alarms: whether the broker works, and which workers cannot be reached over it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection
from typing import Protocol

from tradewind.workers.pool import Tell

log = logging.getLogger(__name__)

LOST_S = 300.0
"""A worker that starts replies within one or two minutes, and a connected worker within a second."""


class Workers(Protocol):
    """The part of a worker backend that is needed here (``workers.pool``)."""

    def running(self, service: str) -> Collection[str]:
        """Return the workers of a pool that should reply over the broker. Raises an error if that cannot be known."""


class Broker:
    """The state of the broker, and of its connections to workers.

    ``check`` raises an error if the broker takes no message. ``services`` are the worker pools. ``tell`` sends a
    command to workers.
    """

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
        self._silent: dict[str, float] = {}  # from each worker to the time of its first missing reply

    def measured(self) -> dict[str, float]:
        """Return the value of each metric. Values that cannot be known are left out.

        BrokerAway: 1 if the broker takes no message. WorkersLost: the number of workers that have not replied for
        LOST_S seconds. Such workers run and take no tasks, and no other check notices them.
        """
        try:
            self._check()
        except Exception as error:  # of any kind: the broker could not be used
            log.warning("the broker takes no message: %s", error)
            return {"BrokerAway": 1.0}
        try:
            running = [name for service in self._services for name in self._workers.running(service)]
            silent = set(running) - set(self._tell("duty", running) if running else ())
        except Exception as error:
            log.warning("cannot check which workers reply: %s", error)
            return {"BrokerAway": 0.0}
        now = self._clock()
        self._silent = {name: self._silent.get(name, now) for name in silent}
        lost = sorted(name for name, since in self._silent.items() if now - since >= LOST_S)
        if lost:
            log.warning("these workers run but do not reply: %s", ", ".join(lost))
        return {"BrokerAway": 0.0, "WorkersLost": float(len(lost))}
