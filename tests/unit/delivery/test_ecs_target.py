"""Releases on ECS: from nothing, under load, back where something is broken, and on after a kill at any call."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext, suppress
from pathlib import Path

import pytest
from ecs_emulator import CLUSTER, Emulator
from moto import mock_aws

from tradewind.config import Environment
from tradewind.delivery.ecs import EcsTarget, Layout
from tradewind.delivery.engine import Engine, Limits, keep
from tradewind.delivery.records import FolderRecords
from tradewind.delivery.release import Release
from tradewind.delivery.target import Progress
from tradewind.errors import TradewindError
from tradewind.platform import Component, services

REGISTRY = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/acme"
SERVICES = services(Environment(name="dev", account="non-production"))


def release(number: int, **other: int) -> Release:
    """Release ``number``: every component's image has this number, but those that say otherwise."""
    numbers = dict.fromkeys(map(str, Component), number) | other
    return Release({c: f"{REGISTRY}/{c}@sha256:{n:064x}" for c, n in numbers.items()})


def image(number: int, component: str = "scheduler") -> str:
    return release(number).images[component]


class KilledError(BaseException):
    """As if the process had been killed."""


class World:
    """An environment on the emulator, and engines that deploy to it."""

    def __init__(self, folder: Path) -> None:
        self.ecs = Emulator()
        self.records = FolderRecords(folder)
        self.now = 1_800_000_000.0
        self.busy = False
        self.templates = {service.name: self.template(service.name) for service in SERVICES}
        self.sets = {
            s.name: tuple(f"{s.name}-{r}" for r in s.replica_sets) if len(s.replica_sets) > 1 else (s.name,)
            for s in SERVICES
            if not s.one_off
        }
        for name, found in self.sets.items():
            for ecs_service in found:
                self.ecs.add(ecs_service, self.templates[name])
        rds = self.ecs.client("rds")
        rds.create_db_instance(
            DBInstanceIdentifier="acme-dev", Engine="mysql", DBInstanceClass="db.t4g.medium", AllocatedStorage=20
        )

    def template(self, name: str, version: str = "1") -> str:
        definition = self.ecs.client("ecs").register_task_definition(
            family=f"acme-dev-{name}",
            requiresCompatibilities=["FARGATE"],
            networkMode="awsvpc",
            cpu="512",
            memory="1024",
            containerDefinitions=[
                {"name": name, "image": f"{REGISTRY}/template", "environment": [{"name": "VERSION", "value": version}]}
            ],
            tags=[{"key": "tenant", "value": "acme"}],
        )
        return str(definition["taskDefinition"]["taskDefinitionArn"])

    def layout(self) -> Layout:
        return Layout.from_outputs(
            {
                "cluster": CLUSTER,
                "services": {name: list(found) for name, found in self.sets.items()},
                "task_definitions": self.templates,
                "security_groups": {service.name: "sg-0123456789abcdef0" for service in SERVICES},
                "private_subnet_ids": ["subnet-0123456789abcdef0"],
                "database": {"identifier": "acme-dev", "address": "x"},
            }
        )

    def engine(self) -> Engine:
        """As a process that has just begun."""
        target = EcsTarget(self.layout(), SERVICES, self.ecs)
        return Engine("dev", self.records, target, Limits(), lambda: self.now, self.sleep)

    def sleep(self, seconds: float) -> None:
        self.now += 10
        if self.busy and len(self.ecs.queue) < 4:
            self.ecs.queue += [1, 3, 8, 2]
        self.ecs.tick()

    def deploy(self, wanted: Release) -> list[tuple[str, str]]:
        """Deploys, and returns what was told."""
        told: list[tuple[str, str]] = []
        keep(self.records, wanted)
        self.engine().deploy(wanted, lambda name, progress: told.append((name, progress.detail)))
        return told

    def consistent(self) -> str:
        """The release that everything runs. Fails where not everything runs it."""
        status = self.engine().status()
        assert status["consistent"], status
        return str(status["release"])

    def counts(self) -> dict[str, int]:
        return {name: service.desired for name, service in self.ecs.services.items()}


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        yield World(tmp_path)


def ignore(name: str, progress: Progress) -> None: ...


