"""Workers on the emulator of ECS, scaled up and down all day: no task is lost, and releases are not disturbed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from math import inf
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from ecs_emulator import CLUSTER, TICK_S
from ecs_world import SERVICES, World, image, release
from fleet_of_fakes import Listen
from moto import mock_aws
from tests.counts import count

from tradewind.blueprint.service import Counts
from tradewind.errors import TradewindError
from tradewind.releases.phases import Phase
from tradewind.releases.repository import ReleaseRepository
from tradewind.releases.target import Progress
from tradewind.releases.worker_pools import WorkerPools
from tradewind.runtime.controller.broker_watch import LOST_S, Broker
from tradewind.workers.ecs import EcsBackend
from tradewind.workers.pool import Keep
from tradewind.workers.reconciler import CLOSELY_S


class Day:
    """A deployed environment and its queue. Its controller runs one round in each tick of ECS."""

    def __init__(self, folder: Path, least: int = 1, most: int = 12, life_s: float = inf) -> None:
        counts = Counts(least, least, most)
        self.world = World(folder, tuple(replace(s, counts=counts) if s.name == "worker" else s for s in SERVICES))
        self.world.worker_life_s = life_s
        self.world.deploy(release(1))

    def tick(self, count: int = 1) -> None:
        for _ in range(count):
            self.world.sleep(TICK_S)

    def replace_controller(self) -> None:
        """Another process takes over."""
        self.world.controller = None

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
    day = Day(tmp_path, 3)
    day.tick(3)
    backend = EcsBackend(CLUSTER, day.world.sets, day.world.ecs)
    broker = Broker(lambda: None, backend, day.world.tell, ["worker"], clock=day.world.ecs.now)

    def lost() -> float:
        broker.measured()
        for _ in range(round(LOST_S / TICK_S) + 1):
            day.world.ecs.tick()
        return broker.measured()["WorkersLost"]

    assert lost() == 0
    hangs = next(
        task for task in day.world.ecs.tasks.values() if task.service.startswith("worker") and not task.stopped
    )
    hangs.unwell = True
    assert lost() == 1
    day.world.broker_is_away = True
    assert lost() == 3


@pytest.mark.parametrize("seed", range(count("DAYS", 3, 5)))
def test_no_task_is_lost_on_any_day(tmp_path: Path, seed: int) -> None:
    """Bursts, lulls, outages of the broker, replaced controllers. ECS always stops the busiest unprotected worker."""
    day, luck = Day(tmp_path), random.Random(seed)
    given, most, least = 0, 0, 99
    for number in range(600):
        if luck.random() < 0.03:
            burst = [luck.randint(1, 30) for _ in range(luck.randint(1, 30))]
            given += len(burst)
            day.world.ecs.queue += burst
        day.world.broker_is_away = number % 100 in range(40, 50)
        if luck.random() < 0.02:
            day.replace_controller()
        day.world.ecs.agent_down = number % 150 in range(70, 80)
        day.tick()
        most, least = max(most, day.workers), min(least, day.workers)
    day.world.broker_is_away = day.world.ecs.agent_down = False
    day.tick(200)
    assert (day.world.ecs.lost, day.world.ecs.done, day.world.ecs.queue) == (0, given, [])
    assert (day.workers, least) == (1, 1)
    assert most > 6


def test_workers_are_replaced_before_their_hosts_are(tmp_path: Path) -> None:
    """Four workers with tasks all the time, for five lives of a worker."""
    life = 7200.0
    day = Day(tmp_path, 4, 4, life)
    ecs = day.world.ecs
    day.tick(3)
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


def test_a_release_takes_as_many_as_are_needed(tmp_path: Path) -> None:
    day = Day(tmp_path)
    day.world.ecs.queue += [40] * 8
    day.tick(6)
    assert day.workers == 4
    before = day.world.active()
    day.world.deploy(release(2))
    assert day.world.consistent() == release(2).id
    day.world.drained()
    assert day.world.active() != before
    day.tick(60)
    assert (day.workers, day.world.ecs.done, day.world.ecs.lost) == (1, 8, 0)


@pytest.mark.parametrize("room", [True, False])
@pytest.mark.parametrize("good", [True, False])
def test_while_old_workers_finish_their_tasks_there_are_more_new_ones(tmp_path: Path, room: bool, good: bool) -> None:
    """Missing capacity in ECS neither fails the release nor blocks the rollback."""
    day = Day(tmp_path)
    world = day.world
    world.ecs.queue += [90] * 8
    day.tick(6)
    beside_old = 0

    def look(name: str, progress: Progress) -> None:
        nonlocal beside_old
        wanted = [count for name in world.sets["worker"] if (count := world.counts()[name])]
        beside_old = max(beside_old, max(wanted) if len(wanted) > 1 else 0)

    def more(phase: Phase) -> None:
        if phase.name == "confirm":
            world.ecs.queue += [60] * 12
            world.ecs.crowded = frozenset() if room else frozenset(world.sets["worker"])

    world.ecs.slow = {"tradewind.runtime.database.confirm": 12}
    ReleaseRepository("dev", world.records).keep(release(2))
    if good:
        world.rollout().deploy(release(2), Listen(look, more))
    else:
        world.ecs.exits = {("tradewind.runtime.database.confirm", image(2)): 1}
        with pytest.raises(TradewindError, match=f"{release(1).id} is active again"):
            world.rollout().deploy(release(2), Listen(look, more))
    assert beside_old >= 6
    assert world.consistent() == release(2 if good else 1).id
    world.ecs.crowded = frozenset()
    day.tick(200)
    assert (day.workers, world.ecs.done, world.ecs.lost) == (1, 20, 0)


def test_tasks_that_old_workers_finish_need_no_new_ones(tmp_path: Path) -> None:
    day = Day(tmp_path)
    day.world.ecs.queue += [300] * 8
    day.tick(6)
    assert day.workers == 4
    day.world.deploy(release(2))
    day.tick(60)
    assert sorted(count for name in day.world.sets["worker"] if (count := day.world.counts()[name])) == [1, 4]
    assert day.world.ecs.lost == 0


def test_a_pool_that_sleeps_wakes_up_on_the_release_in_force(tmp_path: Path) -> None:
    day = Day(tmp_path, 0, 4)
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

    backend = EcsBackend(CLUSTER, day.world.sets, day.world.ecs)
    day.world.ecs.on_call = day.world.on_control = refuse
    for do in (
        lambda: backend.look("worker", with_workers=True),
        lambda: backend.look("worker", with_workers=False),
        lambda: backend.keep("worker", Keep("worker-a", "1", 3)),
        lambda: backend.registered("worker", "1"),
        lambda: backend.running("worker"),
    ):
        with pytest.raises(TradewindError, match=r"the call to ECS for worker failed: .*Rate exceeded"):
            do()
    day.tick()
    assert "Rate exceeded" in WorkerPools(day.world.controls, "dev").state().pools["worker"].detail
    assert day.workers == 1
