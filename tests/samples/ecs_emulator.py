"""An emulator of ECS, from its documentation, for features that moto lacks: services start, replace and stop tasks.

The clients are real clients of boto3, so botocore validates the requests, and the emulator validates its responses
against botocore's model. Task definitions, snapshots and scaling targets are moto's. ``tick`` advances the time. ECS
stops any task without scale-in protection; the emulator always stops the busiest one.

If the health check of a task's container fails, ECS starts a new task. When the new task is healthy, ECS stops the old
one, protected or not. https://docs.aws.amazon.com/AmazonECS/latest/developerguide/healthcheck.html
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import boto3
from botocore.exceptions import ClientError
from botocore.validate import ParamValidator

CLUSTER = "acme-dev"
TICK_S = 10.0
STARTS_AFTER = 2
"""Ticks until a task is healthy."""
LINGERS = 2
"""Ticks from the end of a task's program until ECS calls the task stopped."""
BREAKER = 3
"""Failed tasks after which the circuit breaker gives up (ECS: at least 3)."""
MAX_DEPLOYMENTS = 5
SLOTS = 2


@dataclass
class Task:
    arn: str
    revision: str
    service: str = ""
    started_by: str = ""
    command: tuple[str, ...] = ()
    made: int = 0
    age: int = 0
    protected: bool = False
    cordoned: bool = False
    work: list[int] = field(default_factory=list)
    exit_code: int | None = None
    ended: int | None = None
    stopped: bool = False
    unwell: bool = False
    ill: bool = False

    @property
    def id(self) -> str:
        return self.arn.rpartition("/")[2]

    @property
    def healthy(self) -> bool:
        return self.age >= STARTS_AFTER and not (self.stopped or self.unwell or self.ill)


@dataclass
class Deployment:
    id: str
    revision: str
    failed: int = 0
    state: str = "IN_PROGRESS"


@dataclass
class Service:
    name: str
    revision: str
    desired: int = 0
    deployments: list[Deployment] = field(default_factory=list)