def test_the_first_release_of_an_empty_environment(world: World) -> None:
    world.deploy(release(1))

    assert world.consistent() == release(1).id
    assert [what for what, _ in world.ecs.ran] == ["acme-dev-prepare", "acme-dev-migrate", "tradewind.database.confirm"]
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
    for number in range(2, 22):
        world.deploy(release(number))
        assert world.consistent() == release(number).id
    world.busy = False
    queued = len(world.ecs.queue)

    assert world.ecs.done > 100
    assert world.ecs.lost == 0
    print(f"20 releases, {world.ecs.done} tasks done, {queued} waiting: 0 lost")


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


@pytest.mark.parametrize("what", ["acme-dev-migrate", "tradewind.database.confirm"])
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

    ecs = world.ecs.client("ecs")
    for name in ("scheduler", *world.sets["worker"]):
        service = world.ecs.services[name]
        found = ecs.describe_task_definition(taskDefinition=service.revision, include=["TAGS"])
        if service.desired:
            (container,) = found["taskDefinition"]["containerDefinitions"]
            assert container["environment"] == [{"name": "VERSION", "value": "2"}]
            assert {"key": "tenant", "value": "acme"} in found["tags"]


def test_what_was_scaled_stays_scaled(world: World) -> None:
    world.deploy(release(1))
    (active,) = (name for name in world.sets["worker"] if world.counts()[name])
    most = next(service.counts.max for service in SERVICES if service.name == "worker")
    world.ecs.services[active].desired = most

    world.deploy(release(2))

    assert sorted(world.counts()[name] for name in world.sets["worker"]) == [0, most]
    assert not world.counts()[active]


def test_a_sixth_deployment_waits(world: World) -> None:
    world.deploy(release(1))
    flower = world.ecs.services["flower"]
    world.ecs.stuck = True
    client = world.ecs.client("ecs")
    target = EcsTarget(world.layout(), SERVICES, world.ecs)
    for number in range(2, 7):
        revision = target._revision("flower", image(number, "flower"))
        client.update_service(cluster=CLUSTER, service="flower", taskDefinition=revision)
    rolled = next(service for service in target.services() if service.name == "flower")

    told = target.advance(rolled, image(9, "flower"))

    assert "5 deployments are unfinished" in told.detail
    assert len(flower.deployments) == 6
    world.ecs.stuck = False
    world.deploy(release(9))
    assert world.consistent() == release(9).id


def test_workers_that_do_not_answer_are_asked_again(world: World) -> None:
    world.deploy(release(1))
    (active,) = (name for name in world.sets["worker"] if world.counts()[name])
    # One more that has not started yet cannot answer.
    world.ecs.services[active].desired += 1

    told = world.deploy(release(2))

    assert world.consistent() == release(2).id
    assert world.ecs.lost == 0
    assert told


CALLS = range(4, 190, 6)


@pytest.mark.parametrize("broken", [False, True])
def test_killed_at_any_call_it_goes_on(world: World, broken: bool) -> None:
    """The process is killed at a call to AWS; another one resumes, and is killed later; and so on, to the end."""
    world.deploy(release(0))
    world.busy = True
    kills = 0
    for number, at in enumerate(CALLS, 1):
        wanted = release(number)
        keep(world.records, wanted)
        if broken:
            world.ecs.broken = {wanted.images["worker"]}
        left = [at]

        def die(operation: str, left: list[int] = left) -> None:
            left[0] -= 1
            if left[0] == 0:
                raise KilledError

        world.ecs.on_call = die
        try:
            world.engine().deploy(wanted, ignore)
        except KilledError:
            kills += 1
        except TradewindError:
            assert broken
        world.ecs.on_call = lambda operation: None
        world.now += 120  # its lease has ended
        with suppress(TradewindError) if broken else nullcontext():
            world.engine().resume(ignore)
        found = world.consistent()
        assert found in ({release(0).id} if broken else {wanted.id, release(number - 1).id})
        world.ecs.broken = set()
    assert kills >= 28
    assert world.ecs.lost == 0
    print(f"{kills} kills among {len(CALLS)} releases: always one consistent release, 0 tasks lost")
