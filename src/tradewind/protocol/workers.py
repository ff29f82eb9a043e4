"""The orders of a rollout to the controller about workers, and the state of workers that the controller reports.

A rollout sends ``GetWorkerVersions`` and ``RunWorkers`` (``controller_requests``). The controller stores the orders and
the state of the workers in one record, ``workers``, which only it writes. So its successor continues with the orders,
and any client can read the progress, even while no controller runs.

Versions: each side names the versions that it supports, and both use the newest common one. A controller also supports
the version of its predecessor, because a release changes both sides, but not at the same moment.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from tradewind.errors import TradewindError

VERSIONS = (1,)
"""The versions that this code supports."""

RECORD = "workers"


class Stage(StrEnum):
    """The progress of a pool on its way to a revision."""

    MAKING_ROOM = "making room"  # Workers of an earlier release drain, so that there is a free group for new workers.
    STARTING = "starting"  # New workers are not healthy yet.
    STARTED = "started"  # New workers take tasks beside the old ones.
    CORDONING = "cordoning"  # The controller uncordons new workers and cordons old ones.
    DRAINING = "draining"  # Old workers finish their tasks, or stay for a rollback.
    STEADY = "steady"  # All workers run the revision.
    FAILED = "failed"  # The new workers do not start.


class Until(StrEnum):
    """How far a pool must go."""

    STARTED = "started"  # New workers run beside the old ones.
    CORDONED = "cordoned"  # Old workers are cordoned, and stay: the rollout may still roll back.
    GONE = "gone"  # Old workers finish their tasks, and are removed.


@dataclass(frozen=True)
class Order:
    """The revision that the workers of a pool must run, and how far the pool must go.

    ``attempt`` is new for each start of a rollout. A pool that failed in an earlier attempt is then retried once.
    """

    pool: str
    revision: str
    until: Until
    attempt: str


@dataclass(frozen=True)
class GroupState:
    """Workers of one revision: their desired number, how many take tasks, and the number of all their tasks.

    None: the workers were not queried.
    """

    revision: str
    desired: int
    taking: int | None = None
    tasks: int | None = None


@dataclass(frozen=True)
class PoolState:
    """The state of a pool, as a controller found it. ``order``: the order at that time; None if there was none."""

    order: Order | None = None
    stage: Stage = Stage.STEADY
    detail: str = ""
    groups: tuple[GroupState, ...] = ()

    @property
    def draining(self) -> tuple[GroupState, ...]:
        """The groups that only finish their tasks."""
        if self.order is None or self.stage is not Stage.DRAINING or self.order.until is not Until.GONE:
            return ()
        return tuple(group for group in self.groups if group.revision != self.order.revision)


@dataclass(frozen=True)
class Workers:
    """The record: orders and states, by pool. ``written``: when, in Unix time of the controller."""

    orders: Mapping[str, Order]
    pools: Mapping[str, PoolState]
    written: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """The record of version 1."""
        return {
            "version": 1,
            "written": self.written,
            "orders": {name: asdict(order) for name, order in self.orders.items()},
            "pools": {name: asdict(pool) for name, pool in self.pools.items()},
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Workers:
        """Read a record. TradewindError if this code does not support its version."""
        if document["version"] != 1:
            raise TradewindError(
                f"the controller writes the state of its workers in version {document['version']}",
                f"this tradewind supports {', '.join(map(str, VERSIONS))}",
                "use a newer tradewind",
            )
        orders = {name: order(found) for name, found in document["orders"].items()}
        pools = {name: _pool(found) for name, found in document["pools"].items()}
        return cls(orders, pools, document["written"])


NOTHING = Workers({}, {})
"""The record before a controller has written one."""


def newest(theirs: Collection[int], ours: Collection[int] = VERSIONS) -> int:
    """The newest version that both sides support. TradewindError if there is none."""
    both = set(theirs) & set(ours)
    if not both:
        raise TradewindError(
            "the controller and this tradewind support no common version of the worker protocol",
            f"the controller supports {', '.join(map(str, sorted(theirs)))}, this tradewind "
            f"{', '.join(map(str, sorted(ours)))}",
            "use the tradewind that deployed the active release",
        )
    return max(both)


def order(document: Mapping[str, Any]) -> Order:
    """Read an order of ``RunWorkers``."""
    return Order(document["pool"], document["revision"], Until(document["until"]), document["attempt"])


def _pool(document: Mapping[str, Any]) -> PoolState:
    return PoolState(
        order=order(document["order"]) if document["order"] else None,
        stage=Stage(document["stage"]),
        detail=document["detail"],
        groups=tuple(GroupState(g["revision"], g["desired"], g["taking"], g["tasks"]) for g in document["groups"]),
    )
