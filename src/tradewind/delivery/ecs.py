"""An environment on AWS as a target of releases: ECS services, rolled without a task lost.

A service runs a revision of its task definition. Terraform keeps a template of each; a release's revision is the
template with the image put in, registered once and found again by its tags, so that the same release on the same
template is the same revision, however often it is deployed.

Limits of ECS that are kept here: at most five unfinished deployments of a service; deployments wait behind protected
tasks, so workers have two services that take turns; a task that exits is replaced, so workers are stopped, never asked
to end. https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-scale-in-protection.html
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from tradewind.delivery.target import Phase, Progress, Rolled, Stage
from tradewind.platform import Component, Service

MAX_UNFINISHED = 5
"""Deployments of one service that may be unfinished; ECS refuses a sixth (aws/containers-roadmap#2836)."""

REVISIONS = 25
"""How far back a revision is looked for; an older one is registered again."""
BATCH = 100
"""Workers that one command names: ECS takes 8,192 characters of overrides, and a name has 33."""

CONTROL = ("python", "-m", "tradewind.fleet.control")
CONFIRM = ("python", "-m", "tradewind.database.confirm")
IMAGE_TAG = "tradewind:image"
TEMPLATE_TAG = "tradewind:template"

_PENDING = Phase.PENDING
_NOT_REGISTERED = {
    "taskDefinitionArn",
    "revision",
    "status",
    "requiresAttributes",
    "compatibilities",
    "registeredAt",
    "registeredBy",
    "deregisteredAt",
}


@dataclass(frozen=True)
class Layout:
    """What Terraform made, as its outputs say: names and ARNs.

    ``services`` maps each service to its ECS services: one, or two that take turns. One-offs have none.
    ``templates`` maps each service to the template revision of its task definition.
    """

    cluster: str
    services: Mapping[str, tuple[str, ...]]
    templates: Mapping[str, str]
    security_groups: Mapping[str, str]
    subnets: tuple[str, ...]
    database: str

    @classmethod
    def from_outputs(cls, outputs: Mapping[str, Any]) -> Layout:
        """From `terraform output` of an environment. KeyError where that is not one."""
        return cls(
            cluster=outputs["cluster"],
            services={name: tuple(found) for name, found in outputs["services"].items()},
            templates=dict(outputs["task_definitions"]),
            security_groups=dict(outputs["security_groups"]),
            subnets=tuple(outputs["private_subnet_ids"]),
            database=outputs["database"]["identifier"],
        )


class Session(Protocol):
    """What is used of a boto3 session."""

    def client(self, name: str) -> Any:
        """A client of an AWS service."""


class EcsTarget:
    """See Target. ``services`` are the environment's, dependencies first."""

    def __init__(self, layout: Layout, services: tuple[Service, ...], session: Session) -> None:
        self._layout = layout
        self._services = {service.name: service for service in services}
        self._ecs = session.client("ecs")
        self._rds = session.client("rds")
        self._scaling = session.client("application-autoscaling")
        self._revisions: dict[tuple[str, str], str] = {}
        self._images: dict[str, str] = {}
        self._tasks: dict[tuple[str, ...], str] = {}
        self._said: dict[str, str] = {}

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
            found[name] = frozenset(self._image(name, revision) for revision in revisions)
        return found

    def advance(self, service: Rolled, image: str) -> Progress:
        """See Target."""
        if service.one_off:
            return self._once(service.name, image)
        revision = self._revision(service.name, image)
        sets = self._layout.services[service.name]
        if len(sets) > 1:
            return self._take_turns(service.name, sets, revision)
        (found,) = self._describe(sets)
        return self._roll(found, revision, self._wanted(service.name, found["desiredCount"]))

    def confirm(self, since: float) -> Progress:
        """See Target. Asked from inside the network, by a task of the scheduler's image."""
        name = next(s.name for s in self._services.values() if s.component is Component.SCHEDULER and not s.one_off)
        (found,) = self._describe(self._layout.services[name])
        progress = self._run("confirm", name, found["taskDefinition"], CONFIRM)
        if progress.phase is not _PENDING:
            self._tasks.clear()  # the next release asks anew
        return Progress(progress.phase, progress.detail, Stage.CONFIRMING)

    def adopt(self, images: dict[Component, str]) -> None:
        """See Target. ECS starts what its services say; from the first release on, it also decides how many."""
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
        name = service["serviceName"]
        unfinished = [d for d in service["deployments"] if d.get("rolloutState") != "COMPLETED"]
        if service["taskDefinition"] != revision or service["desiredCount"] != count:
            if len(unfinished) >= MAX_UNFINISHED:
                return Progress(
                    _PENDING, f"{name}: {len(unfinished)} deployments are unfinished, and ECS takes no more"
                )
            self._ecs.update_service(
                cluster=self._layout.cluster, service=name, taskDefinition=revision, desiredCount=count
            )
            return Progress(_PENDING, f"{name} starts {count}")
        primary = next(d for d in service["deployments"] if d["status"] == "PRIMARY")
        if primary.get("rolloutState") == "FAILED":
            return Progress(Phase.FAILED, f"{name}: {primary.get('rolloutStateReason', '')}{self._last_words(name)}")
        complete = primary.get("rolloutState") == "COMPLETED" and len(service["deployments"]) == 1
        if complete and service["runningCount"] == count:
            return Progress(Phase.DONE)
        running = f"{name}: {primary['runningCount']} of {count} are new"
        stage = Stage.STARTING if primary["runningCount"] < count else Stage.STOPPING
        return Progress(_PENDING, running, stage)

    # Workers: two services that take turns

    def _take_turns(self, name: str, sets: tuple[str, ...], revision: str) -> Progress:
        found = {service["serviceName"]: service for service in self._describe(sets)}
        new = self._turn(found, revision)
        old = [service for other, service in found.items() if other != new]
        if new is None:
            return self._empty(name, min(found.values(), key=lambda service: service["desiredCount"]))
        count = self._wanted(name, max(service["desiredCount"] for service in found.values()))
        progress = self._roll(found[new], revision, count)
        if progress.phase is not Phase.DONE:
            return progress
        for service in old:
            if service["desiredCount"] or service["runningCount"]:
                # Whoever stays takes tasks, also where a deployment that was killed had told him not to.
                told = self._tell(name, revision, "uncordon", self._task_ids(new))
                return told or self._empty(name, service)
        return Progress(Phase.DONE)

    def _turn(self, found: Mapping[str, dict[str, Any]], revision: str) -> str | None:
        """Which service is to run the revision: the one that does, or an empty one; None while there is none."""
        at_it = [n for n, s in found.items() if s["taskDefinition"] == revision and s["desiredCount"]]
        if at_it:
            return max(at_it, key=lambda name: int(found[name]["runningCount"]))
        empty = [n for n, s in found.items() if not s["desiredCount"] and not s["runningCount"]]
        return empty[0] if empty else None

    def _empty(self, name: str, service: dict[str, Any]) -> Progress:
        """Bring one of the services to nothing: no new tasks, the last one finished, protection given back."""
        ecs_service = service["serviceName"]
        if not service["desiredCount"]:
            return Progress(_PENDING, f"{ecs_service} ends {service['runningCount']}", Stage.STOPPING)
        # Who is not protected takes no tasks; who starts now is seen, and told, at the next look.
        revision = service["taskDefinition"]
        if protected := self._protected(ecs_service):
            draining = f"{len(protected)} workers of {ecs_service} finish their tasks"
            return self._tell(name, revision, "cordon", protected) or Progress(_PENDING, draining, Stage.DRAINING)
        # Somebody may have lost his protection and not his tasks.
        if told := self._tell(name, revision, "duty", self._task_ids(ecs_service), "--idle"):
            return told
        self._ecs.update_service(cluster=self._layout.cluster, service=ecs_service, desiredCount=0)
        return Progress(_PENDING, f"{ecs_service} ends {service['runningCount']}", Stage.STOPPING)

    def _tell(self, name: str, revision: str, command: str, workers: list[str], *options: str) -> Progress | None:
        """Tell workers something, over the broker; None when all have been told, and have answered as they should.

        Who was told last the same is not told again.
        """
        left = [worker for worker in workers if self._said.get(worker) != command]
        if not left:
            return None
        now = left[:BATCH]
        progress = self._run(command, name, revision, (*CONTROL, command, *options, *now))
        if progress.phase is not Phase.DONE:
            return Progress(progress.phase, progress.detail, Stage.DRAINING)
        self._said.update(dict.fromkeys(now, command))
        return Progress(_PENDING, f"{command}: {len(left) - len(now)} left", Stage.DRAINING) if left[BATCH:] else None

    def _protected(self, ecs_service: str) -> list[str]:
        """The tasks of a service that ECS does not stop."""
        tasks = self._task_ids(ecs_service)
        found = [
            entry
            for start in range(0, len(tasks), 10)  # ECS takes ten at a time
            for entry in self._ecs.get_task_protection(cluster=self._layout.cluster, tasks=tasks[start : start + 10])[
                "protectedTasks"
            ]
        ]
        return sorted(str(e["taskArn"]).rpartition("/")[2] for e in found if e["protectionEnabled"])

    def _task_ids(self, ecs_service: str) -> list[str]:
        pages = self._ecs.get_paginator("list_tasks").paginate(cluster=self._layout.cluster, serviceName=ecs_service)
        return sorted(arn.rpartition("/")[2] for page in pages for arn in page["taskArns"])

    # One-offs

    def _once(self, name: str, image: str) -> Progress:
        if name == "migrate":
            waiting = self._snapshot(image)
            if waiting:
                return waiting
        return self._run(name, name, self._revision(name, image), ())

    def _run(self, what: str, name: str, revision: str, command: tuple[str, ...]) -> Progress:
        """Run a task of the service ``name`` to its end, once in the life of this object; ``what`` is for people.

        One that runs already is waited for. All that is run so may be run twice: another deployment, or this one after
        a kill, does.
        """
        key = (revision, *command)
        mark = "tradewind-" + hashlib.sha256("\0".join(key).encode()).hexdigest()[:20]
        if key not in self._tasks:
            found = self._ecs.list_tasks(cluster=self._layout.cluster, startedBy=mark, desiredStatus="RUNNING")[
                "taskArns"
            ]
            self._tasks[key] = found[0] if found else self._start(name, revision, command, mark)
        (task,) = self._ecs.describe_tasks(cluster=self._layout.cluster, tasks=[self._tasks[key]])["tasks"]
        if task["lastStatus"] != "STOPPED":
            return Progress(_PENDING, f"{what}: {task['lastStatus'].lower()}")
        code = task["containers"][0].get("exitCode")
        asked = command[: len(CONTROL)] == CONTROL
        if asked or code != 0:
            del self._tasks[key]  # it may have to be asked, or tried, again
        if code == 0:
            return Progress(Phase.DONE)
        if asked and code is not None:
            return Progress(_PENDING, f"{what}: not every worker answered as it should; asked again")
        reason = task.get("stoppedReason", "")
        return Progress(Phase.FAILED, f"{what} ended with {code}: {reason}; its log group: {self._log_group(revision)}")

    def _start(self, name: str, revision: str, command: tuple[str, ...], mark: str) -> str:
        overrides = {"containerOverrides": [{"name": name, "command": list(command)}]} if command else {}
        answer = self._ecs.run_task(
            cluster=self._layout.cluster,
            taskDefinition=revision,
            launchType="FARGATE",
            startedBy=mark,
            overrides=overrides,
            networkConfiguration={
                "awsvpcConfiguration": {
                    "subnets": list(self._layout.subnets),
                    "securityGroups": [self._layout.security_groups[name]],
                    "assignPublicIp": "DISABLED",
                }
            },
        )
        return str(answer["tasks"][0]["taskArn"])

    def _snapshot(self, image: str) -> Progress | None:
        """A snapshot of the database before another Airflow migrates it; None when there is one, or none is needed."""
        running = set().union(
            *(
                images
                for name, images in self.running().items()
                if self._services[name].component is Component.SCHEDULER
            )
        )
        if not running or running == {image}:
            return None
        mark = hashlib.sha256(f"{sorted(running)} {image}".encode()).hexdigest()[:12]
        name = f"{self._layout.database}-before-{mark}"
        try:
            (found,) = self._rds.describe_db_snapshots(DBSnapshotIdentifier=name)["DBSnapshots"]
        except self._rds.exceptions.DBSnapshotNotFoundFault:
            self._rds.create_db_snapshot(DBSnapshotIdentifier=name, DBInstanceIdentifier=self._layout.database)
            return Progress(_PENDING, f"snapshot {name} begins")
        if found["Status"] == "available":
            return None
        if found["Status"] == "creating":
            return Progress(_PENDING, f"snapshot {name}: {found.get('PercentProgress', 0)} %")
        return Progress(Phase.FAILED, f"the snapshot {name} is {found['Status']}")

    # Revisions

    def _revision(self, name: str, image: str) -> str:
        """The revision of a service for an image, registered where there is none of this template yet."""
        if (name, image) not in self._revisions:
            template = self._layout.templates[name]
            family = template.rpartition("/")[2].rpartition(":")[0]
            wanted = {IMAGE_TAG: _tag(image), TEMPLATE_TAG: _tag(template)}
            self._revisions[name, image] = self._find(family, wanted) or self._register(name, template, image, wanted)
        return self._revisions[name, image]

    def _find(self, family: str, wanted: Mapping[str, str]) -> str | None:
        answer = self._ecs.list_task_definitions(
            familyPrefix=family, status="ACTIVE", sort="DESC", maxResults=REVISIONS
        )
        for arn in answer["taskDefinitionArns"]:
            tags = self._ecs.list_tags_for_resource(resourceArn=arn)["tags"]
            if wanted.items() <= {tag["key"]: tag["value"] for tag in tags}.items():
                return str(arn)
        return None

    def _register(self, name: str, template: str, image: str, tags: Mapping[str, str]) -> str:
        found = self._ecs.describe_task_definition(taskDefinition=template, include=["TAGS"])
        definition = {key: value for key, value in found["taskDefinition"].items() if key not in _NOT_REGISTERED}
        for container in definition["containerDefinitions"]:
            if container["name"] == name:
                container["image"] = image
        kept = {tag["key"]: tag["value"] for tag in found.get("tags", [])}
        definition["tags"] = [{"key": key, "value": value} for key, value in {**kept, **tags}.items()]
        return str(self._ecs.register_task_definition(**definition)["taskDefinition"]["taskDefinitionArn"])

    def _image(self, name: str, revision: str) -> str:
        if revision not in self._images:  # a revision never changes
            definition = self._ecs.describe_task_definition(taskDefinition=revision)["taskDefinition"]
            self._images[revision] = next(c["image"] for c in definition["containerDefinitions"] if c["name"] == name)
        return self._images[revision]

    def _describe(self, names: tuple[str, ...]) -> list[dict[str, Any]]:
        answer = self._ecs.describe_services(cluster=self._layout.cluster, services=list(names))
        found = {service["serviceName"]: service for service in answer["services"]}
        return [found[name] for name in names]

    def _log_group(self, revision: str) -> str:
        definition = self._ecs.describe_task_definition(taskDefinition=revision)["taskDefinition"]
        options = definition["containerDefinitions"][0].get("logConfiguration", {}).get("options", {})
        return str(options.get("awslogs-group", "none"))

    def _last_words(self, ecs_service: str) -> str:
        arns = self._ecs.list_tasks(
            cluster=self._layout.cluster, serviceName=ecs_service, desiredStatus="STOPPED", maxResults=1
        )["taskArns"]
        if not arns:
            return ""
        (task,) = self._ecs.describe_tasks(cluster=self._layout.cluster, tasks=arns)["tasks"]
        return f"; a task ended: {task.get('stoppedReason', '')}"


def _tag(text: str) -> str:
    """What ECS takes as the value of a tag: at most 256 characters, and not all kinds of them."""
    return hashlib.sha256(text.encode()).hexdigest()
