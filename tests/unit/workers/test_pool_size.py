"""Decisions that bring the workers of one revision to a number, for every state of the workers; and the reconciler."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from math import inf
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tradewind.errors import TradewindError
from tradewind.protocol.workers import Order, PoolState
from tradewind.scaling.policy import Bounds, WorkerPool
from tradewind.workers.pool import IN_TIME_S, STARTS_S, Group, Keep, Pool, Size, Worker, size_of
from tradewind.workers.reconciler import Reconciler


def group(desired: int, workers: tuple[Worker, ...] = ()) -> Group:
    return Group("worker-a", "1", desired, workers)


def busy(name: str, tasks: int = 1) -> Worker:
    return Worker(name, cordoned=False, tasks=tasks, protected=True)


def leaves(name: str, tasks: int = 0) -> Worker:
    return Worker(name, cordoned=True, tasks=tasks, protected=bool(tasks))


def test_to_grow_those_who_were_told_to_leave_come_first() -> None:
    view = group(4, (busy("a"), leaves("b"), leaves("c", 2), leaves("d")))
    assert size_of(view, 2) == Size(uncordon=("c",))
    assert size_of(view, 3) == Size(uncordon=("c", "b"))
    assert size_of(view, 6) == Size(uncordon=("c", "b", "d"), launch=2)


def test_whoever_goes_already_does_not_come_back() -> None:
    # ECS should run two, and runs three: it is stopping b or c.
    view = group(2, (busy("a"), leaves("b"), leaves("c")))
    assert size_of(view, 2) == Size(uncordon=("b",))
    assert size_of(view, 3) == Size(uncordon=("b",), launch=1)
    assert size_of(view, 1) == Size(retire=("b",))


def test_to_shrink_idle_ones_take_no_more_tasks() -> None:
    view = group(4, (busy("a", 3), busy("b", 0), busy("c", 1), busy("d", 0)))
    assert size_of(view, 2) == Size(cordon=("d", "b"))
    assert size_of(view, 1) == Size(cordon=("d", "b", "c"))
    assert size_of(view, 4) == Size()


def test_only_who_has_finished_goes_and_only_while_all_others_are_safe() -> None:
    assert size_of(group(3, (busy("a"), leaves("b"), leaves("c", 1))), 1) == Size(retire=("b",))
    exposed = Worker("a", cordoned=False, tasks=1)
    assert size_of(group(2, (exposed, leaves("b"))), 1).retire == ()
    assert "when a cannot be stopped instead" in size_of(group(2, (exposed, leaves("b"))), 1).waits
    starting = group(3, (busy("a"), leaves("b")))
    assert "when starting workers cannot be stopped instead" in size_of(starting, 2).waits


def test_who_does_not_answer_is_not_taken_for_idle() -> None:
    assert size_of(group(2, (Worker("a", protected=True), Worker("b", protected=True))), 1) == Size()


def test_who_does_not_answer_may_take_no_tasks_already() -> None:
    silent = tuple(Worker(f"s{n}", protected=True) for n in range(5))
    assert size_of(group(10, (*silent, *(busy(f"w{n}") for n in range(5)))), 5) == Size()
    assert size_of(group(10, (*silent, *(busy(f"w{n}") for n in range(5)))), 3) == Size(cordon=("w4", "w3"))


def old(name: str, cordoned: bool = False, tasks: int = 1) -> Worker:
    return Worker(name, cordoned, tasks, protected=not cordoned or bool(tasks), age_s=101)


def test_who_has_run_for_long_goes_once_another_answers() -> None:
    why = "replacing workers that have run for long: b"
    starting = Worker("c", protected=True)
    assert size_of(group(2, (old("a", tasks=2), old("b"))), 2, 100) == Size(launch=1, waits=why)
    assert size_of(group(3, (old("a", tasks=2), old("b"), starting)), 2, 100) == Size(waits=why)
    assert size_of(group(3, (old("a", tasks=2), old("b"), busy("c", 0))), 2, 100) == Size(cordon=("b",), waits=why)
    # While it drains, no other worker is replaced, unless that is urgent; and it is not uncordoned.
    assert size_of(group(3, (old("a"), old("b", True), busy("c"))), 2, 100) == Size()
    late = replace(old("b", True), age_s=101 + IN_TIME_S)
    assert size_of(group(3, (old("a"), late, busy("c"))), 2, 100).launch == 1
    assert size_of(group(3, (old("a"), old("b", True, 0), busy("c"))), 2, 100).retire == ("b",)
    assert size_of(group(3, (old("a"), old("b", True, 0), busy("c"))), 3, 100) == Size(launch=1)


def test_one_that_does_not_answer_keeps_no_other_from_being_replaced() -> None:
    olds = (old("a"), old("b"), old("c"))
    starting, hangs = Worker("n", protected=True), Worker("s", protected=True, age_s=STARTS_S + 1)
    assert size_of(group(4, (*olds, starting)), 3, 100).launch == 0
    assert size_of(group(4, (*olds, hangs)), 3, 100).launch == 1
    assert size_of(group(5, (*olds, hangs, busy("n"))), 3, 100).cordon == ("c",)
    assert size_of(group(2, (busy("a"), hangs)), 2, 100) == Size()


def test_a_tenth_at_once_is_replaced_and_who_is_too_many_goes_first() -> None:
    fleet = group(40, tuple(old(f"w{number:02}") for number in range(40)))
    assert size_of(fleet, 40, 100).launch == 4
    assert size_of(fleet, 30, 100).cordon == tuple(f"w{number}" for number in range(39, 32, -1))


workers = st.builds(
    Worker,
    name=st.uuids().map(str),
    cordoned=st.sampled_from([None, False, True]),
    tasks=st.one_of(st.none(), st.integers(0, 4)),
    protected=st.booleans(),
    age_s=st.sampled_from([0.0, 101.0]),
)


@given(st.lists(workers, max_size=8), st.integers(0, 10), st.integers(0, 10), st.sampled_from([inf, 100.0]))
def test_nothing_is_lost_in_any_fleet(found: list[Worker], desired: int, wanted: int, limit: float) -> None:
    steps = size_of(group(desired, tuple(found)), wanted, limit)
    by_name = {worker.name: worker for worker in found}
    assert all(by_name[name].drained for name in steps.retire)
    assert all(by_name[name].cordoned is False for name in steps.cordon)
    assert all(by_name[name].cordoned for name in steps.uncordon)
    assert not (steps.launch and (steps.cordon or steps.retire))
    assert not any(by_name[name].age_s > limit for name in steps.uncordon)
    if steps.cordon:
        answering = [worker for worker in found if worker.cordoned is False and worker.tasks is not None]
        assert len(answering) - len(steps.cordon) >= wanted
    if steps.retire:
        # Lowering the number by this many can only stop drained workers.
        free = [worker for worker in found if not worker.safe]
        assert all(worker.drained for worker in free)
        assert desired - len(steps.retire) >= len([worker for worker in found if not worker.drained])


@given(st.lists(workers.filter(lambda w: w.cordoned is not None), max_size=8), st.integers(0, 12))
def test_it_never_wants_more_or_fewer_than_asked(found: list[Worker], wanted: int) -> None:
    view = group(len(found), tuple(found))
    steps = size_of(view, wanted)
    after = view.working + len(steps.uncordon) + steps.launch - len(steps.cordon)
    assert min(view.working, wanted) <= after <= max(view.working, wanted)
    if wanted >= view.working:
        assert after == wanted


class Fake:
    """Idle workers that execute commands at once."""

    def __init__(self, count: int) -> None:
        self.workers = {f"w{n}": False for n in range(count)}
        self.fails = ""
        self.did: list[str] = []
        self.close = 0

    def look(self, pool: str, *, with_workers: bool) -> Pool:
        if self.fails:
            raise TradewindError(self.fails)
        self.close += with_workers
        found = tuple(Worker(n, protected=not c) for n, c in self.workers.items())
        return Pool((group(len(self.workers), found if with_workers else ()),), "worker-b", "1")

    def registered(self, pool: str, revision: str) -> bool:
        return True

    def running(self, pool: str) -> Collection[str]:
        return self.workers

    def tell(self, command: str, names: list[str]) -> Mapping[str, Any]:
        if command != "duty":
            self.workers |= dict.fromkeys(names, command == "cordon")
            self.did.append(f"{command} {' '.join(sorted(names))}")
        return {name: {"cordoned": self.workers[name], "tasks": 0} for name in names}

    def keep(self, pool: str, wanted: Keep) -> None:
        for name in wanted.leaving:
            del self.workers[name]
        while len(self.workers) < wanted.count:
            self.workers[next(name for n in range(wanted.count) if (name := f"n{n}") not in self.workers)] = False
        self.did.append(f"keep {wanted.count}")


class NoOrders:
    """No rollout has given an order."""

    def orders(self) -> Mapping[str, Order]:
        return {}

    def see(self, pools: Mapping[str, PoolState]) -> None:
        pass


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


CLASS = WorkerPool("worker", ("default",), 2, Bounds(1, 5))


def test_up_and_down_again() -> None:
    fleet, clock, demand = Fake(1), Clock(), {"default": 0}
    scaler = Reconciler([CLASS], fleet, fleet.tell, lambda: demand, NoOrders(), clock=clock, monotonic=clock)
    scaler.step()
    assert fleet.did == []

    demand["default"] = 7
    assert scaler.step()["worker"].wanted == 4
    assert fleet.did == ["keep 4"]

    demand["default"] = 0
    for _ in range(40):
        clock.now += 10
        scaler.step()
    assert fleet.did == ["keep 4", "cordon n1 n2 w0", "keep 1"]
    assert list(fleet.workers) == ["n0"]

    looks = fleet.close
    scaler.step()
    scaler.step()
    assert fleet.close <= looks + 1  # if the state is as wanted, no worker is queried


def test_who_was_told_to_leave_comes_back_where_tasks_do() -> None:
    fleet, clock, demand = Fake(3), Clock(), {"default": 6}
    fleet.workers["w1"] = True  # cordoned by an earlier controller
    scaler = Reconciler([CLASS], fleet, fleet.tell, lambda: demand, NoOrders(), clock=clock, monotonic=clock)
    scaler.step()
    assert fleet.did == ["uncordon w1"]


def test_a_signal_that_cannot_be_read_holds_capacity() -> None:
    fleet, clock = Fake(4), Clock()
    silent = True

    def demand() -> Mapping[str, int]:
        if silent:
            raise TradewindError("Airflow's database does not answer")
        return {}

    scaler = Reconciler([CLASS], fleet, fleet.tell, demand, NoOrders(), clock=clock, monotonic=clock)
    for _ in range(100):
        clock.now += 10
        assert scaler.step()["worker"].held == "Airflow's database does not answer"
    assert (fleet.did, fleet.close) == ([], 0)

    silent = False
    fleet.fails = "ECS does not answer"
    for _ in range(100):
        clock.now += 10
        assert "ECS does not answer" in scaler.step()["worker"].held
    assert fleet.did == []

    fleet.fails = ""
    for _ in range(40):
        clock.now += 10
        scaler.step()
    assert len(fleet.workers) == 1


def test_a_broker_that_raises_holds_one_class_and_not_the_others() -> None:
    class Broken(Fake):
        def look(self, pool: str, *, with_workers: bool) -> Pool:
            if pool == "worker":
                raise OSError("connection refused")
            return super().look(pool, with_workers=with_workers)

    fleet, clock = Broken(1), Clock()
    heavy = WorkerPool("worker-heavy", ("heavy",), 2, Bounds(1, 5))
    scaler = Reconciler(
        [CLASS, heavy], fleet, fleet.tell, lambda: {"default": 9, "heavy": 6}, NoOrders(), clock=clock, monotonic=clock
    )
    seen = scaler.step()
    assert seen["worker"].held == "connection refused"
    assert (seen["worker-heavy"].wanted, len(fleet.workers)) == (3, 3)


def test_what_a_person_has_fixed_holds() -> None:
    fleet, clock = Fake(1), Clock()
    fixed: dict[str, Bounds] = {"worker": Bounds(3, 3)}
    scaler = Reconciler(
        [CLASS],
        fleet,
        fleet.tell,
        lambda: {"default": 100},
        NoOrders(),
        overrides=lambda: fixed,
        clock=clock,
        monotonic=clock,
    )
    scaler.step()
    assert len(fleet.workers) == 3
    fixed.clear()
    scaler.step()
    assert len(fleet.workers) == 5
