"""Limits for connections to the broker (time, retries), and a check of the broker."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

TIMEOUT_S = 5.0
"""Seconds to wait for a response. A connection that was cut silently never gets one."""
CHECK_S = 10
"""Seconds between two health checks. An idle worker notices a silent broker after at most twice this time and a
second."""

LIMITS: Mapping[str, float | bool] = {
    "socket_timeout": TIMEOUT_S,
    "socket_connect_timeout": TIMEOUT_S,
    "socket_keepalive": True,
    "health_check_interval": CHECK_S,
}
"""Celery's ``broker_transport_options`` for Redis."""
RETRIES = 1
"""A connection may have ended while it was idle, so a new one is tried. If that fails, the broker is unavailable."""


def limit_retries(app: Any) -> None:
    """Make a Celery app raise an error if the broker is unavailable, for everything that it sends.

    Celery sends its own messages without a limit of tries: the worker events for Flower, and the replies to commands.
    In a worker's loop, such a message blocks the loop for as long as the broker is silent. If a broker refuses writes,
    Celery retries without a pause.
    """
    from kombu.connection import Connection

    class Impatient(Connection):
        def ensure(self, *what: Any, max_retries: int | None = None, **more: Any) -> Any:
            tries = RETRIES if max_retries is None else max_retries
            return super().ensure(*what, **more, max_retries=tries)  # type: ignore[misc, no-untyped-call]

    app.amqp.Connection = Impatient


def check(url: str) -> None:
    """Send the broker at this URL a message that expires soon.

    Raises an error of kombu or of the Redis client if the broker does not take it: it is unavailable, was demoted, or
    is full.
    """
    from kombu.connection import Connection

    with Connection(url, transport_options=dict(LIMITS)) as connection:  # type: ignore[no-untyped-call]
        connection.default_channel.client.set("tradewind.check", "1", ex=CHECK_S)
