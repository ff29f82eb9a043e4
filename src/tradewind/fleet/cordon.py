"""Commands over the broker that a worker understands besides Celery's own. Imported by the worker before it starts.

A cordoned worker takes no task any more, from the moment it answers; what it has taken it finishes. It stays up: on
ECS a worker that ends by itself would be replaced.
"""

from __future__ import annotations

from typing import Any

from celery.worker import state as worker
from celery.worker.control import control_command, inspect_command

_taken: list[str] = []
"""The queues that this worker took tasks from before it was cordoned; empty where it is not."""


def _duty() -> dict[str, Any]:
    return {"cordoned": bool(_taken), "tasks": len(worker.reserved_requests)}


@control_command()  # type: ignore[untyped-decorator]  # celery has no types
def cordon(state: Any) -> dict[str, Any]:
    """Take no more tasks. Holds through a reconnection to the broker, too."""
    for queue in list(state.consumer.app.amqp.queues.consume_from):
        _taken.append(queue)
        state.consumer.cancel_task_queue(queue)
    return _duty()


@control_command()  # type: ignore[untyped-decorator]
def uncordon(state: Any) -> dict[str, Any]:
    """Take tasks again."""
    while _taken:
        state.consumer.add_task_queue(_taken.pop())
    return _duty()


@inspect_command()  # type: ignore[untyped-decorator]
def duty(state: Any) -> dict[str, Any]:
    """Whether this worker is cordoned, and how many tasks it has taken and not finished."""
    return _duty()
