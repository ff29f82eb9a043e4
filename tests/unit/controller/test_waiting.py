"""The remarks about tasks that wait for a queue or a pool that does not exist."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import pytest

from tradewind.errors import TradewindError
from tradewind.runtime.controller.waiting import Waiting


class Database:
    """A database with waiting tasks."""

    def __init__(self) -> None:
        self.queues: dict[str, tuple[str, ...]] = {}
        self.pools: dict[str, tuple[str, ...]] = {}

    def in_other_queues(self, queues: Collection[str]) -> Mapping[str, tuple[str, ...]]:
        return {queue: tasks for queue, tasks in self.queues.items() if queue not in queues}

    def in_no_pool(self) -> Mapping[str, tuple[str, ...]]:
        return self.pools

    def names(self, kind: str) -> frozenset[str]:
        assert kind == "pools"
        return frozenset({"default_pool"})


class Status:
    """The receiver of the remarks, which can be unavailable."""

    def __init__(self) -> None:
        self.away = False
        self.told: list[tuple[str, ...]] = []

    def tell(self, remarks: Sequence[str]) -> None:
        if self.away:
            raise TradewindError("the supervisor does not answer")
        self.told.append(tuple(remarks))


def test_a_queue_and_a_pool_that_are_not_there_are_told_until_nothing_waits_for_them() -> None:
    database, status = Database(), Status()
    waiting = Waiting(database, {"default", "big"}, status.tell)
    waiting.look()
    waiting.look()
    assert status.told == [()], "the remarks of another controller are removed, once"
    database.queues = {"default": ("shop.served",), "bgi": ("shop.load",), "gpu": tuple(f"d.t{n}" for n in range(5))}
    database.pools = {"smal": ("shop.pack",)}
    waiting.look()
    waiting.look()
    assert len(status.told) == 2
    end = "name one of them in the DAG, or add the queue to a worker pool (`workers` in tradewind.yaml)"
    load, many, pack = status.told[1]
    none = "no worker pool serves it (available: big, default"
    assert load == f"shop.load waits in the queue bgi: {none}; did you mean big?); {end}"
    assert many == f"d.t0, d.t1, d.t2 and 2 more wait in the queue gpu: {none}); {end}"
    end = "name one of them in the DAG, or create it in Airflow (Admin, Pools)"
    assert pack == f"shop.pack waits for the pool smal: it does not exist (available: default_pool); {end}"
    database.queues, database.pools = {}, {}
    waiting.look()
    assert status.told[-1] == ()


def test_what_could_not_be_told_is_told_later() -> None:
    database, status = Database(), Status()
    waiting = Waiting(database, {"default"}, status.tell)
    database.queues = {"gpu": ("a.t",)}
    status.away = True
    with pytest.raises(TradewindError):
        waiting.look()
    status.away = False
    waiting.look()
    assert len(status.told) == 1
    assert "a.t waits in the queue gpu" in status.told[0][0]
