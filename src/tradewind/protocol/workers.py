"""What a rollout asks of the controller about workers, and what the controller says of them.

A rollout asks with ``GetWorkerVersions`` and ``RunWorkers`` (``controller_requests``). The controller keeps the orders
and what it sees in one record, ``workers``, which it alone writes. So its successor goes on with what was asked, and
everybody can read how far the workers are, also while no controller runs.

Versions: each side says which it speaks, and they use the newest that both know. A controller serves the version of its
predecessor too, since both ends change in the same release, and not at the same moment.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from tradewind.errors import TradewindError

VERSIONS = (1,)
"""Those that this code speaks."""

RECORD = "workers"


class Stage(StrEnum):
    """How far a pool is on its way to a revision."""

    MAKING_ROOM = "making room"  # workers of an earlier release finish their tasks, so that new ones have a place
    STARTING = "starting"  # new workers are not healthy yet
    STARTED = "started"  # new workers take tasks beside the old ones
    TURNING = "turning"  # workers are told which of them take tasks from now on
    DRAINING = "draining"  # old workers finish their tasks, or wait to be needed again
    STEADY = "steady"  # all workers are of the revision
    FAILED = "failed"  # the new workers do not start


class Until(StrEnum):
    """How far a pool shall go."""

    STARTED = "started"  # new workers beside the old ones
    TURNED = "turned"  # old workers take no new tasks, and stay: a rollout may go back to them
    GONE = "gone"  # old workers finish their tasks, and end


@dataclass(frozen=True)
class Order:
    """The revision that the workers of a pool shall run, and how far that shall go.

    ``attempt`` differs each time that a rollout begins: what failed in an earlier attempt is tried again, once.
    """

    pool: str
    revision: str
    until: Until
    attempt: str


@dataclass(frozen=True)
class GroupState:
    """Workers of one revision: how many the home keeps, how many of them take tasks, how many tasks all of them have.

    None: they were not asked.
    """

    revision: str
    desired: int
    taking: int | None = None
    tasks: int | None = None


@dataclass(frozen=True)
class PoolState:
    """What a controller saw of a pool. ``order``: the one that it was about; None where no rollout has asked."""

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
        """Read a record. TradewindError where it is of a version that this code does not know."""
        if document["version"] != 1:
            raise TradewindError(
                f"the controller writes about its workers in version {document['version']}",
                f"this tradewind knows {', '.join(map(str, VERSIONS))}",
                "use a newer tradewind",
            )
        orders = {name: order(found) for name, found in document["orders"].items()}
        pools = {name: _pool(found) for name, found in document["pools"].items()}
        return cls(orders, pools, document["written"])


NOTHING = Workers({}, {})
"""What is known before a controller has written anything."""


def newest(theirs: Collection[int], ours: Collection[int] = VERSIONS) -> int:
    """The newest version that both speak. TradewindError where there is none."""
    both = set(theirs) & set(ours)
    if not both:
        raise TradewindError(
            "the controller speaks another protocol of workers than this tradewind",
            f"it speaks {', '.join(map(str, sorted(theirs)))}, and this one {', '.join(map(str, sorted(ours)))}",
            "use the tradewind that the release in force was deployed with",
        )
    return max(both)


def order(document: Mapping[str, Any]) -> Order:
    """Read an order, as ``RunWorkers`` has it."""
    return Order(document["pool"], document["revision"], Until(document["until"]), document["attempt"])


def _pool(document: Mapping[str, Any]) -> PoolState:
    return PoolState(
        order=order(document["order"]) if document["order"] else None,
        stage=Stage(document["stage"]),
        detail=document["detail"],
        groups=tuple(GroupState(g["revision"], g["desired"], g["taking"], g["tasks"]) for g in document["groups"]),
    )
