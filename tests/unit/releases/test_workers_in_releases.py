"""Workers in a release on ECS, which the controller replaces: which workers take tasks, and failing controllers."""

from __future__ import annotations

import pytest
from ecs_emulator import SLOTS
from ecs_world import SERVICES, World, image, release
from fleet_of_fakes import KilledError, Listen
from tests.counts import count

from tradewind.errors import TradewindError
from tradewind.releases.phases import Phase
from tradewind.releases.repository import ReleaseRepository
from tradewind.releases.target import Progress, State, Until
from tradewind.releases.worker_pools import WorkerPools


def test_a_release_is_over_while_old_workers_have_tasks(world: World) -> None:
    world.deploy(release(1))
    first = world.active()
    world.ecs.queue = [200, 200]
    for _ in range(6):
        world.sleep(1)
    began = world.now

    world.deploy(release(2))

    assert world.now - began < 600
    status = world.rollout().status()
    assert status["consistent"]
    assert status["draining"] == {"worker": "1 old workers finish 2 tasks"}
    assert sum(len(task.work) for task in world.workers(first)) == 2
    world.drained()
    assert (world.ecs.done, world.ecs.lost) == (2, 0)
    assert not world.workers(first)


def test_releases_follow_each_other_while_workers_of_all_have_tasks(world: World) -> None:
    world.deploy(release(1))
    for number in (2, 3, 4):
        world.ecs.queue = [400, 400]
        for _ in range(6):
            world.sleep(1)
        began = world.now
        world.deploy(release(number))
        assert world.now - began < 600
        assert world.consistent() == release(number).id
    assert world.rollout().status()["draining"] == {"worker": "3 old workers finish 6 tasks"}
    world.drained()
    assert (world.ecs.done, world.ecs.lost) == (6, 0)


def test_where_there_is_no_room_the_workers_that_work_are_left_alone(world: World) -> None:
    """The workers of the first release still have long tasks. The workers of the second release take all others."""
    world.sets["worker"] = world.sets["worker"][:2]
    world.deploy(release(1))
    first = world.active()
    world.ecs.queue = [200, 200]
    for _ in range(6):
        world.sleep(1)
    world.deploy(release(2))
    second = next(name for name in world.sets["worker"] if name != first)

    def watch(name: str, progress: Progress) -> None:
        if any(task.work for task in world.workers(first)):
            assert not any(task.cordoned for task in world.workers(second))

    ReleaseRepository("dev", world.records).keep(release(3))
    world.rollout().deploy(release(3), Listen(watch))

    assert world.consistent() == release(3).id
    assert (world.ecs.done, world.ecs.lost) == (2, 0)


def test_old_workers_are_told_nothing_before_all_else_is_well(world: World) -> None:
    world.deploy(release(1))
    old = {task.id for task in world.workers()}

    def watch(name: str, progress: Progress) -> None:
        if listener.phases[-1] not in {"cordon", "dags", "confirm", "drain"}:
            assert not any(task.cordoned for task in world.workers() if task.id in old)

    listener = Listen(watch)
    ReleaseRepository("dev", world.records).keep(release(2))
    world.rollout().deploy(release(2), listener)

    assert listener.phases == [
        "init-db-users",
        "snapshot",
        "migrate",
        "api",
        "services",
        "cordon",
        "dags",
        "confirm",
        "drain",
    ]


def test_workers_that_do_not_answer_are_asked_again(world: World) -> None:
    world.deploy(release(1))
    world.told.clear()
    world.ecs.deaf = ["cordon"]

    told = world.deploy(release(2))

    assert ("worker", "not every old worker has answered yet") in told
    assert [command for command, _ in world.told].count("cordon") == 2
    assert world.consistent() == release(2).id
    assert world.ecs.lost == 0


