"""Releases on ECS: from nothing, under load, back where something is broken, and on after a kill at any call."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext, suppress
from pathlib import Path

import pytest
from ecs_emulator import CLUSTER, SLOTS
from ecs_world import SERVICES, World, image, release
from fleet_of_fakes import KilledError, Listen, ignore
from moto import mock_aws
from tests.counts import count

from tradewind.errors import TradewindError
from tradewind.releases.ecs import EcsTarget
from tradewind.releases.phases import Phase
from tradewind.releases.repository import ReleaseRepository
from tradewind.releases.target import Progress, State, Until
from tradewind.releases.worker_pools import WorkerPools


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        yield World(tmp_path)


def test_the_first_release_of_an_empty_environment(world: World) -> None:
    world.deploy(release(1))

    assert world.consistent() == release(1).id
    assert [what for what, _ in world.ecs.ran] == [
        "acme-dev-prepare",
        "acme-dev-migrate",
        "tradewind.runtime.database.confirm",
    ]
    started = {task.revision for task in world.ecs.tasks.values() if task.service}
    assert not started & set(world.templates.values())
    wanted = {service.name: service.counts.desired for service in SERVICES if not service.one_off}
    assert {name: sum(world.counts()[s] for s in sets) for name, sets in world.sets.items()} == wanted
    assert sorted(world.counts()[name] for name in world.sets["worker"]) == [0, wanted["worker"]]
    targets = world.ecs.client("application-autoscaling").describe_scalable_targets(ServiceNamespace="ecs")
    scaled = {service.name for service in SERVICES if service.scaling and service.scaling.signal == "cpu"}
    assert {target["ResourceId"].rpartition("/")[2] for target in targets["ScalableTargets"]} == scaled
    assert not world.ecs.client("rds").describe_db_snapshots(SnapshotType="manual")["DBSnapshots"]


def test_releases_under_load_lose_nothing(world: World) -> None:
    world.deploy(release(1))
    world.busy = True
    releases = count("EMULATED_RELEASES", 8, 20)
    for number in range(2, 2 + releases):
        world.deploy(release(number))
        assert world.consistent() == release(number).id
    world.busy = False
    world.drained()
    queued = len(world.ecs.queue)

    assert world.ecs.done > 5 * releases
    assert world.ecs.lost == 0
    print(f"{releases} releases, {world.ecs.done} tasks done, {queued} waiting: 0 lost")


def test_an_image_that_does_not_start_is_taken_back(world: World) -> None:
    world.deploy(release(1))
    world.busy = True
    for component in ("webserver", "scheduler", "worker", "flower"):
        wanted = release(1, **{component: 2})
        world.ecs.broken = {wanted.images[component]}
        with pytest.raises(TradewindError, match=f"{release(1).id} is in force again") as caught:
            world.deploy(wanted)
        assert "tasks failed to start" in str(caught.value.why) or "ended with" in str(caught.value.why)
        world.ecs.broken = set()
        assert world.consistent() == release(1).id
    assert world.ecs.lost == 0


@pytest.mark.parametrize("what", ["acme-dev-migrate", "tradewind.runtime.database.confirm"])
def test_a_one_off_that_fails_takes_the_release_back(world: World, what: str) -> None:
    world.deploy(release(1))
    world.ecs.exits = {(what, image(2)): 1}

    with pytest.raises(TradewindError, match="is in force again") as caught:
        world.deploy(release(2))

    assert "ended with 1" in str(caught.value.why)
    assert world.consistent() == release(1).id
    # The cause was mended elsewhere: the same release is tried again, not remembered as bad.
    world.ecs.exits = {}
    world.deploy(release(2))
    assert world.consistent() == release(2).id


def test_a_snapshot_is_taken_before_another_airflow_migrates(world: World) -> None:
    world.deploy(release(1))
    world.deploy(release(1, worker=2))
    rds = world.ecs.client("rds")
    assert not rds.describe_db_snapshots(SnapshotType="manual")["DBSnapshots"]

    world.deploy(release(3))

    (snapshot,) = rds.describe_db_snapshots(SnapshotType="manual")["DBSnapshots"]
    assert snapshot["DBSnapshotIdentifier"].startswith("acme-dev-before-")


def test_the_same_release_changes_nothing(world: World) -> None:
    world.deploy(release(1))
    before = {name: service.revision for name, service in world.ecs.services.items()}
    arns = world.ecs.client("ecs").list_task_definitions()["taskDefinitionArns"]

    world.deploy(release(1))

    assert {name: service.revision for name, service in world.ecs.services.items()} == before
    assert world.ecs.client("ecs").list_task_definitions()["taskDefinitionArns"] == arns


def test_an_apply_reaches_the_services_with_the_next_deployment(world: World) -> None:
    world.deploy(release(1))
    world.templates["scheduler"] = world.template("scheduler", version="2")
    world.templates["worker"] = world.template("worker", version="2")

    world.deploy(release(1))

    client = world.ecs.client("ecs")
    for name in ("scheduler", *world.sets["worker"]):
        service = world.ecs.services[name]
        found = client.describe_task_definition(taskDefinition=service.revision, include=["TAGS"])
        if service.desired:
            (container,) = found["taskDefinition"]["containerDefinitions"]
            assert container["environment"] == [{"name": "VERSION", "value": "2"}]
            assert {"key": "tenant", "value": "acme"} in found["tags"]


def test_a_sixth_deployment_waits(world: World) -> None:
    world.deploy(release(1))
    flower = world.ecs.services["flower"]
    world.ecs.stuck = True
    client = world.ecs.client("ecs")
    target = world.rollout().target
    assert isinstance(target, EcsTarget)
    for number in range(2, 7):
        revision = target._revisions.of("flower", image(number, "flower"))
        client.update_service(cluster=CLUSTER, service="flower", taskDefinition=revision)
    rolled = next(service for service in target.services() if service.name == "flower")

    told = target.advance(rolled, image(9, "flower"))

    assert "5 deployments are unfinished" in told.detail
    assert len(flower.deployments) == 6
    world.ecs.stuck = False
    world.deploy(release(9))
    assert world.consistent() == release(9).id


def test_workers_that_lost_their_protection_keep_their_tasks(world: World) -> None:
    """As when the agent was away for longer than a protection lasts."""
    world.deploy(release(1))
    world.ecs.queue = [40, 30]
    for _ in range(3):
        world.ecs.tick()
    world.ecs.agent_down = True
    for task in world.ecs.tasks.values():
        task.protected = False
    assert any(task.work for task in world.ecs.tasks.values())

    world.deploy(release(2))

    assert world.consistent() == release(2).id
    world.drained()
    assert (world.ecs.done, world.ecs.lost) == (2, 0)


CALLS = range(4, 190, count("CALLS_APART", 24, 2))
"""At which the process is killed."""


@pytest.mark.parametrize("broken", [False, True])
def test_killed_at_any_call_it_goes_on(world: World, broken: bool) -> None:
    """The process is killed at a call to AWS; another one resumes, and is killed later; and so on, to the end."""
    world.deploy(release(0))
    world.busy = True
    kills = 0
    for number, at in enumerate(CALLS, 1):
        wanted = release(number)
        ReleaseRepository("dev", world.records).keep(wanted)
        if broken:
            world.ecs.broken = {wanted.images["worker"]}
        left = [at]

        def die(operation: str, left: list[int] = left) -> None:
            left[0] -= 1
            if left[0] == 0:
                raise KilledError

        world.ecs.on_call = die
        try:
            world.rollout().deploy(wanted, ignore)
        except KilledError:
            kills += 1
        except TradewindError:
            assert broken
        world.ecs.on_call = lambda operation: None
        world.now += 120  # its lease has ended
        with suppress(TradewindError) if broken else nullcontext():
            world.rollout().resume(ignore)
        found = world.consistent()
        assert found in ({release(0).id} if broken else {wanted.id, release(number - 1).id})
        world.ecs.broken = set()
    assert kills >= 0.9 * len(CALLS)
    assert world.ecs.lost == 0
    print(f"{kills} kills among {len(CALLS)} releases: always one consistent release, 0 tasks lost")


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


def test_a_third_release_leaves_the_workers_that_work(world: World) -> None:
    """The workers of the first release still have long tasks; the second's take all others."""
    world.deploy(release(1))
    first = world.active()
    world.ecs.queue = [200, 200]
    for _ in range(6):
        world.sleep(1)
    world.deploy(release(2))
    (second,) = (name for name in world.sets["worker"] if name != first)

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

    assert listener.phases == ["prepare", "snapshot", "migrate", "api", "rest", "cordon", "dags", "confirm", "drain"]


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
    """They run, and fail their checks: the old ones take tasks, and the new ones go although they do not answer."""
    world.deploy(release(1))
    old = {task.id for task in world.workers()}
    world.busy = True
    world.ecs.unwell = {image(2, "worker")}

    with pytest.raises(TradewindError, match="is in force again") as caught:
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

    (new,) = (name for name in world.sets["worker"] if name != active)
    assert world.counts()[new] >= most - 1


