"""Celery's consumer for a broker that can be unavailable: it reconnects often, and reports that it is alive."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import partial
from typing import Any

RETRY_S = 3.0
"""The longest pause between two attempts to reach the broker: Celery's own pauses grow to half a minute."""
TURN_S = 5.0
"""Seconds between two signs of life while the broker is connected."""


def consumer(on_iteration: Callable[[], None]) -> type[Any]:
    """Return a consumer class that calls ``on_iteration`` whenever it tries to connect to the broker or loses it."""
    from celery.worker.consumer import consumer as celery

    celery.logger.addFilter(_in_one_line)

    class Consumer(celery.Consumer):  # type: ignore[misc]  # celery has no types
        _connected_at = -RETRY_S

        def ensure_connected(self, conn: Any) -> Any:
            """Wait for the broker without a time limit."""
            real = partial(conn.ensure_connection, interval_start=1, interval_step=1, interval_max=RETRY_S)

            def ensure(errback: Callable[[Exception, float], Any], *arguments: Any, **options: Any) -> Any:
                def told(error: Exception, interval: float) -> Any:
                    on_iteration()
                    return errback(error, interval)

                return real(told, *arguments, **options)

            on_iteration()
            conn.ensure_connection = ensure
            found = super().ensure_connected(conn)
            self._connected_at = time.monotonic()
            return found

        def on_connection_error_after_connected(self, exc: Exception) -> None:
            """Pause if the connection is new: a broker that was demoted accepts it and refuses the next command."""
            on_iteration()
            super().on_connection_error_after_connected(exc)
            time.sleep(max(0.0, self._connected_at + RETRY_S - time.monotonic()))

    return Consumer


def turn_step(on_iteration: Callable[[], None]) -> type[Any]:
    """Return a consumer step that calls ``on_iteration`` every TURN_S seconds while the broker is connected.

    Celery starts the step at each connection and stops it when the connection is lost.
    """
    from celery import bootsteps

    class Turns(bootsteps.StartStopStep):  # type: ignore[misc]  # celery has no types
        requires = ("celery.worker.consumer.tasks:Tasks",)

        def start(self, consumer: Any) -> None:
            on_iteration()
            self.timer = consumer.timer.call_repeatedly(TURN_S, on_iteration)

        def stop(self, consumer: Any) -> None:
            if timer := getattr(self, "timer", None):
                timer.cancel()

    return Turns


def _in_one_line(record: logging.LogRecord) -> bool:
    """Replace the 60-line traceback of a lost broker with its reason: every worker logs it every few seconds."""
    if record.exc_info and "Connection to broker lost" in record.getMessage():
        record.msg, record.args = f"{record.getMessage()} ({record.exc_info[1]!r})", ()
        record.exc_info = None
    return True
