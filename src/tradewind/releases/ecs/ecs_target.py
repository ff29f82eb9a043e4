"""Deploy images to the ECS services of an environment.

A service runs a revision of its task definition. Terraform keeps a template for each service. The revision of a release
is the template with the image of the release. It is registered once and found again by its tags. So the same release on
the same template has the same revision, however often it is deployed.

ECS allows at most five unfinished deployments of a service; this module respects that limit. The controller replaces
workers (``workers.ecs``): a rollout registers their revision and sends a command.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tradewind.blueprint import Component, Service
from tradewind.protocol.controller_requests import UNKNOWN
from tradewind.releases.dag_files import DagFiles
from tradewind.releases.ecs import snapshots
from tradewind.releases.ecs.layout import Layout
from tradewind.releases.ecs.revisions import Revisions
from tradewind.releases.ecs.tasks import Tasks
from tradewind.releases.target import DeployableService, Progress, Stage, State, Until
from tradewind.releases.worker_pools import WorkerPools
from tradewind.workers.ecs import Session

MAX_UNFINISHED = 5
"""The limit of unfinished deployments of one service: ECS refuses a sixth (aws/containers-roadmap#2836)."""

CONFIRM = ("python", "-m", "tradewind.runtime.database.confirm")

_PENDING = State.PENDING


class EcsTarget:
    """See Target. ``services`` are the services of the environment, dependencies first. ``pools`` are its workers,
    ``dag_files`` its DAG files."""

    poll_s = 5.0  # ECS takes minutes, and limits the rate of requests

    def __init__(
        self, layout: Layout, services: tuple[Service, ...], session: Session, pools: WorkerPools, dag_files: DagFiles
    ) -> None:
        self._layout = layout
        self._services = {service.name: service for service in services}
        self._ecs = session.client("ecs")
        self._rds = session.client("rds")
        self._scaling = session.client("application-autoscaling")
        self._revisions = Revisions(self._ecs, layout.templates)
        self._tasks = Tasks(layout, self._ecs, self._revisions)
        self._pools = pools
        self._dag_files = dag_files
        self._tried: set[tuple[str, str]] = set()

    def services(self) -> tuple[DeployableService, ...]:
        """See Target."""
        return tuple(DeployableService(s.name, s.component, s.one_shot) for s in self._services.values())

    def running(self) -> dict[str, frozenset[str]]:
        """See Target. A service with an outdated template but the same image is not told apart here."""
        found = {}
        leaving = {name: {group.revision for group in pool.draining} for name, pool in self._pools.draining().items()}
        for name, sets in self._layout.services.items():
            active = [s for s in self._describe(sets) if s["desiredCount"] or s["runningCount"]]
            revisions = {
                d["taskDefinition"] for s in active for d in s["deployments"] if d["desiredCount"] or d["runningCount"]
            }
            revisions -= leaving.get(name, set())
            found[name] = frozenset(self._revisions.image(name, revision) for revision in revisions)
        return found

    def draining(self) -> dict[str, str]:
        """See Target."""
        return {name: pool.detail for name, pool in self._pools.draining().items()}

    def snapshot(self, images: Mapping[Component, str]) -> Progress:
        """See Target. No snapshot is needed if only this image runs: it has migrated the database already."""
        image = images[Component.SCHEDULER]
        running: frozenset[str] = frozenset().union(
            *(i for n, i in self.running().items() if self._services[n].component is Component.SCHEDULER)
        )
        others = running - {image}
        return (others and snapshots.before(image, others, self._rds, self._layout.database)) or Progress(State.DONE)

    def advance(self, service: DeployableService, image: str, until: Until = Until.GONE) -> Progress:
        """See Target."""
        if service.one_shot:
            return self._tasks.run(service.name, service.name, self._revisions.of(service.name, image), ())
        revision = self._revisions.of(service.name, image)
        if service.component is Component.WORKER:
            brought = self._pools.bring(service.name, revision, until)
            # A controller that is older than this protocol refuses. If its workers run only this revision, all is done.
            untouched = brought.state is not State.DONE and UNKNOWN in brought.detail
            return Progress(State.DONE) if untouched and self._runs_only(service.name, revision) else brought
        (found,) = self._describe(self._layout.services[service.name])
        return self._roll(found, revision, self._wanted(service.name, found["desiredCount"]))

    def dags(self, release: str, instead_of: str | None = None) -> Progress:
        """See Target."""
        return self._dag_files.bring(release, instead_of)

    def confirm(self, since: float) -> Progress:
        """See Target. A task with the scheduler's image runs the checks inside the network."""
        name = next(s.name for s in self._services.values() if s.component is Component.SCHEDULER and not s.one_shot)
        (found,) = self._describe(self._layout.services[name])
        progress = self._tasks.run("confirm", name, found["taskDefinition"], CONFIRM)
        return replace(progress, stage=Stage.CONFIRMING)

    def adopt(self, images: dict[Component, str]) -> None:
        """See Target. New copies run the images of their ECS services. From the first release on, ECS scales them."""
        self._tasks.forget()
        self._pools.forget()
        self._tried.clear()
        for name, service in self._services.items():
            if service.scaling and service.scaling.signal == "cpu":
                for ecs_service in self._layout.services[name]:
                    self._scaling.register_scalable_target(
                        ServiceNamespace="ecs",
                        ResourceId=f"service/{self._layout.cluster}/{ecs_service}",
                        ScalableDimension="ecs:service:DesiredCount",
                        SuspendedState={
                            "DynamicScalingInSuspended": False,
                            "DynamicScalingOutSuspended": False,
                            "ScheduledScalingSuspended": False,
                        },
                    )

    def _wanted(self, name: str, now: int) -> int:
        """Return the number of copies that a service should have: as it was scaled, or as it is configured."""
        service = self._services[name]
        return now if now and service.scaling else service.counts.desired

    # One service

    def _roll(self, service: dict[str, Any], revision: str, count: int) -> Progress:
        """Take one step towards ``count`` tasks of a revision in one ECS service."""
        name = service["serviceName"]
        unfinished = [d for d in service["deployments"] if d.get("rolloutState") != "COMPLETED"]
        primary = next(d for d in service["deployments"] if d["status"] == "PRIMARY")
        failed = primary.get("rolloutState") == "FAILED"
        other = service["taskDefinition"] != revision
        # The failure is from an earlier rollout, and its cause may be corrected by now. ECS would not try again.
        again = not other and failed and (name, revision) not in self._tried
        if other or again or service["desiredCount"] != count:
            if len(unfinished) >= MAX_UNFINISHED:
                return Progress(
                    _PENDING, f"{name}: waiting for {len(unfinished)} unfinished deployments: ECS allows no more"
                )
            self._tried.add((name, revision))
            self._ecs.update_service(
                cluster=self._layout.cluster,
                service=name,
                taskDefinition=revision,
                desiredCount=count,
                forceNewDeployment=again,
            )
            return Progress(_PENDING, f"{name}: starting {count} copies")
        if failed:
            return Progress(State.FAILED, f"{name}: {primary.get('rolloutStateReason', '')}{self._last_words(name)}")
        complete = primary.get("rolloutState") == "COMPLETED" and len(service["deployments"]) == 1
        if complete and service["runningCount"] == count:
            return Progress(State.DONE)
        running = f"{name}: {primary['runningCount']} of {count} copies are new"
        stage = Stage.STARTING if primary["runningCount"] < count else Stage.STOPPING
        return Progress(_PENDING, running, stage)

    def _runs_only(self, name: str, revision: str) -> bool:
        there = [s for s in self._describe(self._layout.services[name]) if s["desiredCount"] or s["runningCount"]]
        return {service["taskDefinition"] for service in there} == {revision}

    def _describe(self, names: tuple[str, ...]) -> list[dict[str, Any]]:
        answer = self._ecs.describe_services(cluster=self._layout.cluster, services=list(names))
        found = {service["serviceName"]: service for service in answer["services"]}
        return [found[name] for name in names]

    def _last_words(self, ecs_service: str) -> str:
        arns = self._ecs.list_tasks(
            cluster=self._layout.cluster, serviceName=ecs_service, desiredStatus="STOPPED", maxResults=1
        )["taskArns"]
        if not arns:
            return ""
        (task,) = self._ecs.describe_tasks(cluster=self._layout.cluster, tasks=arns)["tasks"]
        return f"; a task ended: {task.get('stoppedReason', '')}"
