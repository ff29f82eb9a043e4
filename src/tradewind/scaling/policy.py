"""The number of workers that a worker pool should have. Pure: signals and the time go in, a number comes out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import inf
from typing import Any, Protocol

from croniter import croniter


@dataclass(frozen=True)
class Bounds:
    """The fewest and the most workers."""

    min: int
    max: int

    def clamp(self, count: int) -> int:
        """The nearest number within the bounds."""
        return max(self.min, min(self.max, count))


@dataclass(frozen=True)
class Scheduled:
    """Bounds from a time on. ``cron`` has five fields, in UTC."""

    cron: str
    bounds: Bounds


@dataclass(frozen=True)
class WorkerPool:
    """A worker pool: the name of its service, its queues, and how many tasks a worker runs at the same time (slots).

    The pool shrinks to the most workers that it needed in the last ``scale_in_stabilization_s`` seconds. A worker that
    has run for ``replace_after_s`` seconds is replaced.
    """

    service: str
    queues: tuple[str, ...]
    slots: int
    bounds: Bounds
    scale_in_stabilization_s: float = 300.0
    replace_after_s: float = inf
    schedule: tuple[Scheduled, ...] = ()

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> WorkerPool:
        """Read the document that ``blueprint.services`` writes for the controller."""
        return cls(
            service=document["service"],
            queues=tuple(document["queues"]),
            slots=document["slots"],
            bounds=Bounds(document["min"], document["max"]),
            scale_in_stabilization_s=document["scale_in_stabilization_s"],
            replace_after_s=document["replace_after_s"],
            schedule=tuple(Scheduled(e["cron"], Bounds(e["min"], e["max"])) for e in document["schedule"]),
        )


@dataclass(frozen=True)
class Signals:
    """The signals of one pool: the tasks that run or wait, and the workers that take tasks now."""

    tasks: int
    workers: int


class Policy(Protocol):
    """Decides for one pool. It may remember earlier signals."""

    def wanted(self, signals: Signals, bounds: Bounds, now: float) -> int:
        """How many workers there should be at ``now`` (seconds of a monotonic clock)."""


@dataclass
class Demand:
    """As many workers as the running and queued tasks fill: (running + queued) / slots. It shrinks with a delay."""

    slots: int
    scale_in_stabilization_s: float
    _needed: list[tuple[float, int]] = field(default_factory=list)

    def wanted(self, signals: Signals, bounds: Bounds, now: float) -> int:
        """See Policy."""
        if not self._needed:
            # The workers that exist at the first call may have been needed a moment ago.
            self._needed.append((now, signals.workers))
        self._needed.append((now, -(-signals.tasks // self.slots)))
        self._needed = [(at, count) for at, count in self._needed if now - at <= self.scale_in_stabilization_s]
        return bounds.clamp(max(count for _, count in self._needed))


def bounds_at(workers: WorkerPool, now: float) -> Bounds:
    """The bounds of a pool at ``now`` (Unix time), from the latest entry of its schedule."""
    return max(
        ((_last(entry.cron, now), number, entry.bounds) for number, entry in enumerate(workers.schedule)),
        default=(0.0, 0, workers.bounds),
    )[2]


def tasks_of(workers: WorkerPool, demand: Mapping[str, int]) -> int:
    """The running and queued tasks of a pool; ``demand`` has them by queue."""
    return sum(demand.get(queue, 0) for queue in workers.queues)


def classes(documents: Iterable[Mapping[str, Any]]) -> tuple[WorkerPool, ...]:
    """See ``WorkerPool.from_dict``."""
    return tuple(WorkerPool.from_dict(document) for document in documents)


def _last(cron: str, now: float) -> float:
    # One second later, so that an entry applies from the start of its own minute.
    return float(croniter(cron, datetime.fromtimestamp(now + 1, UTC)).get_prev(float))
