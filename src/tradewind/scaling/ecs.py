"""Workers on ECS: two services for each class, of which one has workers but while a release replaces them."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from tradewind.errors import TradewindError
from tradewind.scaling.fleet import View, Worker, taking_tasks

PROTECTIONS_AT_ONCE = 10
"""Tasks whose protection ECS tells in one call."""
TASKS_AT_ONCE = 100
"""Tasks that ECS describes in one call."""

Tell = Callable[[str, list[str]], Mapping[str, Any]]
"""Sends workers a command over the broker; the duties of those that answered, by name (``runtime.tasks.cordon``)."""


class Session(Protocol):
    """What is used of a boto3 session."""

    def client(self, name: str) -> Any:
        """A client of an AWS service."""


class EcsFleet:
    """See Fleet. ``services`` are the two ECS services of each class."""

    def __init__(
        self,
        cluster: str,
        services: Mapping[str, tuple[str, ...]],
        session: Session,
        tell: Tell,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._cluster = cluster
        self._services = services
        self._ecs = session.client("ecs")
        self._tell = tell
        self._clock = clock
        self._staying: dict[str, str] = {}

    def look(self, service: str, *, closely: bool) -> View:
        """See Fleet."""
        self._staying.pop(service, None)
        found = self._describe(service)
        active = [s for s in found if s["desiredCount"] or s["runningCount"]]
        several = len(active) > 1
        if not active or not closely:
            return View(max((s["desiredCount"] for s in active), default=0), turning=several)
        try:
            names = {s["serviceName"]: task_ids(self._ecs, self._cluster, s["serviceName"]) for s in active}
            everybody = sorted(name for found in names.values() for name in found)
            ours = [] if several else everybody  # of several, nobody goes
            safe, since = protected(self._ecs, self._cluster, ours), self._since(ours)
        except (BotoCoreError, ClientError) as error:
            raise _unseen(service, error) from None
        duties = self._tell("duty", everybody) if everybody else {}
        if several:
            staying = taking_tasks(names, duties)
            if staying is None:
                return View(max(s["desiredCount"] for s in active), turning=True)
            self._staying[service] = staying
            return View(next(s["desiredCount"] for s in active if s["serviceName"] == staying), relieved=True)
        now = self._clock()
        workers = (
            Worker(name, duty.get("cordoned"), duty.get("tasks"), name in safe, now - since.get(name, now))
            for name in everybody
            for duty in [duties.get(name, {})]
        )
        return View(active[0]["desiredCount"], tuple(workers))

    def silent(self, service: str) -> Collection[str]:
        """See Fleet."""
        try:
            names = [name for s in self._services[service] for name in task_ids(self._ecs, self._cluster, s)]
        except (BotoCoreError, ClientError) as error:
            raise _unseen(service, error) from None
        return set(names) - set(self._tell("duty", names)) if names else set()

    def uncordon(self, service: str, names: Collection[str]) -> None:
        """See Fleet."""
        self._tell("uncordon", list(names))

    def cordon(self, service: str, names: Collection[str]) -> None:
        """See Fleet."""
        self._tell("cordon", list(names))

    def keep(self, service: str, count: int, leaving: Collection[str]) -> None:
        """See Fleet. ECS chooses who goes among those that are not protected, and has been seen to have no others."""
        found = self._describe(service)
        active = [s for s in found if s["desiredCount"] or s["runningCount"]]
        # Where nobody runs, a release has brought both to the same revision.
        name = (active or found)[0]["serviceName"]
        if len(active) > 1:
            name = self._staying.get(service)
            if name not in {s["serviceName"] for s in active}:
                raise TradewindError(f"the number of {service} cannot be changed", "a release replaces these workers")
        try:
            self._ecs.update_service(cluster=self._cluster, service=name, desiredCount=count)
        except (BotoCoreError, ClientError) as error:
            raise _unseen(service, error) from None

    def _since(self, tasks: list[str]) -> dict[str, float]:
        """When these tasks were made, in Unix time."""
        return {
            str(task["taskArn"]).rpartition("/")[2]: task["createdAt"].timestamp()
            for start in range(0, len(tasks), TASKS_AT_ONCE)
            for task in self._ecs.describe_tasks(cluster=self._cluster, tasks=tasks[start : start + TASKS_AT_ONCE])[
                "tasks"
            ]
        }

    def _describe(self, service: str) -> list[dict[str, Any]]:
        try:
            answer = self._ecs.describe_services(cluster=self._cluster, services=list(self._services[service]))
        except (BotoCoreError, ClientError) as error:
            raise _unseen(service, error) from None
        return list(answer["services"])


def task_ids(ecs: Any, cluster: str, ecs_service: str) -> list[str]:
    """The tasks of an ECS service that have not ended."""
    pages = ecs.get_paginator("list_tasks").paginate(cluster=cluster, serviceName=ecs_service)
    return sorted(arn.rpartition("/")[2] for page in pages for arn in page["taskArns"])


def protected(ecs: Any, cluster: str, tasks: list[str]) -> set[str]:
    """Those of these tasks that ECS does not stop."""
    found = [
        entry
        for start in range(0, len(tasks), PROTECTIONS_AT_ONCE)
        for entry in ecs.get_task_protection(cluster=cluster, tasks=tasks[start : start + PROTECTIONS_AT_ONCE])[
            "protectedTasks"
        ]
    ]
    return {str(e["taskArn"]).rpartition("/")[2] for e in found if e["protectionEnabled"]}


def _unseen(service: str, error: Exception) -> TradewindError:
    return TradewindError(f"ECS does not answer about {service}", str(error))