def controller_of(number: int) -> str:
    """The image that the controller of a release runs: the scheduler's."""
    return image(number, "scheduler")


@pytest.mark.parametrize("kind", ["mute", "simple"])
def test_a_controller_that_does_nothing_is_taken_back_before_workers_are_touched(world: World, kind: str) -> None:
    """It is healthy, and answers nothing; or it is one from before the controller brought workers."""
    world.deploy(release(1))
    old = {task.id for task in world.workers()}
    world.busy = True
    getattr(world, kind).add(controller_of(2))
    world.told.clear()

    with pytest.raises(TradewindError, match=f"{release(1).id} is in force again") as caught:
        world.deploy(release(2))

    assert {"mute": "does not answer", "simple": "does not know"}[kind] in str(caught.value.why)
    assert world.consistent() == release(1).id
    assert old <= {task.id for task in world.workers()}
    assert {world.ecs.image(task.revision) for task in world.workers()} == {image(1, "worker")}
    assert not any(old & set(names) for command, names in world.told if command == "cordon")
    assert world.ecs.lost == 0


def test_a_dead_controller_is_rolled_back_without_one(world: World) -> None:
    """It dies for good after it has turned the workers to the new release."""
    world.deploy(release(1))
    world.busy = True

    def die(phase: Phase) -> None:
        if phase.name == "confirm" and not world.mute:
            world.mute = {controller_of(2)}
            world.ecs.exits = {("tradewind.runtime.database.confirm", image(2)): 1}

    ReleaseRepository("dev", world.records).keep(release(2))
    with pytest.raises(TradewindError, match="is in force again"):
        world.rollout().deploy(release(2), Listen(on_phase=die))

    assert world.consistent() == release(1).id
    world.drained()
    assert not any(task.cordoned for task in world.workers())
    assert world.ecs.lost == 0


