"""An environment on the emulator of ECS, and engines that deploy to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ecs_emulator import CLUSTER, Emulator

from tradewind.blueprint import Component, Service, services
from tradewind.config import Environment
from tradewind.releases.ecs import EcsTarget, Layout
from tradewind.releases.record import Release
from tradewind.releases.repository import ReleaseRepository
from tradewind.releases.rollout import Limits, Rollout
from tradewind.storage.records import FolderRecords

REGISTRY = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/acme"
SERVICES = services(Environment(name="dev", account="non-production"))


def release(number: int, **other: int) -> Release:
    """Release ``number``: every component's image has this number, but those that say otherwise."""
    numbers = dict.fromkeys(map(str, Component), number) | other
    return Release({c: f"{REGISTRY}/{c}@sha256:{n:064x}" for c, n in numbers.items()})


def image(number: int, component: str = "scheduler") -> str:
    return release(number).images[component]


class World:
    """An environment on the emulator, and engines that deploy to it."""

    def __init__(self, folder: Path, services: tuple[Service, ...] = SERVICES) -> None:
        self.services = services
        self.ecs = Emulator()
        self.records = FolderRecords(folder)
        self.now = 1_800_000_000.0
        self.turn_s = 10.0  # what passes between two looks
        self.busy = False
        self.templates = {service.name: self.template(service.name) for service in services}
        self.sets = {
            s.name: tuple(f"{s.name}-{r}" for r in s.replica_sets) if len(s.replica_sets) > 1 else (s.name,)
            for s in services
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

    def outputs(self) -> dict[str, Any]:
        """As `terraform output` has them."""
        return {
            "cluster": CLUSTER,
            "services": {name: list(found) for name, found in self.sets.items()},
            "task_definitions": self.templates,
            "security_groups": {service.name: "sg-0123456789abcdef0" for service in self.services},
            "private_subnet_ids": ["subnet-0123456789abcdef0"],
            "database": {"identifier": "acme-dev", "address": "x"},
            "controller_bucket": "acme-dev-controller-111122223333",
        }

    def layout(self) -> Layout:
        return Layout.from_outputs(self.outputs())

    def rollout(self) -> Rollout:
        """As a process that has just begun."""
        target = EcsTarget(self.layout(), self.services, self.ecs)
        return Rollout(ReleaseRepository("dev", self.records), target, Limits(), lambda: self.now, self.sleep)

    def sleep(self, seconds: float) -> None:
        self.now += self.turn_s
        if self.busy and len(self.ecs.queue) < 4:
            self.ecs.queue += [1, 3, 8, 2]
        self.ecs.tick()

    def deploy(self, wanted: Release) -> list[tuple[str, str]]:
        """Deploys, and returns what was told."""
        told: list[tuple[str, str]] = []
        ReleaseRepository("dev", self.records).keep(wanted)
        self.rollout().deploy(wanted, lambda name, progress: told.append((name, progress.detail)))
        return told

    def consistent(self) -> str:
        """The release that everything runs. Fails where not everything runs it."""
        status = self.rollout().status()
        assert status["consistent"], status
        return str(status["release"])

    def counts(self) -> dict[str, int]:
        return {name: service.desired for name, service in self.ecs.services.items()}

    def active(self) -> str:
        """The one of the workers' two services that has workers."""
        (found,) = (name for name in self.sets["worker"] if self.counts()[name])
        return found
