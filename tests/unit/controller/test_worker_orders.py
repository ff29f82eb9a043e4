"""The orders of rollouts to controllers about workers: both sides, on real records."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tradewind.errors import TradewindError
from tradewind.protocol import workers as protocol
from tradewind.protocol.command_queue import LEADER, PATIENCE_S, CommandQueue
from tradewind.protocol.controller_requests import GetWorkerVersions
from tradewind.protocol.workers import GroupState, Order, PoolState, Stage, Workers, newest
from tradewind.protocol.workers import Until as Ordered
from tradewind.releases.target import State, Until
from tradewind.releases.worker_pools import ATTEMPTS, SILENT_S, WorkerPools
from tradewind.runtime.controller.dispatcher import Dispatcher
from tradewind.runtime.controller.worker_orders import ALIVE_S, WorkerOrders
from tradewind.storage.records import ConflictError, FolderRecords

ORDER = Order("worker", "r:2", Ordered.CORDONED, "first")
STATE = PoolState(ORDER, Stage.CORDONING, "not every old worker has answered yet", (GroupState("r:1", 2, 1, 4),))


class Clock:
    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def records(tmp_path: Path) -> FolderRecords:
    made = FolderRecords(tmp_path)
    made.write(LEADER, {"until": 4e9}, None)
    return made


class Controller:
    """A controller process. It runs a round at each call of ``look``."""

    def __init__(self, records: FolderRecords, clock: Clock) -> None:
        self.orders = WorkerOrders(records, ("worker",), lambda pool, revision: revision != "r:0", clock)
        queue = CommandQueue(records, "dev", clock)
        self.dispatcher = Dispatcher(queue, self.orders.handlers(), threading.Event())

    def look(self) -> None:
        self.dispatcher.look()


def test_an_order_that_was_written_and_not_answered_counts(
    records: FolderRecords, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The response of S3 was lost, and the client has repeated the write."""
    pools, controller = WorkerPools(records, "dev", clock), Controller(records, clock)
    write = records.write
    left = ["once"]

    def twice(name: str, document: Any, version: str | None) -> str:
        if name == protocol.RECORD and left:
            left.pop()
            write(name, document, version)
        return write(name, document, version)

    monkeypatch.setattr(records, "write", twice)
    assert asked(pools, controller).detail == "the controller has not read the order yet"
    assert controller.orders.orders()["worker"].revision == "r:2"


def asked(pools: WorkerPools, controller: Controller, revision: str = "r:2", until: Until = Until.CORDONED) -> Any:
    """The progress of an order after three rounds of the controller."""
    for _ in range(3):
        found = pools.bring("worker", revision, until)
        controller.look()
    return pools.bring("worker", revision, until) if found.state is not State.FAILED else found


def test_an_order_outlives_the_controller(records: FolderRecords, clock: Clock) -> None:
    pools, controller = WorkerPools(records, "dev", clock), Controller(records, clock)
    assert asked(pools, controller).detail == "the controller has not read the order yet"
    (order,) = Controller(records, clock).orders.orders().values()
    assert (order.pool, order.revision, order.until) == ("worker", "r:2", Ordered.CORDONED)


@pytest.mark.parametrize(
    ("stage", "until", "state"),
    [
        (Stage.MAKING_ROOM, Until.STARTED, State.PENDING),
        (Stage.STARTING, Until.STARTED, State.PENDING),
        (Stage.STARTED, Until.STARTED, State.DONE),
        (Stage.STARTED, Until.CORDONED, State.PENDING),
        (Stage.CORDONING, Until.CORDONED, State.PENDING),
        (Stage.DRAINING, Until.CORDONED, State.DONE),
        (Stage.DRAINING, Until.LEFT, State.DONE),
        (Stage.DRAINING, Until.GONE, State.PENDING),
        (Stage.STEADY, Until.GONE, State.DONE),
        (Stage.STEADY, Until.STARTED, State.DONE),
        (Stage.FAILED, Until.LEFT, State.FAILED),
    ],
)
def test_how_far_is_far_enough(records: FolderRecords, clock: Clock, stage: Stage, until: Until, state: State) -> None:
    pools, controller = WorkerPools(records, "dev", clock), Controller(records, clock)
    asked(pools, controller, until=until)
    (order,) = controller.orders.orders().values()
    controller.orders.see({"worker": PoolState(order, stage, "so far")})
    assert pools.bring("worker", "r:2", until).state is state


