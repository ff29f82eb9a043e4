"""Commands over the broker that a worker understands besides Celery's own. The worker imports this before it starts.

From its reply on, a cordoned worker takes no more tasks; it finishes the tasks that it has taken. It stays up: on ECS,
a worker that ends on its own would be replaced.
"""

from __future__ import annotations

from typing import Any

from celery.worker import state as worker
from celery.worker.control import control_command, inspect_command

OPERATOR = "a command cordoned it"
UNPROTECTED = "ECS may stop this task"

_reasons: set[str] = set()
"""Why this worker takes no tasks; empty while it takes tasks."""

_taken: list[str] = []
"""The queues from which this worker took tasks before."""


def hold(consumer: Any, reason: str) -> None:
    """Take no tasks while this reason exists. Also applies after a reconnection to the broker."""
    _reasons.add(reason)
    for queue in list(consumer.app.amqp.queues.consume_from):
        _taken.append(queue)
        consumer.cancel_task_queue(queue)


def let_go(consumer: Any, reason: str) -> None:
    """Remove this reason, and take tasks again unless there is another reason."""
    _reasons.discard(reason)
    queues = consumer.app.amqp.queues
    while _taken and not _reasons:
        # Celery cancels a queue permanently, and adds a queue only to its current connection (celery/celery#7733).
        # Without this line, a worker that was ever held would take no tasks after the next outage of the broker.
        queues.select({*queues.consume_from, _taken[-1]})
        consumer.add_task_queue(_taken[-1])
        _taken.pop()


def is_held(reason: str) -> bool:
    """Return whether this worker takes no tasks for this reason."""
    return reason in _reasons


def is_cordoned() -> bool:
    """Return whether a command cordoned this worker."""
    return is_held(OPERATOR)


def tasks() -> int:
    """Count the tasks that this worker has taken and not finished.

    When the broker comes back, Celery forgets its reserved tasks. Running tasks are still active.
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
    """Report whether this worker is cordoned, why it takes no tasks, and how many it has taken and not finished."""
    return _duty()