def test_workers_that_never_become_well_are_taken_back(world: World) -> None:
    """The new workers run and fail their checks: the old ones take tasks, and the silent new ones are removed."""
    world.deploy(release(1))
    old = {task.id for task in world.workers()}
    world.busy = True
    world.ecs.unwell = {image(2, "worker")}

    with pytest.raises(TradewindError, match="is active again") as caught:
        world.deploy(release(1, worker=2))

    assert "worker was still starting after 600 s" in str(caught.value.why)
    world.drained()
    assert old <= {task.id for task in world.workers()}
    assert {world.ecs.image(task.revision) for task in world.workers()} == {image(1, "worker")}
    assert not any(old & set(names) for command, names in world.told if command == "cordon")
    assert world.ecs.lost == 0


def test_what_was_scaled_stays_scaled(world: World) -> None:
    world.deploy(release(1))
    active = world.active()
    most = next(service.counts.max for service in SERVICES if service.name == "worker")
    world.ecs.queue = [30] * (SLOTS * most)
    for _ in range(6):
        world.sleep(1)
    assert world.counts()[active] == most

    world.deploy(release(2))

    new = max(world.counts()[name] for name in world.sets["worker"] if name != active)
    assert new >= most - 1


def controller_of(number: int) -> str:
    """The image that the controller of a release runs: the scheduler's."""
    return image(number, "scheduler")


@pytest.mark.parametrize("kind", ["mute", "simple"])
def test_a_controller_that_does_nothing_is_taken_back_before_workers_are_touched(world: World, kind: str) -> None:
    """It is healthy and does not respond, or its version does not handle workers."""
    world.deploy(release(1))
    old = {task.id for task in world.workers()}
    world.busy = True
    getattr(world, kind).add(controller_of(2))
    world.told.clear()

    with pytest.raises(TradewindError, match=f"{release(1).id} is active again") as caught:
        world.deploy(release(2))

    assert {"mute": "does not answer", "simple": "does not know"}[kind] in str(caught.value.why)
    assert world.consistent() == release(1).id
    assert old <= {task.id for task in world.workers()}
    assert {world.ecs.image(task.revision) for task in world.workers()} == {image(1, "worker")}
    assert not any(old & set(names) for command, names in world.told if command == "cordon")
    assert world.ecs.lost == 0


def test_a_dead_controller_is_rolled_back_without_one(world: World) -> None:
    """It dies for good after it has moved the workers to the new release."""
    world.deploy(release(1))
    world.busy = True

    def die(phase: Phase) -> None:
        if phase.name == "confirm" and not world.mute:
            world.mute = {controller_of(2)}
            world.ecs.exits = {("tradewind.runtime.database.confirm", image(2)): 1}

    ReleaseRepository("dev", world.records).keep(release(2))
    with pytest.raises(TradewindError, match="is active again"):
        world.rollout().deploy(release(2), Listen(on_phase=die))

    assert world.consistent() == release(1).id
    world.drained()
    assert not any(task.cordoned for task in world.workers())
    assert world.ecs.lost == 0


CONTROLS = range(3, 63, count("CONTROLS_APART", 12, 2))
"""The numbers of the controller's calls to AWS at which it is killed."""


def test_a_controller_that_is_killed_at_any_call_leaves_one_release(world: World) -> None:
    world.deploy(release(0))
    world.busy = True
    kills = 0
    for number, at in enumerate(CONTROLS, 1):
        left = [at]

        def die(operation: str, left: list[int] = left) -> None:
            left[0] -= 1
            if left[0] == 0:
                raise KilledError

        world.on_control = die
        world.deploy(release(number))
        kills += left[0] <= 0
        assert world.consistent() == release(number).id
    world.on_control = lambda operation: None
    world.drained()
    assert kills == len(CONTROLS)
    assert world.ecs.lost == 0
    print(f"{kills} kills of the controller among {len(CONTROLS)} releases: one consistent release each, 0 tasks lost")


def test_only_what_a_rollout_has_registered_is_started(world: World) -> None:
    world.deploy(release(1))
    pools = WorkerPools(world.controls, "dev", world.clock)
    before = world.counts()
    for _ in range(30):
        found = pools.bring("worker", world.templates["worker"], Until.GONE)
        world.sleep(1)
        if found.state is State.FAILED:
            break
    assert "no rollout has registered" in found.detail
    assert world.counts() == before
