"""Workers on ECS: each pool has several ECS services. One of them has workers; in a rollout, another replaces it.

When a desired count is lowered, ECS chooses which unprotected tasks it stops. Before that, a close inspection has shown
that all tasks that must stay are protected.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from tradewind.errors import TradewindError
from tradewind.workers.pool import Group, Keep, Pool, Worker

PROTECTIONS_AT_ONCE = 10
"""The most tasks in one call that reads protections."""
TASKS_AT_ONCE = 100
"""The most tasks in one call that describes tasks."""
REGISTERED_TAG = "tradewind:image"
"""Each revision that a rollout has registered has this tag, and no other revision has it."""


class Session(Protocol):
    """The part of a boto3 session that is used here."""

    def client(self, name: str) -> Any:
        """A client of an AWS service."""


class EcsBackend:
    """See Backend. ``services`` are the ECS services of each pool."""

    def __init__(
        self,
        cluster: str,
        services: Mapping[str, tuple[str, ...]],
        session: Session,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._cluster = cluster
        self._services = services
        self._ecs = session.client("ecs")
        self._clock = clock
        self._registered: set[str] = set()

    def look(self, pool: str, *, with_workers: bool) -> Pool:
        """See Backend."""
        try:
            found = self._ecs.describe_services(cluster=self._cluster, services=list(self._services[pool]))["services"]
            there = [s for s in found if s["desiredCount"] or s["runningCount"] or s.get("pendingCount")]
            workers = self._workers([s["serviceName"] for s in there]) if with_workers else {}
        except (BotoCoreError, ClientError) as error:
            raise _unseen(pool, error) from None
        groups = tuple(
            Group(
                s["serviceName"],
                s["taskDefinition"],
                s["desiredCount"],
                workers.get(s["serviceName"], ()),
                self._failure(s) if with_workers else _given_up(s),
            )
            for s in there
        )
        empty = [s for s in found if s not in there]
        revisions = {s["taskDefinition"] for s in there or empty}
        return Pool(
            groups,
            room=empty[0]["serviceName"] if empty else None,
            default=revisions.pop() if len(revisions) == 1 else None,
        )

    def registered(self, pool: str, revision: str) -> bool:
        """See Backend. A revision never changes, and neither do its tags: the controller cannot write them."""
        if revision not in self._registered:
            try:
                tags = self._ecs.list_tags_for_resource(resourceArn=revision)["tags"]
            except (BotoCoreError, ClientError) as error:
                raise _unseen(pool, error) from None
            if REGISTERED_TAG not in {tag["key"] for tag in tags}:
                return False
            self._registered.add(revision)
        return True

    def running(self, pool: str) -> Collection[str]:
        """See Backend."""
        try:
            return [name for s in self._services[pool] for name in task_ids(self._ecs, self._cluster, s)]
        except (BotoCoreError, ClientError) as error:
            raise _unseen(pool, error) from None

    def keep(self, pool: str, wanted: Keep) -> None:
        """See Backend."""
        try:
            self._ecs.update_service(
                cluster=self._cluster,
                service=wanted.group,
                taskDefinition=wanted.revision,
                desiredCount=wanted.count,
                forceNewDeployment=wanted.again,
            )
        except (BotoCoreError, ClientError) as error:
            raise _unseen(pool, error) from None

    def _workers(self, services: Collection[str]) -> dict[str, tuple[Worker, ...]]:
        names = {service: task_ids(self._ecs, self._cluster, service) for service in services}
        everybody = [name for found in names.values() for name in found]
        if not everybody:
            return {}
        safe, tasks = self._protected(everybody), self._described(everybody)
        now = self._clock()

        def worker(name: str) -> Worker:
            task = tasks.get(name, {})
            made = task["createdAt"].timestamp() if "createdAt" in task else now
            healthy = task.get("healthStatus") == "HEALTHY"
            return Worker(name, protected=name in safe, age_s=now - made, healthy=healthy)

        return {service: tuple(map(worker, found)) for service, found in names.items()}

    def _described(self, tasks: list[str]) -> dict[str, Mapping[str, Any]]:
        found = [
            task
            for some in _batches(tasks, TASKS_AT_ONCE)
            for task in self._ecs.describe_tasks(cluster=self._cluster, tasks=some)["tasks"]
        ]
        return {_id(task): task for task in found}

    def _protected(self, tasks: list[str]) -> set[str]:
        """The tasks that are protected from being stopped."""
        found = [
            entry
            for some in _batches(tasks, PROTECTIONS_AT_ONCE)
            for entry in self._ecs.get_task_protection(cluster=self._cluster, tasks=some)["protectedTasks"]
        ]
        return {_id(entry) for entry in found if entry["protectionEnabled"]}

    def _failure(self, service: Mapping[str, Any]) -> str:
        """Why ECS has given up starting tasks of a service, with the end of the last one. Empty: it has not."""
        why = _given_up(service)
        if not why:
            return ""
        arns = self._ecs.list_tasks(
            cluster=self._cluster, serviceName=service["serviceName"], desiredStatus="STOPPED", maxResults=1
        )["taskArns"]
        last = self._described([_id({"taskArn": arn}) for arn in arns]) if arns else {}
        return why + "".join(f"; a task ended: {task.get('stoppedReason', '')}" for task in last.values())


def task_ids(ecs: Any, cluster: str, ecs_service: str) -> list[str]:
    """The tasks of an ECS service that have not ended."""
    pages = ecs.get_paginator("list_tasks").paginate(cluster=cluster, serviceName=ecs_service)
    return sorted(_id({"taskArn": arn}) for page in pages for arn in page["taskArns"])


def _given_up(service: Mapping[str, Any]) -> str:
    primary = next(d for d in service["deployments"] if d["status"] == "PRIMARY")
    if primary.get("rolloutState") != "FAILED":
        return ""
    return f"{service['serviceName']}: {primary.get('rolloutStateReason') or 'its deployment failed'}"


def _batches(names: list[str], size: int) -> Iterable[list[str]]:
    return (names[start : start + size] for start in range(0, len(names), size))


def _id(task: Mapping[str, Any]) -> str:
    return str(task["taskArn"]).rpartition("/")[2]


def _unseen(pool: str, error: Exception) -> TradewindError:
    return TradewindError(f"the call to ECS for {pool} failed", str(error))
