"""The record of ``protocol.workers``: the orders of rollouts for workers, and the state of the workers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from tradewind.errors import TradewindError
from tradewind.protocol import workers as protocol
from tradewind.protocol.controller_requests import GetWorkerVersions, Request, RunWorkers
from tradewind.protocol.workers import NOTHING, Order, PoolState, Workers
from tradewind.runtime.controller.dispatcher import Handler, Report
from tradewind.storage.records import ConflictError, Records

ATTEMPTS = 3
ALIVE_S = 30.0
"""An unchanged record is written this often, so that a waiting rollout notices that the controller works."""


class WorkerOrders:
    """See ``workers.reconciler.OrderBook``. The thread for commands adds orders, the thread for workers adds states.

    ``registered`` returns whether a rollout has registered a revision for a pool.
    """

    def __init__(
        self,
        records: Records,
        pools: tuple[str, ...],
        registered: Callable[[str, str], bool],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._records = records
        self._pools = pools
        self._registered = registered
        self._clock = clock
        self._lock = threading.Lock()
        self._known: Workers | None = None
        self._version: str | None = None

    def handlers(self) -> Mapping[type[Request], Handler]:
        """See ``DagCommands.handlers``."""
        return {GetWorkerVersions: self.versions, RunWorkers: self.run}

    def versions(self, asked: GetWorkerVersions, report: Report) -> Mapping[str, Any]:
        """See GetWorkerVersions."""
        return {"versions": list(protocol.VERSIONS)}

    def run(self, asked: RunWorkers, report: Report) -> Mapping[str, Any]:
        """See RunWorkers. Only stores the orders. Raises TradewindError if they are not possible."""
        protocol.newest([asked.version])
        orders = [protocol.order(found) for found in asked.orders]
        if unknown := sorted({order.pool for order in orders} - set(self._pools)):
            raise TradewindError(
                f"this controller has no worker pool {', '.join(unknown)}",
                f"it has {', '.join(self._pools)}",
                "run tradewind plan and tradewind apply, which update the controller",
            )
        for order in orders:
            if not self._registered(order.pool, order.revision):
                raise TradewindError(f"no rollout has registered {order.revision}", "so it is not started")
        with self._lock:
            for left in reversed(range(ATTEMPTS)):
                now = self._read()
                try:
                    self._write({**now.orders, **{order.pool: order for order in orders}}, now.pools)
                    break
                except ConflictError:  # its own write, sent again after a response was lost
                    if not left:
                        raise
        return {}

    def orders(self) -> Mapping[str, Order]:
        """See OrderBook."""
        with self._lock:
            return self._read().orders

    def see(self, pools: Mapping[str, PoolState]) -> None:
        """See OrderBook."""
        with self._lock:
            now = self._read()
            if dict(now.pools) != dict(pools) or self._clock() - now.written > ALIVE_S:
                self._write(now.orders, pools)

    def _read(self) -> Workers:
        if self._known is None:
            found = self._records.read(protocol.RECORD)
            self._known, self._version = (Workers.from_dict(found[0]), found[1]) if found else (NOTHING, None)
        return self._known

    def _write(self, orders: Mapping[str, Order], pools: Mapping[str, PoolState]) -> None:
        wanted = Workers(orders, pools, self._clock())
        try:
            self._version = self._records.write(protocol.RECORD, wanted.as_dict(), self._version)
        except BaseException:
            self._known = None  # this write may have succeeded, or another controller has written
            raise
        self._known = wanted
