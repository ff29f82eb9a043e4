"""How long a connection to the broker waits, how often it tries, and whether the broker works."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

TIMEOUT_S = 5.0
"""For an answer. What was cut off without a word never answers."""
CHECK_S = 10
"""A worker that waits for tasks notices after at most twice this, and a second, that the broker is silent."""

LIMITS: Mapping[str, float | bool] = {
    "socket_timeout": TIMEOUT_S,
    "socket_connect_timeout": TIMEOUT_S,
    "socket_keepalive": True,
    "health_check_interval": CHECK_S,
}
"""Celery's ``broker_transport_options`` for Redis."""
RETRIES = 1
"""A connection may have ended while nothing was said; a new one is tried, and then it is the broker that is away."""


def impatient(app: Any) -> None:
    """Have a Celery app raise where the broker is away, in whatever it sends.

    Celery sends its own messages, such as the events that Flower hears of workers by and the answers to commands, with
    no limit of tries. Where it does that in a worker's loop, the loop stands still for as long as the broker is silent;
    and a broker that refuses writes is asked again without a pause.
    """
    from kombu.connection import Connection

    class Impatient(Connection):
        def ensure(self, *what: Any, max_retries: int | None = None, **more: Any) -> Any:
            tries = RETRIES if max_retries is None else max_retries
            return super().ensure(*what, **more, max_retries=tries)  # type: ignore[misc, no-untyped-call]

    app.amqp.Connection = Impatient


def check(url: str) -> None:
    """Have the broker at this URL take a message, which it forgets soon.

    Raises an error of kombu's or of the Redis client's where it does not: since it is away, was demoted, or is full.
    """
    from kombu.connection import Connection

    with Connection(url, transport_options=dict(LIMITS)) as connection:  # type: ignore[no-untyped-call]
        connection.default_channel.client.set("tradewind.check", "1", ex=CHECK_S)
