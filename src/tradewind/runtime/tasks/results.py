"""Celery's results in the broker, as Airflow uses them: written once by the worker, polled by the scheduler."""

from __future__ import annotations

from typing import Any

from celery.backends.redis import RedisBackend

from tradewind.runtime.tasks.pause import Pause


class PolledResults(RedisBackend):  # type: ignore[misc]  # celery has no types
    """Celery's Redis backend for a reader that asks instead of listening.

    Celery's own subscribes the sender to a channel per task and keeps the names for ever, because it expects that
    somebody waits for the result. Airflow's scheduler never does: there it is memory that grows with each task, here
    and in the broker.
    """

    connection_errors: tuple[type[Exception], ...]
    channel_errors: tuple[type[Exception], ...]

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        # A broker that was demoted, or is full, refuses what it is told: that passes, too.
        self.connection_errors = (*self.connection_errors, *self.channel_errors)
        self._pause = Pause()

    def on_task_call(self, producer: Any, task_id: str) -> None:
        """Nobody listens."""

    def get(self, key: str) -> bytes | None:
        """As ``mget``. A worker asks before it writes, and writes until the broker takes it."""
        return self.mget([key])[0]

    def mget(self, keys: list[str]) -> list[bytes | None]:
        """The results of ``keys``; None where there is none (yet), which is also the answer while the broker is away.

        The scheduler asks again in its next loop; an error would cost it what else it does in this one, or end it: it
        also asks when it adopts the tasks of another one.
        """
        if self._pause.over:
            try:
                found = list(super().mget(keys))
            except self.connection_errors:
                self._pause.begin()
            else:
                self._pause.end()
                return found
        return [None] * len(keys)
