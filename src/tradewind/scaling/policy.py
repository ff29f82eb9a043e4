"""How many workers a class should have. Pure: what is known goes in, with the clock, and a number comes out."""

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
        """The nearest number within them."""
        return max(self.min, min(self.max, count))


@dataclass(frozen=True)
class Scheduled:
    """Bounds from a time on. ``cron`` has five fields, in UTC."""

    cron: str
    bounds: Bounds


@dataclass(frozen=True)
class WorkerClass:
    """Workers that are all alike: the service's name, the queues they serve, the tasks that one runs at once.

    They shrink to the most that was needed in the last ``shrink_after_s`` seconds. One that has run for
    ``replace_after_s`` is replaced.
    """

    service: str
    queues: tuple[str, ...]
    slots: int
    bounds: Bounds
    shrink_after_s: float = 300.0
    replace_after_s: float = inf
    schedule: tuple[Scheduled, ...] = ()

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> WorkerClass:
        """What ``blueprint.services`` wrote for the controller."""
        return cls(
            service=document["service"],
            queues=tuple(document["queues"]),
            slots=document["slots"],
            bounds=Bounds(document["min"], document["max"]),
            shrink_after_s=document["shrink_after_s"],
            replace_after_s=document["replace_after_s"],
            schedule=tuple(Scheduled(e["cron"], Bounds(e["min"], e["max"])) for e in document["schedule"]),
        )


@dataclass(frozen=True)
class Signals:
    """What is known of one class: tasks that run or wait for it, and the workers that take tasks now."""

    tasks: int
    workers: int


class Policy(Protocol):
    """Decides for one class; it may remember what it was told."""

    def wanted(self, signals: Signals, bounds: Bounds, now: float) -> int:
        """How many workers there should be at ``now`` (seconds of a monotonic clock)."""


@dataclass
class Demand:
    """As many workers as the tasks that run or wait fill, (running + queued) / slots; fewer not at once."""

    slots: int
    shrink_after_s: float
    _needed: list[tuple[float, int]] = field(default_factory=list)

    def wanted(self, signals: Signals, bounds: Bounds, now: float) -> int:
        """See Policy."""
        if not self._needed:
            # What there was before anybody looked may have been needed a moment ago.
            self._needed.append((now, signals.workers))
        self._needed.append((now, -(-signals.tasks // self.slots)))
        self._needed = [(at, count) for at, count in self._needed if now - at <= self.shrink_after_s]
        return bounds.clamp(max(count for _, count in self._needed))


def bounds_at(workers: WorkerClass, now: float) -> Bounds:
    """The bounds of a class at ``now`` (Unix time): those of the entry of its schedule that came last."""
    return max(
        ((_last(entry.cron, now), number, entry.bounds) for number, entry in enumerate(workers.schedule)),
        default=(0.0, 0, workers.bounds),
    )[2]


def tasks_of(workers: WorkerClass, demand: Mapping[str, int]) -> int:
    """The tasks that run or wait for a class; ``demand`` is by queue."""
    return sum(demand.get(queue, 0) for queue in workers.queues)


def classes(documents: Iterable[Mapping[str, Any]]) -> tuple[WorkerClass, ...]:
    """See ``WorkerClass.from_dict``."""
    return tuple(WorkerClass.from_dict(document) for document in documents)


def _last(cron: str, now: float) -> float:
    # A second later, so that an entry counts from its very minute on.
    return float(croniter(cron, datetime.fromtimestamp(now + 1, UTC)).get_prev(float))