class Emulator:
    """One cluster. ``broken``: images that end at once. ``exits``: the exit codes of one-shot tasks, by image.

    ``slow``: the ticks that a one-shot task takes longer to begin. ``full``: ECS has no capacity for one-shot tasks.
    ``crowded``: services for which ECS has no capacity. ``deaf``: commands that no worker answers the first time.
    ``unwell``: images that run and never pass their health checks. ``is_ill``: whether the health check of a running
    task has failed as often as its definition allows.
    """

    def __init__(self) -> None:
        self.services: dict[str, Service] = {}
        self.tasks: dict[str, Task] = {}
        self.broken: set[str] = set()
        self.exits: dict[tuple[str, str], int] = {}
        self.ran: list[tuple[str, ...]] = []
        self.ticks = 0
        self.queue: list[int] = []
        self.done = 0
        self.lost = 0
        self.refused = 0
        self.slow: dict[str, int] = {}
        self.full = False
        self.stuck = False
        self.crowded: frozenset[str] = frozenset()
        self.agent_down = False
        self.deaf: list[str] = []
        self.unwell: set[str] = set()
        self.is_ill: Callable[[Task], bool] = lambda task: False
        self.on_call: Callable[[str], None] = lambda operation: None
        self._images: dict[str, str] = {}
        self._numbers = itertools.count(1)
        self._real = boto3.Session(region_name="eu-west-1")
        self._plain = self._real.client("ecs")
        self._clients: dict[str, Any] = {}
        self._plain.create_cluster(clusterName=CLUSTER)
        self._verbs: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "DescribeServices": self._describe_services,
            "UpdateService": self._update_service,
            "ListTasks": self._list_tasks,
            "DescribeTasks": self._describe_tasks,
            "RunTask": self._run_task,
            "GetTaskProtection": self._get_task_protection,
            # A revision and its tags never change, so one call to moto is enough.
            "DescribeTaskDefinition": self._remembered(self._plain.describe_task_definition),
            "ListTagsForResource": self._remembered(self._plain.list_tags_for_resource),
        }

    # The clients for the target

    def client(self, name: str) -> Any:
        if name not in self._clients:
            self._clients[name] = self._made(name)
        return self._clients[name]

    def _made(self, name: str) -> Any:
        made = self._real.client(name)
        if name == "ecs":
            for operation in self._verbs:
                made.meta.events.register(f"before-call.ecs.{operation}", self._answer)
        # No handler runs after the one that answers, so `_answer` also calls `on_call`.
        made.meta.events.register("before-call", lambda model, **_: self.on_call(model.name))
        return made

    def _answer(self, model: Any, params: Any, **_: Any) -> tuple[Any, dict[str, Any]]:
        self.on_call(model.name)
        answer = self._verbs[model.name](json.loads(params["body"]))
        report = ParamValidator().validate(answer, model.output_shape)
        assert not report.has_errors(), report.generate_report()
        return SimpleNamespace(status_code=200), answer

    def add(self, name: str, revision: str) -> None:
        """Add a service as Terraform creates it: with a template, and without tasks."""
        service = Service(name, revision)
        service.deployments = [Deployment(self._id("ecs-svc/"), revision, state="COMPLETED")]
        self.services[name] = service
        self._plain.create_service(cluster=CLUSTER, serviceName=name, taskDefinition=revision, desiredCount=0)

    # The operations

    def _remembered(self, ask: Callable[..., dict[str, Any]]) -> Callable[[dict[str, Any]], dict[str, Any]]:
        known: dict[str, dict[str, Any]] = {}

        def answer(request: dict[str, Any]) -> dict[str, Any]:
            key = json.dumps(request, sort_keys=True)
            if key not in known:
                known[key] = {name: value for name, value in ask(**request).items() if name != "ResponseMetadata"}
            return deepcopy(known[key])

        return answer

    def _describe_services(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"services": [self._service(self.services[name]) for name in request["services"]], "failures": []}

    def _update_service(self, request: dict[str, Any]) -> dict[str, Any]:
        service = self.services[request["service"]]
        revision, primary = request.get("taskDefinition", service.revision), service.deployments[0]
        if revision != service.revision or request.get("forceNewDeployment"):
            unfinished = [d for d in service.deployments if d.state == "IN_PROGRESS"]
            if len(unfinished) >= MAX_DEPLOYMENTS:
                raise _error("InvalidParameterException", "too many active deployments", "UpdateService")
            service.deployments.insert(0, Deployment(self._id("ecs-svc/"), revision))
            service.revision = revision
        elif request.get("desiredCount", service.desired) != service.desired and primary.state != "FAILED":
            # A deployment that the circuit breaker has ended starts no more tasks, whatever the desired count.
            primary.state = "IN_PROGRESS"
        service.desired = request.get("desiredCount", service.desired)
        return {"service": self._service(service)}

    def _list_tasks(self, request: dict[str, Any]) -> dict[str, Any]:
        stopped = request.get("desiredStatus") == "STOPPED"
        found = [
            task.arn
            for task in self.tasks.values()
            if task.stopped == stopped
            and request.get("serviceName", task.service) == task.service
            and request.get("startedBy", task.started_by) == task.started_by
        ]
        return {"taskArns": found[: request.get("maxResults", 100)]}

    def _describe_tasks(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"tasks": [self._shown(self._task(name)) for name in request["tasks"]], "failures": []}

    def _run_task(self, request: dict[str, Any]) -> dict[str, Any]:
        if self.full:
            return {"tasks": [], "failures": [{"reason": "RESOURCE:ENI"}]}
        overrides = request.get("overrides", {}).get("containerOverrides") or [{}]
        command = tuple(overrides[0].get("command", ()))
        task = Task(
            self._arn(), request["taskDefinition"], started_by=request["startedBy"], command=command, made=self.ticks
        )
        self.tasks[task.arn] = task
        return {"tasks": [self._shown(task)], "failures": []}

    def _get_task_protection(self, request: dict[str, Any]) -> dict[str, Any]:
        assert len(request["tasks"]) <= 10
        found = [self._task(name) for name in request["tasks"]]
        return {"protectedTasks": [{"taskArn": t.arn, "protectionEnabled": t.protected} for t in found], "failures": []}

    # The work of ECS and of the workers in one tick

    def now(self) -> float:
        """The time of the emulator, in Unix seconds."""
        return self.ticks * TICK_S

    def tick(self) -> None:
        self.ticks += 1
        for task in self._alive():
            task.age += 1
            self._one_off(task)
        for service in self.services.values():
            self._work(service)
            self._schedule(service)

    def _one_off(self, task: Task) -> None:
        if task.service:
            return
        if task.ended is not None:
            task.stopped = task.age >= task.ended + LINGERS
            return
        family = task.revision.rpartition("/")[2].rpartition(":")[0]
        what = task.command[-1] if task.command else family
        if task.age < STARTS_AFTER + self.slow.get(what, 0):
            return
        self.ran.append((what, self.image(task.revision)))
        task.exit_code = self.exits.get((what, self.image(task.revision)), 0)
        task.ended = task.age

    def _work(self, service: Service) -> None:
        """Workers take tasks only while they are protected, and are protected only while they are needed."""
        for task in self._alive(service.name):
            if "worker" not in service.name or not task.healthy:
                continue
            task.work = [left - 1 for left in task.work if left > 1] + [0] * sum(1 for left in task.work if left <= 1)
            self.done += task.work.count(0)
            task.work = [left for left in task.work if left]
            if task.cordoned and not task.work:
                task.protected = False
            elif not task.protected and not self.agent_down:
                enough = sum(other.protected for other in self._alive(service.name)) >= service.desired
                self.refused += enough  # DEPLOYMENT_BLOCKED
                task.protected = not enough
            while task.protected and not task.cordoned and len(task.work) < SLOTS and self.queue:
                task.work.append(self.queue.pop(0))

    def _schedule(self, service: Service) -> None:
        primary = service.deployments[0]
        for task in self._alive(service.name):
            if self.image(task.revision) in self.broken and task.age:
                self._stop(task, 1)
                if task.revision == primary.revision:
                    primary.failed += 1
        if primary.failed >= BREAKER and primary.state == "IN_PROGRESS":
            primary.state = "FAILED"
        for task in self._alive(service.name):
            task.ill = task.ill or self.is_ill(task)
        mine = [task for task in self._alive(service.name) if task.revision == primary.revision and not task.ill]
        if not self.stuck and service.name not in self.crowded and primary.state != "FAILED":
            for _ in range(service.desired - len(mine)):
                unwell = self.image(primary.revision) in self.unwell
                task = Task(self._arn(), primary.revision, service.name, unwell=unwell, made=self.ticks)
                self.tasks[task.arn] = task
        others = [task for task in self._alive(service.name) if task.revision != primary.revision]
        ready = sum(task.healthy for task in mine)
        if primary.state != "FAILED":
            if ready >= service.desired:
                for task in [task for task in self._alive(service.name) if task.ill]:
                    self._stop(task, 137)
            # At least `desired` stay healthy (minimum 100 %).
            self._stop_free(others, ready + sum(t.healthy for t in others) - service.desired)
        self._stop_free(mine, len(mine) - service.desired)
        alive = self._alive(service.name)
        if (
            ready == service.desired
            and all(task.revision == primary.revision for task in alive)
            and len(alive) == ready
        ):
            primary.state = "COMPLETED"
            service.deployments = [primary]

    def _stop_free(self, tasks: list[Task], count: int) -> None:
        free = sorted((task for task in tasks if not task.protected), key=lambda task: -len(task.work))
        for task in free[: max(0, count)]:
            self._stop(task, 0)

    def _stop(self, task: Task, code: int) -> None:
        self.lost += len(task.work)
        task.work = []
        task.stopped, task.protected, task.exit_code = True, False, code

    # Responses

    def image(self, revision: str) -> str:
        if revision not in self._images:  # a revision never changes
            definition = self._plain.describe_task_definition(taskDefinition=revision)["taskDefinition"]
            self._images[revision] = definition["containerDefinitions"][0]["image"]
        return self._images[revision]

    def _service(self, service: Service) -> dict[str, Any]:
        def running(revision: str | None = None) -> int:
            return sum(t.healthy and revision in {None, t.revision} for t in self._alive(service.name))

        deployments = [
            {
                "id": deployment.id,
                "status": "PRIMARY" if number == 0 else "ACTIVE",
                "taskDefinition": deployment.revision,
                "desiredCount": service.desired if number == 0 else 0,
                "runningCount": running(deployment.revision),
                "failedTasks": deployment.failed,
                "rolloutState": deployment.state,
                "rolloutStateReason": "tasks failed to start" if deployment.state == "FAILED" else "",
            }
            for number, deployment in enumerate(service.deployments)
        ]
        return {
            "serviceName": service.name,
            "taskDefinition": service.revision,
            "desiredCount": service.desired,
            "runningCount": running(),
            "deployments": deployments,
        }

    def _shown(self, task: Task) -> dict[str, Any]:
        container = {"name": "it", **({} if task.exit_code is None else {"exitCode": task.exit_code})}
        return {
            "taskArn": task.arn,
            "taskDefinitionArn": task.revision,
            "createdAt": datetime.fromtimestamp(task.made * TICK_S, UTC),
            "lastStatus": "STOPPED" if task.stopped else "RUNNING" if task.age else "PROVISIONING",
            "healthStatus": "HEALTHY" if task.healthy else "UNKNOWN",
            "containers": [container],
            **({"stoppedReason": "Essential container in task exited"} if task.stopped else {}),
        }

    def _task(self, name: str) -> Task:
        return next(task for task in self.tasks.values() if name in {task.arn, task.id})

    def _alive(self, service: str | None = None) -> list[Task]:
        return [t for t in self.tasks.values() if not t.stopped and service in {None, t.service}]

    def _arn(self) -> str:
        return f"arn:aws:ecs:eu-west-1:111122223333:task/{CLUSTER}/{next(self._numbers):032x}"

    def _id(self, prefix: str) -> str:
        return f"{prefix}{next(self._numbers)}"


def _error(code: str, message: str, operation: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)
