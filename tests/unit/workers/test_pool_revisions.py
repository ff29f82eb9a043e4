"""Decisions that bring a pool from one revision to another, step by step and for every state of the pool."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.protocol.workers import Order, Stage, Until
from tradewind.workers.pool import FRESH_S, Group, Keep, Pool, Steps, Worker, decide


def order(revision: str = "2", until: Until = Until.GONE) -> Order:
    return Order("worker", revision, until, "first")


def busy(name: str, tasks: int = 1) -> Worker:
    return Worker(name, cordoned=False, tasks=tasks, protected=True)


def cordoned(name: str, tasks: int = 0) -> Worker:
    return Worker(name, cordoned=True, tasks=tasks, protected=bool(tasks))


def starting(name: str) -> Worker:
    return Worker(name, healthy=False)


def pool(old: tuple[Worker, ...], *new: Worker, desired: int | None = None, failed: str = "") -> Pool:
    """Workers of revision 1 in group a, and of 2 in group b."""
    count = len(new) if desired is None else desired
    beside = (Group("b", "2", count, new, failed),) if count else ()
    return Pool((Group("a", "1", len(old), old), *beside), None if beside else "b", "1")


OLD = (busy("a1"), busy("a2", 2))


def test_new_workers_start_beside_the_old_ones() -> None:
    steps = decide(pool(OLD), order(), 3)
    assert (steps.grow, steps.stage) == ((Keep("b", "2", 3),), Stage.STARTING)
    steps = decide(pool(OLD, starting("b1"), starting("b2")), order(), 3)
    assert (steps.grow, steps.cordon, steps.waits) == ((Keep("b", "2", 3),), (), "0 of 3 new workers are healthy")


def test_old_workers_are_told_when_as_many_as_they_are_take_tasks() -> None:
    new = (busy("b1", 0), busy("b2", 0), starting("b3"))
    for until in (Until.CORDONED, Until.GONE):
        assert decide(pool(OLD, *new), order(until=until), 3) == Steps(
            cordon=("a1", "a2"), stage=Stage.CORDONING, waits="not every old worker has answered yet"
        )
    started = decide(pool(OLD, *new), order(until=Until.STARTED), 3)
    assert (started.stage, started.cordon) == (Stage.STARTED, ())
    held = (cordoned("b1"), Worker("b2", protected=True))
    assert decide(pool(OLD, *held), order(), 2).uncordon == ("b1", "b2")


def test_one_that_does_not_answer_and_is_protected_may_take_tasks() -> None:
    new = (busy("b1", 0),)
    assert decide(pool((Worker("a1", protected=True),), *new), order(), 1).cordon == ("a1",)
    assert decide(pool((Worker("a1"),), *new), order(), 1).stage is Stage.DRAINING


def test_an_old_worker_that_does_not_answer_is_in_the_way_of_no_other() -> None:
    hangs = Group("a", "1", 1, (Worker("a1", protected=True),))
    idle = Group("b", "2", 2, (cordoned("b1"), cordoned("b2")))
    found = Pool((hangs, idle, Group("c", "3", 2, (busy("c1"), busy("c2")))), "d")
    steps = decide(found, order("3"), 5)
    assert (steps.cordon, steps.stage) == (("a1",), Stage.CORDONING)
    assert steps.grow == (Keep("c", "3", 5),)
    assert steps.shrink == (Keep("b", "2", 0, ("b1", "b2")),)


def test_old_workers_stay_until_nothing_goes_back_to_them() -> None:
    idle = (cordoned("a1"), cordoned("a2"))
    kept = decide(pool(idle, busy("b1"), busy("b2")), order(until=Until.CORDONED), 2)
    assert (kept.stage, kept.shrink) == (Stage.DRAINING, ())
    gone = decide(pool(idle, busy("b1"), busy("b2")), order(), 2)
    assert gone.shrink == (Keep("a", "1", 0, ("a1", "a2")),)
    back = decide(pool(idle, busy("b1"), busy("b2")), order("1", Until.CORDONED), 2)
    assert (back.uncordon, back.cordon) == (("a1", "a2"), ())


def test_those_with_tasks_stay_and_the_others_go() -> None:
    some = (cordoned("a1", 2), cordoned("a2"))
    assert decide(pool(some, busy("b1"), busy("b2")), order(), 2).shrink == (Keep("a", "1", 1, ("a2",)),)
    # It lost its protection and still has tasks: the number is not lowered while ECS could stop it.
    exposed = (Worker("a1", True, 2, protected=False), cordoned("a2"))
    assert decide(pool(exposed, busy("b1"), busy("b2")), order(), 2).shrink == ()


def test_one_that_never_answered_is_ended_while_it_is_fresh() -> None:
    fresh, hangs = Worker("a1", age_s=FRESH_S - 1, healthy=False), Worker("a1", age_s=FRESH_S + 1, healthy=False)
    assert decide(pool((fresh,), busy("b1")), order(), 1).shrink == (Keep("a", "1", 0, ("a1",)),)
    assert decide(pool((hangs,), busy("b1")), order(), 1).shrink == ()


def test_what_the_home_has_given_up_is_tried_once_more_for_each_attempt() -> None:
    broken = pool(OLD, desired=2, failed="tasks failed to start")
    assert decide(broken, order(), 2, tried=False).grow == (Keep("b", "2", 2, again=True),)
    steps = decide(broken, order(), 2, tried=True)
    assert (steps.stage, steps.waits, steps.cordon) == (Stage.FAILED, "tasks failed to start", ())
    # If enough workers run, others that do not start do not fail the release.
    assert decide(pool(OLD, busy("b1"), busy("b2"), failed="one"), order(), 2).cordon == ("a1", "a2")


def test_where_both_places_have_workers_those_that_work_stay() -> None:
    draining, working = (cordoned("a1", 1), cordoned("a2")), (busy("b1"), busy("b2"))
    full = replace(pool(draining, *working), room=None)
    steps = decide(full, order("3"), 2)
    assert steps.stage is Stage.MAKING_ROOM
    assert (steps.shrink, steps.cordon) == ((Keep("a", "1", 1, ("a2",)),), ())
    both = replace(pool((busy("a1", 3),), busy("b1", 1)), room=None)
    assert decide(both, order("3"), 1).cordon == ("b1",)


def test_no_group_is_emptied_because_it_did_not_answer() -> None:
    """For example, after a failover of the broker, the workers of the active release are silent for a moment."""
    draining, silent = (cordoned("a1", 1), cordoned("a2")), (Worker("b1", protected=True),)
    steps = decide(replace(pool(draining, *silent), room=None), order("3"), 2)
    assert (steps.uncordon, steps.cordon, steps.stage) == ((), (), Stage.MAKING_ROOM)
    assert steps.shrink == (Keep("a", "1", 1, ("a2",)),)
    silence = decide(replace(pool((Worker("a1", protected=True),), *silent), room=None), order("3"), 2)
    assert (silence.uncordon, silence.cordon, silence.shrink) == ((), (), ())
    one = decide(replace(pool((busy("a1"),), *silent), room=None), order("3"), 2)
    assert (one.uncordon, one.cordon, one.shrink) == ((), (), ())


def test_a_home_that_gave_up_growing_is_told_to_go_on() -> None:
    """Some workers are healthy, so no release fails. Without the order, no more worker would ever start."""
    some = Group("b", "2", 10, (busy("b1"), busy("b2")), failed="tasks failed to start")
    steps = decide(Pool((some,), "a", "2"), order(), 10, tried=False)
    assert (steps.grow, steps.stage) == ((Keep("b", "2", 10, again=True),), Stage.STEADY)
    waiting = decide(Pool((some,), "a", "2"), order(), 10, tried=True)
    assert (waiting.grow, waiting.waits) == ((), "tasks failed to start")


def test_where_new_workers_do_not_start_the_old_ones_do_all_the_work() -> None:
    assert decide(pool(OLD, desired=2, failed="broken"), order(), 40).grow == (Keep("a", "1", 40),)


def test_where_none_are_wanted_none_need_to_start() -> None:
    asleep = pool((cordoned("a1", 1),))
    assert decide(asleep, order(until=Until.STARTED), 0).stage is Stage.STARTED
    assert decide(asleep, order(until=Until.CORDONED), 0).stage is Stage.DRAINING


def test_without_an_order_nothing_is_chosen_between_two() -> None:
    two = replace(pool(OLD, busy("b1")), default=None)
    assert decide(two, None, 2) == Steps(waits="no release has set the revision of the workers")
    assert decide(pool(OLD), None, 3).grow == (Keep("a", "1", 3),)


def test_a_pool_that_sleeps_has_nothing_to_do() -> None:
    assert decide(Pool((), "a", "1"), order(), 0) == Steps()
    assert decide(Pool((), "a", "1"), order(), 2).grow == (Keep("a", "2", 2),)
    assert decide(pool((cordoned("a1"),)), order(), 0).shrink == (Keep("a", "1", 0, ("a1",)),)


workers = st.builds(
    Worker,
    name=st.uuids().map(str),
    cordoned=st.sampled_from([None, False, True]),
    tasks=st.one_of(st.none(), st.integers(0, 3)),
    protected=st.booleans(),
    age_s=st.sampled_from([0.0, FRESH_S + 1]),
    healthy=st.booleans(),
)
groups = st.tuples(st.lists(workers, max_size=5).map(tuple), st.integers(0, 6), st.sampled_from(["", "broken"]))


@given(
    st.lists(st.tuples(st.sampled_from("123"), groups), max_size=2, unique_by=lambda made: made[0]),
    st.sampled_from("123"),
    st.sampled_from(Until),
    st.integers(0, 6),
    st.booleans(),
)
def test_nothing_is_lost_in_any_pool(
    made: list[tuple[str, tuple[tuple[Worker, ...], int, str]]], revision: str, until: Until, wanted: int, tried: bool
) -> None:
    found = tuple(Group(f"group-{r}", r, desired, there, failed) for r, (there, desired, failed) in made)
    steps = decide(Pool(found, "room" if len(found) < 2 else None), order(revision, until), wanted, tried=tried)
    by_name = {worker.name: worker for group in found for worker in group.workers}
    of_group = {group.name: group for group in found}
    for keep in steps.shrink:
        group = of_group[keep.group]
        # ECS can only stop workers without tasks.
        free = [worker for worker in group.workers if not worker.safe]
        assert all(w.drained or (w.cordoned is None and w.age_s < FRESH_S) for w in free)
        assert keep.count >= sum(worker.safe for worker in group.workers)
        assert keep.count < group.desired
        assert until is Until.GONE or keep.revision == revision or steps.stage is Stage.MAKING_ROOM
    if steps.cordon and wanted:
        # Other workers report that they take tasks.
        assert [w for w in by_name.values() if w.name not in steps.cordon and w.cordoned is False]
    for keep in steps.grow:
        known = of_group.get(keep.group)
        assert known is None or keep.revision == known.revision
        assert known is None or keep.again or keep.count > known.desired


@pytest.mark.parametrize("count", [1, 3, 8])
@pytest.mark.parametrize("until", [Until.CORDONED, Until.GONE])
def test_it_comes_to_its_end_from_anywhere(count: int, until: Until) -> None:
    """Workers that execute commands at once, in any state that a killed controller may have left."""
    for told_old in (None, False, True):
        for told_new in (None, False, True):
            old = [Worker(f"a{n}", told_old, 0, protected=told_old is not True) for n in range(count)]
            new = [Worker(f"b{n}", told_new, 0, protected=True) for n in range(count // 2)]
            for _ in range(12):
                groups_ = [Group("a", "1", len(old), tuple(old)), Group("b", "2", len(new), tuple(new))]
                there = tuple(group for group in groups_ if group.desired)
                steps = decide(
                    Pool(there, next((g.name for g in groups_ if not g.desired), None)), order("2", until), count
                )
                for place in (old, new):
                    for at, worker in enumerate(place):
                        if worker.name in (*steps.uncordon, *steps.cordon):
                            off = worker.name in steps.cordon
                            place[at] = replace(worker, cordoned=off, tasks=0, protected=not off)
                for keep in (*steps.grow, *steps.shrink):
                    place = old if keep.group == "a" else new
                    place[:] = [worker for worker in place if worker.name not in keep.leaving][: keep.count]
                    place += [Worker(f"n{n}", False, 0, protected=True) for n in range(keep.count - len(place))]
            assert sum(worker.cordoned is False for worker in new) == count
            assert not any(worker.cordoned is not True for worker in old)
            assert bool(old) is (until is Until.CORDONED)
