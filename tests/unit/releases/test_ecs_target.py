"""Releases on ECS: the first one, under load, a rollback of a broken one, and a resume after a kill at any call."""

from __future__ import annotations

from contextlib import nullcontext, suppress

import pytest
from ecs_emulator import CLUSTER
from ecs_world import SERVICES, World, image, release
from fleet_of_fakes import KilledError, Listen, ignore
from tests.counts import count

from tradewind.errors import TradewindError
from tradewind.releases.ecs import EcsTarget
from tradewind.releases.repository import ReleaseRepository
from tradewind.releases.target import Progress


def test_the_first_release_of_an_empty_environment(world: World) -> None:
    world.deploy(release(1))

    assert world.consistent() == release(1).id
    assert [what for what, _ in world.ecs.ran] == [
        "acme-dev-init-db-users",
        "acme-dev-migrate-db",
        "tradewind.runtime.database.confirm",
    ]
    started = {task.revision for task in world.ecs.tasks.values() if task.service}
    assert not started & set(world.templates.values())
    wanted = {service.name: service.counts.desired for service in SERVICES if not service.one_shot}
    assert {name: sum(world.counts()[s] for s in sets) for name, sets in world.sets.items()} == wanted
    assert [count for name in world.sets["worker"] if (count := world.counts()[name])] == [wanted["worker"]]
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
        with pytest.raises(TradewindError, match=f"{release(1).id} is active again") as caught:
            world.deploy(wanted)
        assert "tasks failed to start" in str(caught.value.why) or "ended with exit code" in str(caught.value.why)
        world.ecs.broken = set()
        assert world.consistent() == release(1).id
    assert world.ecs.lost == 0


@pytest.mark.parametrize("what", ["acme-dev-migrate-db", "tradewind.runtime.database.confirm"])
def test_a_one_off_that_fails_takes_the_release_back(world: World, what: str) -> None:
    world.deploy(release(1))
    world.ecs.exits = {(what, image(2)): 1}

    with pytest.raises(TradewindError, match="is active again") as caught:
        world.deploy(release(2))

    assert "ended with exit code 1" in str(caught.value.why)
    assert world.consistent() == release(1).id
    # The cause was fixed elsewhere: the same release can be deployed again.
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

    assert "waiting for 5 unfinished deployments" in told.detail
    assert len(flower.deployments) == 6
    world.ecs.stuck = False
    world.deploy(release(9))
    assert world.consistent() == release(9).id


def test_workers_that_lost_their_protection_keep_their_tasks(world: World) -> None:
    """For example, the agent was unavailable for longer than a protection lasts."""
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
"""The numbers of the calls at which the process is killed."""


@pytest.mark.parametrize("broken", [False, True])
def test_killed_at_any_call_it_goes_on(world: World, broken: bool) -> None:
    """The process is killed at a call to AWS. Another one resumes and is killed later, and so on to the end."""
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


def test_a_release_that_failed_can_be_tried_again(world: World) -> None:
    """The release is unchanged. The cause, such as a missing secret, was fixed elsewhere."""
    world.ecs.broken = {image(1, "flower"), image(1, "worker")}
    with pytest.raises(TradewindError, match="no other release for a rollback"):
        world.deploy(release(1))
    world.ecs.broken = set()

    world.deploy(release(1))

    assert world.consistent() == release(1).id


def test_a_migration_may_take_hours(world: World) -> None:
    world.deploy(release(1))
    world.turn_s = 30.0
    world.ecs.slow = {"acme-dev-migrate-db": 2 * 120}

    world.deploy(release(2))

    assert world.consistent() == release(2).id


def test_a_migration_that_takes_too_long_is_not_left_behind(world: World) -> None:
    world.deploy(release(1))
    world.turn_s = 30.0
    world.ecs.slow = {"acme-dev-migrate-db": 7 * 120}

    with pytest.raises(TradewindError, match="migrate-db was still preparing") as caught:
        world.deploy(release(2))

    assert caught.value.hint == "tradewind release resume -e dev"
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

    assert "init-db-users: ECS has no room for it" in looks
    assert world.consistent() == release(2).id


def test_workers_scaled_to_nothing_are_consistent(world: World) -> None:
    world.deploy(release(1))
    for name in world.sets["worker"]:
        world.ecs.services[name].desired = 0
    for _ in range(5):
        world.ecs.tick()

    assert world.consistent() == release(1).id
