"""Celery's results in the broker, as Airflow uses them: written once by the worker, polled by the scheduler."""

from __future__ import annotations

from typing import Any

from celery.backends.redis import RedisBackend


class PolledResults(RedisBackend):  # type: ignore[misc]  # celery has no types
    """Celery's Redis backend for a reader that asks instead of listening.

    Celery's own subscribes the sender to a channel per task and keeps the names for ever, because it expects that
    somebody waits for the result. Airflow's scheduler never does: there it is memory that grows with each task, here
    and in the broker.
    """

    def on_task_call(self, producer: Any, task_id: str) -> None:
        """Nobody listens."""

    def mget(self, keys: list[str]) -> list[bytes | None]:
        """The results of ``keys``; None where there is none (yet), which is also the answer while the broker is away.

        The scheduler asks again in its next loop; an error would cost it what else it does in this one.
        """
        try:
            return list(super().mget(keys))
        except self.connection_errors:
            return [None] * len(keys)
