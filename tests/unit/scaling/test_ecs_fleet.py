"""Workers on the emulator of ECS, scaled up and down all day long: no task is lost, and releases are left alone."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import replace
from math import inf
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from ecs_emulator import CLUSTER, SLOTS, TICK_S
from ecs_world import SERVICES, World, image, release
from moto import mock_aws
from tradewind.scaling.ecs import EcsFleet
from tradewind.scaling.scaler import CLOSELY_S, Scaler

from tradewind.blueprint.service import Counts
from tradewind.errors import TradewindError
from tradewind.scaling.policy import Bounds, WorkerClass

CLASS = WorkerClass("worker", ("default",), SLOTS, Bounds(1, 12))


class Day:
    """A deployed environment, its queue, and a controller's scaler, which looks once in each tick of ECS."""

    def __init__(self, folder: Path, bounds: Bounds = CLASS.bounds) -> None:
        counts = Counts(bounds.min, bounds.min, bounds.max)
        self.world = World(folder, tuple(replace(s, counts=counts) if s.name == CLASS.service else s for s in SERVICES))
        self.world.deploy(release(1))
        self.now = 0.0
        self.broker_is_away = False
        self.scaler = self.controller(bounds)

    def controller(self, bounds: Bounds = CLASS.bounds, life: float = inf) -> Scaler:
        """One that has just begun."""
        fleet = EcsFleet(CLUSTER, self.world.sets, self.world.ecs, self.tell, self.world.ecs.now)
        workers = WorkerClass(CLASS.service, CLASS.queues, CLASS.slots, bounds, replace_after_s=life)
        return Scaler([workers], fleet, self.demand, clock=lambda: self.now, monotonic=lambda: self.now)

    def tell(self, command: str, names: list[str]) -> Mapping[str, Any]:
        if self.broker_is_away:
            return {}
        found = [t for t in self.world.ecs.tasks.values() if t.id in names and t.healthy]
        for task in found:
            task.cordoned = {"cordon": True, "uncordon": False}.get(command, task.cordoned)
        return {task.id: {"cordoned": task.cordoned, "tasks": len(task.work)} for task in found}

    def demand(self) -> Mapping[str, int]:
        ecs = self.world.ecs
        return {"default": len(ecs.queue) + sum(len(task.work) for task in ecs.tasks.values() if not task.stopped)}

    def tick(self, count: int = 1) -> None:
        for _ in range(count):
            self.scaler.step()
            self.world.ecs.tick()
            self.now += TICK_S

    @property
    def workers(self) -> int:
        return sum(count for name, count in self.world.counts().items() if name.startswith("worker"))


@pytest.fixture(autouse=True)
def _aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with mock_aws():
        yield


def test_it_grows_with_the_queue_and_shrinks_to_nothing_lost(tmp_path: Path) -> None:
    day = Day(tmp_path)
    day.tick(3)
    assert day.workers == 1
    day.world.ecs.queue += [20] * 16
    day.tick()
    assert day.workers == 8
    day.tick(100)
    assert (day.workers, day.world.ecs.done, day.world.ecs.lost) == (1, 16, 0)


def test_workers_that_do_not_answer_are_known(tmp_path: Path) -> None:
    day = Day(tmp_path, Bounds(3, 12))
    day.tick(3)
    fleet = EcsFleet(CLUSTER, day.world.sets, day.world.ecs, day.tell)
    assert fleet.silent("worker") == set()
    hangs = next(
        task for task in day.world.ecs.tasks.values() if task.service.startswith("worker") and not task.stopped
    )
    hangs.unwell = True
    assert fleet.silent("worker") == {hangs.id}
    day.broker_is_away = True
    assert len(fleet.silent("worker")) == 3


@pytest.mark.parametrize("seed", range(5))
def test_no_task_is_lost_on_any_day(tmp_path: Path, seed: int) -> None:
    """Bursts and lulls, a broker that goes away, controllers that are replaced; ECS always stops the busiest it may."""
    day, luck = Day(tmp_path), random.Random(seed)
    given, most, least = 0, 0, 99
    for number in range(600):
        if luck.random() < 0.03:
            burst = [luck.randint(1, 30) for _ in range(luck.randint(1, 30))]
            given += len(burst)
            day.world.ecs.queue += burst
        day.broker_is_away = number % 100 in range(40, 50)
        if luck.random() < 0.02:
            day.scaler = day.controller()
        day.world.ecs.agent_down = number % 150 in range(70, 80)
        day.tick()
        most, least = max(most, day.workers), min(least, day.workers)
    day.broker_is_away = day.world.ecs.agent_down = False
    day.tick(200)
    assert (day.world.ecs.lost, day.world.ecs.done, day.world.ecs.queue) == (0, given, [])
    assert (day.workers, least) == (1, 1)
    assert most > 6


def test_workers_are_replaced_before_their_hosts_are(tmp_path: Path) -> None:
    """Four workers with tasks all the time, for five lives of a worker."""
    day, life = Day(tmp_path, Bounds(4, 4)), 7200.0
    ecs = day.world.ecs
    day.tick(3)
    day.scaler = day.controller(Bounds(4, 4), life)
    given, oldest, least, most, made = 0, 0.0, 4, 4, set()
    for _ in range(round(5 * life / TICK_S)):
        given += len(more := [30] * (8 - len(ecs.queue)))
        ecs.queue += more
        day.tick()
        alive = [task for task in ecs.tasks.values() if task.service.startswith("worker") and not task.stopped]
        oldest = max(oldest, *(ecs.now() - task.made * TICK_S for task in alive if not task.cordoned))
        least = min(least, sum(task.healthy and not task.cordoned for task in alive))
        most = max(most, len(alive))
        made |= {task.id for task in alive}
    ecs.queue.clear()
    assert (ecs.lost, least, most) == (0, 4, 5)
    assert oldest <= life + CLOSELY_S + 600
    assert len(made) >= 4 * 3
    assert ecs.done > 100


