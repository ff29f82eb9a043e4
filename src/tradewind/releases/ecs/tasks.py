"""One-shot tasks on ECS: database users, schema, and the health check with the canary DAG."""

from __future__ import annotations

import hashlib
from typing import Any

from tradewind.releases.ecs.layout import Layout
from tradewind.releases.ecs.revisions import Revisions
from tradewind.releases.target import Progress, Stage, State


class Tasks:
    """Starts one-shot tasks in an environment's network, and reads their state."""

    def __init__(self, layout: Layout, ecs: Any, revisions: Revisions) -> None:
        self._layout = layout
        self._ecs = ecs
        self._revisions = revisions
        self._started: dict[tuple[str, ...], str] = {}

    def forget(self) -> None:
        """Forget the tasks of this release, so that the next release runs them again."""
        self._started.clear()

    def run(self, what: str, name: str, revision: str, command: tuple[str, ...]) -> Progress:
        """Run a task of the service ``name`` to its end, once for each release. ``what`` is its name in messages.

        If the task runs already, wait for it. Every task must be safe to run twice: another deployment may run it, or
        this one after a kill.
        """
        key = (revision, *command)
        mark = "tradewind-" + hashlib.sha256("\0".join(key).encode()).hexdigest()[:20]
        if key not in self._started:
            started = self.running(mark) or self.start(name, revision, command, mark)
            if not started:
                return Progress(State.PENDING, f"{what}: ECS has no room for it", Stage.PREPARING)
            self._started[key] = started
        task = self.look_at(self._started[key])
        if task is None or task["lastStatus"] != "STOPPED":
            state = task["lastStatus"].lower() if task else "requested"
            return Progress(State.PENDING, f"{what}: {state}", Stage.PREPARING)
        code = task["containers"][0].get("exitCode")
        if code == 0:
            return Progress(State.DONE)
        del self._started[key]  # so that it can be tried again
        reason = task.get("stoppedReason", "")
        return Progress(
            State.FAILED,
            f"{what} ended with exit code {code}: {reason}; log group {self._revisions.log_group(revision)}",
        )

    def running(self, mark: str) -> str | None:
        """Return a task that was started with this mark and has not ended."""
        found = self._ecs.list_tasks(cluster=self._layout.cluster, startedBy=mark, desiredStatus="RUNNING")["taskArns"]
        return str(found[0]) if found else None

    def look_at(self, task: str) -> dict[str, Any] | None:
        """Describe a task; None while ECS does not know it yet (its data may be some seconds old)."""
        found = self._ecs.describe_tasks(cluster=self._layout.cluster, tasks=[task])["tasks"]
        return dict(found[0]) if found else None

    def start(self, name: str, revision: str, command: tuple[str, ...], mark: str) -> str | None:
        """Start a task; None if ECS cannot start it now (the reason is in ``failures``)."""
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
        return str(answer["tasks"][0]["taskArn"]) if answer["tasks"] else None
