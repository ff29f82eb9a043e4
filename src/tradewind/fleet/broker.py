"""How long a connection to the broker waits: Celery's ``broker_transport_options`` for Redis."""

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
