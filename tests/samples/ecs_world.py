"""An environment on the emulator of ECS, with its controller, and rollouts that deploy to it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import Any

from ecs_emulator import CLUSTER, SLOTS, Emulator, Task
from fleet_of_fakes import KilledError, Listen

from tradewind.blueprint import Component, Service, services
from tradewind.config import Environment
from tradewind.protocol.command_queue import LEADER, CommandQueue
from tradewind.releases.dag_files import DagFiles
from tradewind.releases.ecs import EcsTarget, Layout
from tradewind.releases.record import Release
from tradewind.releases.repository import ReleaseRepository
from tradewind.releases.rollout import Limits, Rollout
from tradewind.releases.worker_pools import WorkerPools
from tradewind.runtime.controller.dispatcher import Dispatcher
from tradewind.runtime.controller.worker_orders import WorkerOrders
from tradewind.scaling.policy import Bounds, WorkerPool
from tradewind.storage.lease import LEASE_S
from tradewind.storage.records import FolderRecords, Records
from tradewind.workers.ecs import EcsBackend
from tradewind.workers.reconciler import Reconciler

REGISTRY = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/acme"
SERVICES = services(Environment(name="dev", account="non-production"))


def release(number: int, **other: int) -> Release:
    """Release ``number``: the images of all components have this number, except those in ``other``."""
    numbers = dict.fromkeys(map(str, Component), number) | other
    return Release({c: f"{REGISTRY}/{c}@sha256:{n:064x}" for c, n in numbers.items()})


def image(number: int, component: str = "scheduler") -> str:
    return release(number).images[component]


@dataclass
class Controlled:
    """A process of the controller, from its real parts. ``knows``: whether its version handles workers."""

    world: World
    knows: bool = True
    stopped: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        world = self.world
        (worker,) = (service for service in world.services if service.component is Component.WORKER)
        workers = WorkerPool(
            worker.name,
            ("default",),
            SLOTS,
            Bounds(worker.counts.min, worker.counts.max),
            replace_after_s=world.worker_life_s,
        )
        self.backend = EcsBackend(CLUSTER, world.sets, world.ecs, world.ecs.now)
        orders = WorkerOrders(world.controls, (worker.name,), self.backend.registered, world.clock)
        handlers = orders.handlers() if self.knows else {}
        self.dispatcher = Dispatcher(CommandQueue(world.controls, "dev", world.clock), handlers, self.stopped)
        self.keeper = Reconciler(
            [workers], self.backend, world.tell, world.demand, orders, clock=world.ecs.now, monotonic=world.ecs.now
        )

    def look(self) -> None:
        self.dispatcher.look()
        if self.knows:
            self.keeper.look()


class World:
    """An environment on the emulator, its controller, and rollouts that deploy to it.

    The controller works while a task of its service is healthy, and restarts with another task. ``mute``: images with
    which it does nothing. ``simple``: images of a version that does not handle workers. ``on_control`` runs before
    each of its calls to AWS.
    """

    def __init__(self, folder: Path, services: tuple[Service, ...] = SERVICES) -> None:
        self.services = services
        self.ecs = Emulator()
        self.records = FolderRecords(folder)
        self.controls: Records = FolderRecords(folder / "controls")
        self.controller: Controlled | None = None
        self.leads = ""
        self.mute: set[str] = set()
        self.simple: set[str] = set()
        self.on_control: Callable[[str], None] = lambda operation: None
        self.told: list[tuple[str, tuple[str, ...]]] = []
        self.broker_is_away = False
        self.worker_life_s = inf
        self.now = 1_800_000_000.0
        self.turn_s = 10.0  # the time between two looks
        self.busy = False
        self.templates = {service.name: self.template(service.name) for service in services}
        self.sets = {
            s.name: tuple(f"{s.name}-{r}" for r in s.replica_sets) if len(s.replica_sets) > 1 else (s.name,)
            for s in services
            if not s.one_shot
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
        """The outputs, in the form of `terraform output`."""
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

    def clock(self) -> float:
        return self.now

    def rollout(self) -> Rollout:
        """A rollout in a new process."""
        target = EcsTarget(
            self.layout(),
            self.services,
            self.ecs,
            WorkerPools(self.controls, "dev", self.clock),
            DagFiles(self.controls, "dev", self.clock),
        )
        return Rollout(ReleaseRepository("dev", self.records), target, Limits(), self.clock, self.sleep)

    def sleep(self, seconds: float) -> None:
        self.now += self.turn_s
        if self.busy and len(self.ecs.queue) < 4:
            self.ecs.queue += [1, 3, 8, 2]
        self.control()
        self.ecs.tick()

    def control(self) -> None:
        """Run one round of the controller."""
        there = [task for task in self.ecs.tasks.values() if task.service == "controller" and task.healthy]
        if not there:
            return
        leader = next((task for task in there if task.arn == self.leads), there[0])
        image = self.ecs.image(leader.revision)
        if self.controller is None or leader.arn != self.leads:
            self.controller, self.leads = Controlled(self, image not in self.simple), leader.arn
        found = self.controls.read(LEADER)
        self.controls.write(LEADER, {"until": self.now + LEASE_S}, found[1] if found else None)
        if image in self.mute:
            return
        asked, self.ecs.on_call = self.ecs.on_call, self.on_control
        try:
            self.controller.look()
        except KilledError:
            self.controller = None
        finally:
            self.ecs.on_call = asked

    def tell(self, command: str, names: list[str]) -> Mapping[str, Any]:
        """Send a command to workers. Return their responses to the controller."""
        self.told.append((command, tuple(names)))
        if self.broker_is_away or command in self.ecs.deaf:
            self.ecs.deaf = [other for other in self.ecs.deaf if other != command]
            return {}
        found = [task for task in self.ecs.tasks.values() if task.id in names and task.healthy]
        for task in found:
            task.cordoned = {"cordon": True, "uncordon": False}.get(command, task.cordoned)
        return {task.id: {"cordoned": task.cordoned, "tasks": len(task.work)} for task in found}

    def demand(self) -> Mapping[str, int]:
        ecs = self.ecs
        return {"default": len(ecs.queue) + sum(len(task.work) for task in ecs.tasks.values() if not task.stopped)}

    def deploy(self, wanted: Release) -> list[tuple[str, str]]:
        """Deploy a release. Return the progress of each service, by look."""
        told = Listen()
        ReleaseRepository("dev", self.records).keep(wanted)
        self.rollout().deploy(wanted, told)
        return told.details

    def drained(self) -> None:
        """Wait until the controller has ended all old workers."""
        for _ in range(400):
            if not self.rollout().status()["draining"]:
                return
            self.sleep(1)
        raise AssertionError(f"still {self.rollout().status()['draining']}")

    def workers(self, service: str | None = None) -> list[Task]:
        """The running workers, of one ECS service or of all."""
        names = self.sets["worker"] if service is None else (service,)
        return [task for task in self.ecs.tasks.values() if task.service in names and not task.stopped]

    def consistent(self) -> str:
        """The release that every service runs. Fails if the services run different releases."""
        status = self.rollout().status()
        assert status["consistent"], status
        return str(status["release"])

    def counts(self) -> dict[str, int]:
        return {name: service.desired for name, service in self.ecs.services.items()}

    def active(self) -> str:
        """The only ECS service of the pool that has workers."""
        (found,) = (name for name in self.sets["worker"] if self.counts()[name])
        return found
