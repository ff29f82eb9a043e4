"""Services of ECS, and how they come to another image.

A service runs a revision of its task definition. Terraform keeps a template of each; a release's revision is the
template with the image put in, registered once and found again by its tags, so that the same release on the same
template is the same revision, however often it is deployed.

Limits of ECS that are kept here: at most five unfinished deployments of a service; deployments wait behind protected
tasks, so workers have two services that take turns; a task that exits is replaced, so workers are stopped, never asked
to end. https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-scale-in-protection.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tradewind.blueprint import Component, Service
from tradewind.releases.ecs import snapshots
from tradewind.releases.ecs.commands import Commands
from tradewind.releases.ecs.layout import Layout
from tradewind.releases.ecs.revisions import Revisions
from tradewind.releases.ecs.tasks import Tasks
from tradewind.releases.target import Phase, Progress, Rolled, Stage
from tradewind.scaling.ecs import Session, protected, task_ids

MAX_UNFINISHED = 5
"""Deployments of one service that may be unfinished; ECS refuses a sixth (aws/containers-roadmap#2836)."""

DESCRIBED_AT_ONCE = 100
"""Tasks that ECS describes in one call."""

CONFIRM = ("python", "-m", "tradewind.runtime.database.confirm")

_PENDING = Phase.PENDING


class EcsTarget:
    """See Target. ``services`` are the environment's, dependencies first."""

    poll_s = 5.0  # ECS takes minutes, and limits how often it is asked

    def __init__(self, layout: Layout, services: tuple[Service, ...], session: Session) -> None:
        self._layout = layout
        self._services = {service.name: service for service in services}
        self._ecs = session.client("ecs")
        self._rds = session.client("rds")
        self._scaling = session.client("application-autoscaling")
        self._revisions = Revisions(self._ecs, layout.templates)
        self._tasks = Tasks(layout, self._ecs, self._revisions)
        self._commands = Commands(self._tasks)
        self._tried: set[tuple[str, str]] = set()
        self._turned: set[tuple[str, str]] = set()

    def services(self) -> tuple[Rolled, ...]:
        """See Target."""
        return tuple(Rolled(s.name, s.component, s.one_off) for s in self._services.values())

    def running(self) -> dict[str, frozenset[str]]:
        """See Target. A service whose template has changed since runs something else than its image."""
        found = {}
        for name, sets in self._layout.services.items():
            active = [s for s in self._describe(sets) if s["desiredCount"] or s["runningCount"]]
            revisions = {
                d["taskDefinition"] for s in active for d in s["deployments"] if d["desiredCount"] or d["runningCount"]
            }
            found[name] = frozenset(self._revisions.image(name, revision) for revision in revisions)
        return found

    def advance(self, service: Rolled, image: str, *, keep: bool = False) -> Progress:
        """See Target."""
        if service.one_off:
            return self._once(service.name, image)
        revision = self._revisions.of(service.name, image)
        sets = self._layout.services[service.name]
        if len(sets) > 1:
            return self._take_turns(service.name, sets, revision, keep=keep)
        (found,) = self._describe(sets)
        return self._roll(found, revision, self._wanted(service.name, found["desiredCount"]))

    def confirm(self, since: float) -> Progress:
        """See Target. Asked from inside the network, by a task of the scheduler's image."""
        name = next(s.name for s in self._services.values() if s.component is Component.SCHEDULER and not s.one_off)
        (found,) = self._describe(self._layout.services[name])
        progress = self._tasks.run("confirm", name, found["taskDefinition"], CONFIRM)
        return replace(progress, stage=Stage.CONFIRMING)

    def adopt(self, images: dict[Component, str]) -> None:
        """See Target. ECS starts what its services say; from the first release on, it also decides how many."""
        self._tasks.forget()
        self._commands.forget()
        self._tried.clear()
        self._turned.clear()
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

    def _roll(self, service: dict[str, Any], revision: str, count: int, enough: int | None = None) -> Progress:
        """Bring one service to ``count`` tasks of a revision; done already when ``enough`` of them are healthy."""
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
            return Progress(Phase.FAILED, f"{name}: {primary.get('rolloutStateReason', '')}{self._last_words(name)}")
        complete = primary.get("rolloutState") == "COMPLETED" and len(service["deployments"]) == 1
        if complete and service["runningCount"] == count:
            return Progress(Phase.DONE)
        if enough is not None and primary["runningCount"] >= enough and len(self._healthy(name, revision)) >= enough:
            return Progress(Phase.DONE)
        running = f"{name}: {primary['runningCount']} of {count} are new"
        stage = Stage.STARTING if primary["runningCount"] < count else Stage.STOPPING
        return Progress(_PENDING, running, stage)

    # Workers: two services that take turns

    def _take_turns(self, name: str, sets: tuple[str, ...], revision: str, *, keep: bool) -> Progress:
        found = {service["serviceName"]: service for service in self._describe(sets)}
        new = self._turn(found, revision)
        if new is None:
            return self._make_room(name, list(found.values()))
        now = found[new]["desiredCount"] or max(service["desiredCount"] for service in found.values())
        count = self._wanted(name, now)
        if not count and not any(service["runningCount"] for service in found.values()):
            # Whichever the controller wakes up is of this release.
            looks = (self._roll(service, revision, 0) for service in found.values())
            return next((look for look in looks if look.phase is not Phase.DONE), Progress(Phase.DONE))
        # Once those that it started are there, how many there are is the controller's matter. That ECS has no room for
        # more is no fault of this release, also for whoever resumes it and does not know how many it started.
        if (new, revision) not in self._turned:
            replaced = max(s["desiredCount"] for n, s in found.items() if n != new)
            enough = replaced or max(1, self._services[name].counts.min)
            progress = self._roll(found[new], revision, count, enough=enough if enough < count else None)
            if progress.phase is not Phase.DONE:
                return progress
            self._turned.add((new, revision))
        for other, service in found.items():
            if other != new and (service["desiredCount"] or service["runningCount"]):
                progress = self._relieve(name, found[new], service, keep=keep)
                return replace(progress, turned=progress.stage is not Stage.TURNING)
        return Progress(Phase.DONE)

    def _make_room(self, name: str, found: list[dict[str, Any]]) -> Progress:
        """Both services have workers, and neither runs what is wanted: the one that does less goes."""
        going, staying = sorted(
            found, key=lambda service: (service["runningCount"], len(self._protected(service["serviceName"])))
        )
        return replace(self._relieve(name, staying, going, keep=False), turned=False)

    def _relieve(self, name: str, staying: dict[str, Any], going: dict[str, Any], *, keep: bool) -> Progress:
        # First whoever stays: a deployment that was killed, or the way there, may have told him to take no tasks.
        # Those that start are told nothing: they take tasks.
        healthy = self._healthy(staying["serviceName"], staying["taskDefinition"])
        if not healthy:
            return Progress(_PENDING, f"no worker of {staying['serviceName']} is well", Stage.TURNING)
        told = self._commands.tell(name, staying["taskDefinition"], "uncordon", healthy)
        return told or self._empty(name, going, staying["taskDefinition"], keep=keep)

    def _turn(self, found: Mapping[str, dict[str, Any]], revision: str) -> str | None:
        """Which service is to run the revision: the one that does, or an empty one; None while there is none."""
        at_it = [n for n, s in found.items() if s["taskDefinition"] == revision and s["desiredCount"]]
        if at_it:
            return max(at_it, key=lambda name: int(found[name]["runningCount"]))
        empty = [n for n, s in found.items() if not s["desiredCount"] and not s["runningCount"]]
        return empty[0] if empty else None

    def _empty(self, name: str, service: dict[str, Any], new: str, *, keep: bool) -> Progress:
        """Bring one of the services to nothing: no new tasks, the last one finished, protection given back.

        Whatever starts in it some day is of the revision ``new``.
        """
        ecs_service = service["serviceName"]
        if not service["desiredCount"]:
            return Progress(_PENDING, f"{ecs_service} ends {service['runningCount']}", Stage.STOPPING)
        # Who is not protected takes no tasks; who starts now is seen, and told, at the next look.
        revision = service["taskDefinition"]
        protected = self._protected(ecs_service)
        if told := self._commands.tell(name, revision, "cordon", protected):
            return told
        if protected or keep:
            return Progress(_PENDING, f"{len(protected)} workers of {ecs_service} finish their tasks", Stage.DRAINING)
        # Somebody may have lost his protection and not his tasks.
        if told := self._commands.tell(name, revision, "duty", self._task_ids(ecs_service), "--idle"):
            return told
        self._ecs.update_service(cluster=self._layout.cluster, service=ecs_service, taskDefinition=new, desiredCount=0)
        return Progress(_PENDING, f"{ecs_service} ends {service['runningCount']}", Stage.STOPPING)

    def _healthy(self, ecs_service: str, revision: str) -> list[str]:
        """The tasks of a service that run a revision and are well."""
        ids = self._task_ids(ecs_service)
        found = [
            task
            for start in range(0, len(ids), DESCRIBED_AT_ONCE)
            for task in self._ecs.describe_tasks(
                cluster=self._layout.cluster, tasks=ids[start : start + DESCRIBED_AT_ONCE]
            )["tasks"]
        ]
        return sorted(
            task["taskArn"].rpartition("/")[2]
            for task in found
            if task["taskDefinitionArn"] == revision and task.get("healthStatus") == "HEALTHY"
        )

    def _protected(self, ecs_service: str) -> list[str]:
        """The tasks of a service that ECS does not stop."""
        return sorted(protected(self._ecs, self._layout.cluster, self._task_ids(ecs_service)))

    def _task_ids(self, ecs_service: str) -> list[str]:
        return task_ids(self._ecs, self._layout.cluster, ecs_service)

    # One-offs

    def _once(self, name: str, image: str) -> Progress:
        if name == "migrate":
            waiting = self._snapshot(image)
            if waiting:
                return waiting
        return self._tasks.run(name, name, self._revisions.of(name, image), ())

    def _snapshot(self, image: str) -> Progress | None:
        """None when there is one, or none is needed: every other image of this component knows another schema."""
        running: frozenset[str] = frozenset().union(
            *(i for n, i in self.running().items() if self._services[n].component is Component.SCHEDULER)
        )
        others = running - {image}
        return snapshots.before(image, others, self._rds, self._layout.database) if others else None

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
