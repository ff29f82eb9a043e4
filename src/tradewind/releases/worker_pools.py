"""Move workers to another revision during a rollout: the controller does the work, on a command from here."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict

from tradewind.errors import TradewindError
from tradewind.protocol import workers as protocol
from tradewind.protocol.command_queue import Asked, CommandQueue, UnansweredError
from tradewind.protocol.controller_requests import GetWorkerVersions, Request, RunWorkers
from tradewind.protocol.workers import NOTHING, Order, PoolState, Workers
from tradewind.releases.target import Progress, Stage, State, Until
from tradewind.storage.records import Records

ATTEMPTS = 3
"""How often the controller may refuse the same order before the release fails."""
SILENT_S = 120.0
"""A controller that wrote nothing for this time does not work: it writes about its workers every 30 seconds."""

_STAGES = {
    protocol.Stage.MAKING_ROOM: Stage.DRAINING,
    protocol.Stage.STARTING: Stage.STARTING,
    protocol.Stage.STARTED: Stage.STARTING,
    protocol.Stage.CORDONING: Stage.CORDONING,
    protocol.Stage.DRAINING: Stage.DRAINING,
}
_REACHED = {
    Until.STARTED: {protocol.Stage.STARTED, protocol.Stage.STEADY},
    Until.CORDONED: {protocol.Stage.DRAINING, protocol.Stage.STEADY},
    Until.LEFT: {protocol.Stage.DRAINING, protocol.Stage.STEADY},
    Until.GONE: {protocol.Stage.STEADY},
}
"""The stages in which a pool has reached its goal."""
_ORDERED = {
    Until.STARTED: protocol.Until.STARTED,
    Until.CORDONED: protocol.Until.CORDONED,
    Until.LEFT: protocol.Until.GONE,
    Until.GONE: protocol.Until.GONE,
}


class WorkerPools:
    """The workers of one environment. ``records`` belong to its controller; ``clock`` is Unix time in seconds.

    No call waits: a rollout renews its lease between two calls.
    """

    def __init__(
        self,
        records: Records,
        environment: str,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._records = records
        self._queue = CommandQueue(records, environment, clock)
        self._clock = clock
        self._asking: dict[str, tuple[Order, Asked, bool]] = {}
        self._heard: tuple[float, float] | None = None
        self.forget()

    def forget(self) -> None:
        """Forget the orders of this rollout, so that the next rollout tries them again."""
        self._attempt = secrets.token_hex(4)
        self._asked: dict[str, Order] = {}
        self._refused: dict[str, int] = {}

    def bring(self, pool: str, revision: str, until: Until) -> Progress:
        """Take one step towards a pool that runs a revision, as ``releases.target.Target.advance``."""
        order = Order(pool, revision, _ORDERED[until], self._attempt)
        try:
            if self._asked.get(pool) != order and not self._ask(order):
                return Progress(State.PENDING, "waiting for the controller", Stage.CORDONING)
            return self._seen(order, until)
        except TradewindError as error:
            self._asking.pop(pool, None)
            self._refused[pool] = self._refused.get(pool, 0) + 1
            why = f"{error.what}: {error.why}" if error.why else error.what
            # The command may have failed because AWS did not answer for a moment.
            last = isinstance(error, UnansweredError) or self._refused[pool] >= ATTEMPTS
            return Progress(State.FAILED if last else State.PENDING, why, Stage.CORDONING)

    def state(self) -> Workers:
        """Read the controller's record of its workers. Raises TradewindError if the record has a later version."""
        found = self._records.read(protocol.RECORD)
        return Workers.from_dict(found[0]) if found else NOTHING

    def draining(self) -> Mapping[str, PoolState]:
        """Return the pools in which some workers only finish their tasks."""
        return {name: pool for name, pool in self.state().pools.items() if pool.draining}

    def _ask(self, order: Order) -> bool:
        """Take one step towards the acceptance of an order by the controller. Returns whether it has accepted.

        Another controller may be the leader by now, so each order begins with a query for the protocol versions.
        """
        asking = self._asking.get(order.pool)
        if asking is None or asking[0] != order:
            self._asking[order.pool] = (order, self._send(GetWorkerVersions()), False)
            return False
        _, asked, last = asking
        answer = asked.look()
        if answer is None:
            return False
        if not last:
            version = protocol.newest(answer["versions"])
            again = self._send(RunWorkers(version, (asdict(order),)))
            self._asking[order.pool] = (order, again, True)
            return False
        del self._asking[order.pool]
        self._refused.pop(order.pool, None)
        self._asked[order.pool] = order
        self._heard = None
        return True

    def _send(self, request: Request) -> Asked:
        return Asked(self._queue, self._queue.send(request), self._clock)

    def _seen(self, order: Order, until: Until) -> Progress:
        found = self.state()
        now = self._clock()
        if self._heard is None or self._heard[0] != found.written:
            self._heard = (found.written, now)
        if now - self._heard[1] > SILENT_S:
            raise UnansweredError(
                "the controller does not work", f"it has reported nothing about its workers for {SILENT_S:.0f} s"
            )
        state = found.pools.get(order.pool)
        if state is None or state.order != order:
            return Progress(State.PENDING, "the controller has not read the order yet", Stage.CORDONING)
        if state.stage is protocol.Stage.FAILED:
            return Progress(State.FAILED, state.detail)
        if state.stage in _REACHED[until]:
            return Progress(State.DONE, state.detail)
        return Progress(State.PENDING, state.detail, _STAGES[state.stage])
