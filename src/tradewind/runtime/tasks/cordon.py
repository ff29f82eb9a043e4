"""Commands over the broker that a worker understands besides Celery's own. Imported by the worker before it starts.

A cordoned worker takes no task any more, from the moment it answers; what it has taken it finishes. It stays up: on
ECS a worker that ends by itself would be replaced.
"""

from __future__ import annotations

from typing import Any

from celery.worker import state as worker
from celery.worker.control import control_command, inspect_command

OPERATOR = "somebody said so"
UNPROTECTED = "ECS may stop this task"

_reasons: set[str] = set()
"""Why this worker takes no tasks; empty where it takes them."""

_taken: list[str] = []
"""The queues that it took tasks from before."""


def hold(consumer: Any, reason: str) -> None:
    """Take no tasks while there is this reason. Holds through a reconnection to the broker, too."""
    _reasons.add(reason)
    for queue in list(consumer.app.amqp.queues.consume_from):
        _taken.append(queue)
        consumer.cancel_task_queue(queue)


def let_go(consumer: Any, reason: str) -> None:
    """This reason is gone; take tasks again, unless there is another one."""
    _reasons.discard(reason)
    queues = consumer.app.amqp.queues
    while _taken and not _reasons:
        # Celery cancels a queue for good and adds it only to the connection that it has (celery/celery#7733): without
        # this, a worker that was ever held would take nothing any more once the broker has come back.
        queues.select({*queues.consume_from, _taken[-1]})
        consumer.add_task_queue(_taken[-1])
        _taken.pop()


def is_held(reason: str) -> bool:
    """Whether this worker takes no tasks for this reason."""
    return reason in _reasons


def is_cordoned() -> bool:
    """Whether somebody told this worker to take no tasks."""
    return is_held(OPERATOR)


def tasks() -> int:
    """How many tasks this worker has taken and not finished.

    When the broker comes back, Celery forgets what it had reserved; what runs is still active.
    """
    return len(worker.reserved_requests | worker.active_requests)


def _duty() -> dict[str, Any]:
    return {"cordoned": is_cordoned(), "tasks": tasks(), "holds": sorted(_reasons)}


@control_command()  # type: ignore[untyped-decorator]  # celery has no types
def cordon(state: Any) -> dict[str, Any]:
    """Take no more tasks."""
    hold(state.consumer, OPERATOR)
    return _duty()


@control_command()  # type: ignore[untyped-decorator]
def uncordon(state: Any) -> dict[str, Any]:
    """Take tasks again."""
    let_go(state.consumer, OPERATOR)
    return _duty()


@inspect_command()  # type: ignore[untyped-decorator]
def duty(state: Any) -> dict[str, Any]:
    """Whether this worker is cordoned, why it takes no tasks, and how many it has taken and not finished."""
    return _duty()
