"""How long a connection to the broker waits: Celery's ``broker_transport_options`` for Redis; and whether it works."""

from __future__ import annotations

from collections.abc import Mapping

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


def check(url: str) -> None:
    """Have the broker at this URL take a message, which it forgets soon.

    Raises an error of kombu's or of the Redis client's where it does not: since it is away, was demoted, or is full.
    """
    from kombu.connection import Connection

    with Connection(url, transport_options=dict(LIMITS)) as connection:  # type: ignore[no-untyped-call]
        connection.default_channel.client.set("tradewind.check", "1", ex=CHECK_S)
