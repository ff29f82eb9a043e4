"""Celery's results in the broker, as Airflow uses them: written once by the worker, polled by the scheduler."""

from __future__ import annotations

from typing import Any

from celery.backends.redis import RedisBackend

from tradewind.runtime.tasks.pause import Pause


class PolledResults(RedisBackend):  # type: ignore[misc]  # celery has no types
    """Celery's Redis backend for a reader that polls instead of subscribing.

    Celery's own backend subscribes the sender to a channel for each task and keeps the names forever, because it
    expects that the sender waits for the result. Airflow's scheduler never waits. Its memory, and that of the broker,
    would grow with each task.
    """

    connection_errors: tuple[type[Exception], ...]
    channel_errors: tuple[type[Exception], ...]

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        # A broker that was demoted, or is full, refuses commands: that is temporary, too.
        self.connection_errors = (*self.connection_errors, *self.channel_errors)
        self._pause = Pause()

    def on_task_call(self, producer: Any, task_id: str) -> None:
        """Do not subscribe: the scheduler polls."""

    def get(self, key: str) -> bytes | None:
        """Return one result, as ``mget``. A worker reads before it writes, and writes until the broker takes it."""
        return self.mget([key])[0]

    def mget(self, keys: list[str]) -> list[bytes | None]:
        """Return the results of ``keys``. A result is None if it does not exist yet, or the broker is unavailable.

        The scheduler asks again in the next iteration of its loop. An error would cancel the rest of the current
        iteration, or end the scheduler: it also asks when it adopts the tasks of another scheduler.
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