CONTROLS = range(3, 63, count("CONTROLS_APART", 12, 2))
"""Of the controller's calls to AWS, those at which it is killed."""


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


def test_a_release_that_failed_can_be_tried_again(world: World) -> None:
    """Nothing about it has changed; the cause was mended elsewhere, as when a secret was missing."""
    world.ecs.broken = {image(1, "flower"), image(1, "worker")}
    with pytest.raises(TradewindError, match="no other release to go back to"):
        world.deploy(release(1))
    world.ecs.broken = set()

    world.deploy(release(1))

    assert world.consistent() == release(1).id


def test_a_migration_may_take_hours(world: World) -> None:
    world.deploy(release(1))
    world.turn_s = 30.0
    world.ecs.slow = {"acme-dev-migrate": 2 * 120}

    world.deploy(release(2))

    assert world.consistent() == release(2).id


def test_a_migration_that_takes_too_long_is_not_left_behind(world: World) -> None:
    world.deploy(release(1))
    world.turn_s = 30.0
    world.ecs.slow = {"acme-dev-migrate": 7 * 120}

    with pytest.raises(TradewindError, match="migrate was still preparing") as caught:
        world.deploy(release(2))

    assert caught.value.hint == "tradewind release resume dev"
    while any(not task.stopped for task in world.ecs.tasks.values() if not task.service):
        world.sleep(1)
    world.ecs.slow = {}
    world.now += 120
    resumed = world.rollout().resume(ignore)
    assert resumed
    assert world.consistent() == release(2).id


def test_no_snapshot_of_a_database_that_was_migrated_already(world: World) -> None:
    world.deploy(release(1))

    def die(name: str, progress: Progress) -> None:
        if name == "scheduler" and "are new" in progress.detail:
            raise KilledError

    ReleaseRepository("dev", world.records).keep(release(2))
    with pytest.raises(KilledError):
        world.rollout().deploy(release(2), Listen(die))
    world.now += 120
    world.rollout().resume(ignore)

    assert world.consistent() == release(2).id
    snapshots = world.ecs.client("rds").describe_db_snapshots(SnapshotType="manual")["DBSnapshots"]
    assert len(snapshots) == 1


def test_when_ecs_has_no_room_for_a_task(world: World) -> None:
    world.deploy(release(1))
    world.ecs.full = True
    looks: list[str] = []

    def make_room(name: str, progress: Progress) -> None:
        looks.append(progress.detail)
        if len(looks) == 3:
            world.ecs.full = False

    ReleaseRepository("dev", world.records).keep(release(2))
    world.rollout().deploy(release(2), Listen(make_room))

    assert "prepare: ECS has no room for it" in looks
    assert world.consistent() == release(2).id


def test_workers_scaled_to_nothing_are_consistent(world: World) -> None:
    world.deploy(release(1))
    for name in world.sets["worker"]:
        world.ecs.services[name].desired = 0
    for _ in range(5):
        world.ecs.tick()

    assert world.consistent() == release(1).id
