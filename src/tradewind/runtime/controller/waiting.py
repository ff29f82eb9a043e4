"""Report tasks that wait forever: in a queue that no worker pool serves, or for an Airflow pool that is missing."""

from __future__ import annotations

import difflib
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Protocol

log = logging.getLogger(__name__)

_SHOWN = 3


class Known(Protocol):
    """The queries to Airflow's database that are needed here; see ``metadata``."""

    def in_other_queues(self, queues: Collection[str]) -> Mapping[str, tuple[str, ...]]:
        """See Metadata."""

    def in_no_pool(self) -> Mapping[str, tuple[str, ...]]:
        """See Metadata."""

    def names(self, kind: str) -> frozenset[str]:
        """See Metadata."""


class Waiting:
    """Checks waiting tasks. Workers serve ``queues``. ``tell`` receives all remarks whenever they have changed."""

    def __init__(self, known: Known, queues: Collection[str], tell: Callable[[Sequence[str]], object]) -> None:
        self._known = known
        self._queues = frozenset(queues)
        self._tell = tell
        self._told: tuple[str, ...] | None = None

    def look(self) -> None:
        """Check once. Raises TradewindError if the database, or the receiver of the remarks, does not answer."""
        remarks = (*self._in_queues(), *self._in_pools())
        if remarks == self._told:
            return
        for remark in remarks:
            if remark not in (self._told or ()):
                log.warning("%s", remark)
        self._tell(remarks)
        self._told = remarks

    def _in_queues(self) -> list[str]:
        end = "name one of them in the DAG, or add the queue to a worker pool (`workers` in tradewind.yaml)"
        return [
            f"{_some(tasks)} {_wait(tasks)} in the queue {queue}: no worker pool serves it "
            f"({_there(queue, self._queues)}); {end}"
            for queue, tasks in self._known.in_other_queues(self._queues).items()
        ]

    def _in_pools(self) -> list[str]:
        found = self._known.in_no_pool()
        pools = self._known.names("pools") if found else frozenset()
        return [
            f"{_some(tasks)} {_wait(tasks)} for the pool {pool}: it does not exist "
            f"({_there(pool, pools)}); name one of them in the DAG, or create it in Airflow (Admin, Pools)"
            for pool, tasks in found.items()
        ]


def _some(tasks: Sequence[str]) -> str:
    more = f" and {len(tasks) - _SHOWN} more" if len(tasks) > _SHOWN else ""
    return ", ".join(tasks[:_SHOWN]) + more


def _wait(tasks: Sequence[str]) -> str:
    return "wait" if len(tasks) > 1 else "waits"


def _there(name: str, names: Collection[str]) -> str:
    close = difflib.get_close_matches(name, sorted(names), n=1)
    available = f"available: {', '.join(sorted(names)) or 'none'}"
    return f"{available}; did you mean {close[0]}?" if close else available