def test_a_controller_that_says_nothing_more_has_failed(records: FolderRecords, clock: Clock) -> None:
    pools, controller = WorkerPools(records, "dev", clock), Controller(records, clock)
    asked(pools, controller)
    clock.now += SILENT_S
    assert pools.bring("worker", "r:2", Until.CORDONED).state is State.PENDING
    clock.now += 1
    found = pools.bring("worker", "r:2", Until.CORDONED)
    assert (found.state, "does not work" in found.detail) == (State.FAILED, True)


def test_where_no_controller_answers_that_is_told_and_taken_back(records: FolderRecords, clock: Clock) -> None:
    pools = WorkerPools(records, "dev", clock)
    assert pools.bring("worker", "r:2", Until.CORDONED).state is State.PENDING
    clock.now += PATIENCE_S + 1
    found = pools.bring("worker", "r:2", Until.CORDONED)
    assert (found.state, "does not answer" in found.detail) == (State.FAILED, True)
    assert CommandQueue(records, "dev", clock).waiting() == []


def test_what_is_not_registered_or_not_there_is_refused(records: FolderRecords, clock: Clock) -> None:
    controller = Controller(records, clock)
    for pool, revision, why in (
        ("worker", "r:0", "has registered r:0"),
        ("heavy", "r:2", "has no worker pool heavy"),
    ):
        pools = WorkerPools(records, "dev", clock)
        found = []
        while not found or found[-1].state is State.PENDING:
            found.append(pools.bring(pool, revision, Until.CORDONED))
            controller.look()
        assert why in found[-1].detail
        assert sum(why in each.detail for each in found) == ATTEMPTS
    assert controller.orders.orders() == {}


def test_each_side_serves_its_predecessor(
    records: FolderRecords, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (newest([1], [1, 2]), newest([1, 2], [1]), newest([1, 2, 3], [1, 2])) == (1, 1, 2)
    with pytest.raises(TradewindError, match="no common version of the worker protocol"):
        newest([2], [1])
    # A newer controller that knows today's version, and one that no longer knows it.
    for versions, detail in (
        ((1, 2), "has not read the order yet"),
        ((2,), "no common version of the worker protocol"),
    ):
        controller = Controller(records, clock)
        answer: Any = lambda arguments, report, versions=versions: {"versions": list(versions)}  # noqa: E731
        handlers = {**controller.orders.handlers(), GetWorkerVersions: answer}
        controller.dispatcher = Dispatcher(CommandQueue(records, "dev", clock), handlers, threading.Event())
        pools = WorkerPools(records, "dev", clock)
        assert detail in asked(pools, controller).detail
    with pytest.raises(TradewindError, match="writes the state of its workers in version 2"):
        Workers.from_dict({"version": 2})


def test_the_record_comes_back() -> None:
    workers = Workers({"worker": ORDER}, {"worker": STATE, "heavy": PoolState()}, 5.0)
    assert Workers.from_dict(workers.as_dict()) == workers


def test_what_stays_the_same_is_written_now_and_then(records: FolderRecords, clock: Clock) -> None:
    orders = Controller(records, clock).orders
    orders.see({"worker": STATE})
    first = records.read(protocol.RECORD)
    clock.now += ALIVE_S
    orders.see({"worker": STATE})
    assert records.read(protocol.RECORD) == first
    clock.now += 1
    orders.see({"worker": STATE})
    assert records.read(protocol.RECORD) != first
    orders.see({"worker": replace(STATE, stage=Stage.DRAINING)})
    found = records.read(protocol.RECORD)
    assert found
    assert found[0]["pools"]["worker"]["stage"] == "draining"


def test_one_that_leads_no_longer_writes_over_nothing(records: FolderRecords, clock: Clock) -> None:
    first, second = Controller(records, clock).orders, Controller(records, clock).orders
    first.see({"worker": STATE})
    second.see({"worker": replace(STATE, stage=Stage.DRAINING)})
    with pytest.raises(ConflictError):
        first.see({"worker": replace(STATE, detail="late")})
    assert second.orders() == first.orders()
    found = records.read(protocol.RECORD)
    assert found
    assert found[0]["pools"]["worker"]["stage"] == "draining"
