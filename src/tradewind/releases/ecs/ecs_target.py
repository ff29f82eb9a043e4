"""Services of ECS, and how they come to another image.

A service runs a revision of its task definition. Terraform keeps a template of each; a release's revision is the
template with the image put in, registered once and found again by its tags, so that the same release on the same
template is the same revision, however often it is deployed.

A limit of ECS that is kept here: at most five unfinished deployments of a service. Workers are the controller's
(``workers.ecs``): a rollout registers their revision, and asks.
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
from tradewind.releases.target import Progress, Rolled, Stage, State, Until
from tradewind.releases.worker_pools import WorkerPools
from tradewind.workers.ecs import Session

MAX_UNFINISHED = 5
"""Deployments of one service that may be unfinished; ECS refuses a sixth (aws/containers-roadmap#2836)."""

CONFIRM = ("python", "-m", "tradewind.runtime.database.confirm")

_PENDING = State.PENDING


class EcsTarget:
    """See Target. ``services`` are the environment's, dependencies first; ``pools`` its workers,
    ``dag_files`` its DAG files."""

    poll_s = 5.0  # ECS takes minutes, and limits how often it is asked

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

    def services(self) -> tuple[Rolled, ...]:
        """See Target."""
        return tuple(Rolled(s.name, s.component, s.one_off) for s in self._services.values())

    def running(self) -> dict[str, frozenset[str]]:
        """See Target. A service whose template has changed since runs something else than its image."""
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
        """See Target. None is needed where this image has migrated already: each knows its own schema."""
        image = images[Component.SCHEDULER]
        running: frozenset[str] = frozenset().union(
            *(i for n, i in self.running().items() if self._services[n].component is Component.SCHEDULER)
        )
        others = running - {image}
        return (others and snapshots.before(image, others, self._rds, self._layout.database)) or Progress(State.DONE)

    def advance(self, service: Rolled, image: str, until: Until = Until.GONE) -> Progress:
        """See Target."""
        if service.one_off:
            return self._tasks.run(service.name, service.name, self._revisions.of(service.name, image), ())
        revision = self._revisions.of(service.name, image)
        if service.component is Component.WORKER:
            brought = self._pools.bring(service.name, revision, until)
            # A controller from before this protocol has not touched workers that run nothing else.
            untouched = brought.state is not State.DONE and UNKNOWN in brought.detail
            return Progress(State.DONE) if untouched and self._runs_only(service.name, revision) else brought
        (found,) = self._describe(self._layout.services[service.name])
        return self._roll(found, revision, self._wanted(service.name, found["desiredCount"]))

    def dags(self, release: str, instead_of: str | None = None) -> Progress:
        """See Target."""
        return self._dag_files.bring(release, instead_of)

    def confirm(self, since: float) -> Progress:
        """See Target. Asked from inside the network, by a task of the scheduler's image."""
        name = next(s.name for s in self._services.values() if s.component is Component.SCHEDULER and not s.one_off)
        (found,) = self._describe(self._layout.services[name])
        progress = self._tasks.run("confirm", name, found["taskDefinition"], CONFIRM)
        return replace(progress, stage=Stage.CONFIRMING)

    def adopt(self, images: dict[Component, str]) -> None:
        """See Target. ECS starts what its services say; from the first release on, it also decides how many."""
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
        """Copies that a service should have: as many as it has been scaled to, or as its description says."""
        service = self._services[name]
        return now if now and service.scaling else service.counts.desired

    # One service

    def _roll(self, service: dict[str, Any], revision: str, count: int) -> Progress:
        """Bring one service to ``count`` tasks of a revision."""
        name = service["serviceName"]
        unfinished = [d for d in service["deployments"] if d.get("rolloutState") != "COMPLETED"]
        primary = next(d for d in service["deployments"] if d["status"] == "PRIMARY")
        failed = primary.get("rolloutState") == "FAILED"
        other = service["taskDefinition"] != revision
        # One that failed has failed for somebody else, who may have mended the cause since; ECS would try no more.
        again = not other and failed and (name, revision) not in self._tried
        if other or again or service["desiredCount"] != count:
            if len(unfinished) >= MAX_UNFINISHED:
                return Progress(
                    _PENDING, f"{name}: {len(unfinished)} deployments are unfinished, and ECS takes no more"
                )
            self._tried.add((name, revision))
            self._ecs.update_service(
                cluster=self._layout.cluster,
                service=name,
                taskDefinition=revision,
                desiredCount=count,
                forceNewDeployment=again,
            )
            return Progress(_PENDING, f"{name} starts {count}")
        if failed:
            return Progress(State.FAILED, f"{name}: {primary.get('rolloutStateReason', '')}{self._last_words(name)}")
        complete = primary.get("rolloutState") == "COMPLETED" and len(service["deployments"]) == 1
        if complete and service["runningCount"] == count:
            return Progress(State.DONE)
        running = f"{name}: {primary['runningCount']} of {count} are new"
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