def test_a_release_and_the_scaler_do_not_meet(tmp_path: Path) -> None:
    day = Day(tmp_path)
    day.world.ecs.queue += [40] * 8
    day.tick(6)
    assert day.workers == 4
    before = day.world.active()
    looked: list[str] = []

    def sleep(seconds: float) -> None:
        looked.append(day.scaler.step()["worker"].held)
        day.world.ecs.tick()
        day.now += TICK_S
        day.world.now += TICK_S

    day.world.sleep = sleep  # type: ignore[method-assign]
    day.world.deploy(release(2))
    assert "a release replaces these workers" in looked
    assert day.world.active() != before
    assert day.world.consistent() == release(2).id
    day.tick(60)
    assert (day.workers, day.world.ecs.done, day.world.ecs.lost) == (1, 8, 0)


class Growing:
    """What goes on beside a release: once old workers take no tasks, there is more to do, and perhaps no room."""

    def __init__(self, day: Day, room: bool) -> None:
        self.day, self.room, self.given, self.beside_old = day, room, 8, 0
        day.world.ecs.queue += [90] * self.given
        day.tick(6)

    def sleep(self, seconds: float) -> None:
        world = self.day.world
        held = self.day.scaler.step()["worker"].held
        if "that a release has replaced finish" in held and self.given == 8:
            world.ecs.queue += [60] * 12
            self.given += 12
            world.ecs.crowded = frozenset() if self.room else frozenset(world.sets["worker"])
        wanted = sorted(world.counts()[name] for name in world.sets["worker"])
        self.beside_old = max(self.beside_old, wanted[-1] if wanted[0] else 0)
        world.ecs.tick()
        self.day.now += TICK_S
        world.now += TICK_S


@pytest.mark.parametrize("room", [True, False])
@pytest.mark.parametrize("good", [True, False])
def test_while_old_workers_finish_their_tasks_there_are_more_new_ones(tmp_path: Path, room: bool, good: bool) -> None:
    """That ECS has no room for more is not the release's fault, and not in the way back's way."""
    day = Day(tmp_path)
    growing = Growing(day, room)
    day.world.sleep = growing.sleep  # type: ignore[method-assign]
    if good:
        day.world.deploy(release(2))
    else:
        day.world.ecs.slow = {"tradewind.runtime.database.confirm": 12}
        day.world.ecs.exits = {("tradewind.runtime.database.confirm", image(2)): 1}
        with pytest.raises(TradewindError, match=f"{release(1).id} is in force again"):
            day.world.deploy(release(2))
    assert (growing.given, growing.beside_old) == (20, 10)
    assert day.world.consistent() == release(2 if good else 1).id
    day.world.ecs.crowded = frozenset()
    day.tick(150)
    assert (day.workers, day.world.ecs.done, day.world.ecs.lost) == (1, 20, 0)


def test_a_controller_that_a_release_replaces_takes_two_sets_for_one(tmp_path: Path) -> None:
    day, most, replaced = Day(tmp_path), 0, False
    day.world.ecs.queue += [90] * 10
    day.tick(6)
    assert day.workers == 5

    def sleep(seconds: float) -> None:
        nonlocal most, replaced
        if day.scaler.step()["worker"].held == "a release replaces these workers" and not replaced:
            day.scaler, replaced = day.controller(), True
            day.scaler.step()
        day.world.ecs.tick()
        day.now += TICK_S
        day.world.now += TICK_S
        most = max(most, *(day.world.counts()[name] for name in day.world.sets["worker"]))

    day.world.sleep = sleep  # type: ignore[method-assign]
    day.world.deploy(release(2))
    assert (most, replaced) == (5, True)


def test_a_class_that_sleeps_wakes_up_on_the_release_in_force(tmp_path: Path) -> None:
    day = Day(tmp_path, Bounds(0, 4))
    day.tick(60)
    assert day.workers == 0
    for number in (2, 3, 2):
        day.world.deploy(release(number))
        assert day.workers == 0
        day.world.ecs.queue += [9] * 4
        day.tick(6)
        assert day.workers == 2
        running = {day.world.ecs.image(t.revision) for t in day.world.ecs.tasks.values() if t.work}
        assert running == {release(number).images["worker"]}
        day.tick(60)
        assert day.workers == 0
    assert (day.world.ecs.done, day.world.ecs.lost) == (12, 0)


def test_what_ecs_does_not_answer_changes_nothing(tmp_path: Path) -> None:
    day = Day(tmp_path)
    fails = ClientError({"Error": {"Code": "ThrottlingException", "Message": "Rate exceeded"}}, "DescribeServices")

    def refuse(operation: str) -> None:
        raise fails

    fleet = EcsFleet(CLUSTER, day.world.sets, day.world.ecs, day.tell)
    day.world.ecs.on_call = refuse
    for do in (
        lambda: fleet.look("worker", closely=True),
        lambda: fleet.look("worker", closely=False),
        lambda: fleet.keep("worker", 3, ()),
    ):
        with pytest.raises(TradewindError, match=r"ECS does not answer about worker: .*Rate exceeded"):
            do()
    assert "Rate exceeded" in day.scaler.step()["worker"].held
    day.world.ecs.on_call = lambda operation: None
    assert day.workers == 1
