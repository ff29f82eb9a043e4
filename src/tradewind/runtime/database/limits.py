"""Time limits for connections to the metadata database.

If a zone fails, its database stops responding without closing connections. Without limits a connection waits for a
response for a quarter of an hour (Linux, ``tcp_retries2``). If it has nothing to send, it waits for two hours
(``tcp_keepalive_time``).
"""

from __future__ import annotations

import ssl
from typing import Any
from urllib.parse import SplitResult, parse_qs, urlsplit

CONNECT_S = 10
ANSWER_S = 60
"""Longer than any statement of Airflow's services takes. ``migrate-db`` has no such limit: see ``connections``."""
POLL_S = 2.0
"""Seconds between two checks whether an unavailable database is back."""
BACK_S = CONNECT_S + POLL_S + 2 * 5
"""Within this time after an outage, every service has reported that it works again: an attempt to connect, a pause,
two heartbeats of Airflow (5 s each)."""
_SILENT_S = 15
_KEEPALIVE = {"keepalives": 1, "keepalives_idle": 10, "keepalives_interval": 3, "keepalives_count": 3}
"""PostgreSQL's driver can tell a lost machine from a slow one. MySQL's driver cannot: on AWS the kernel does it
(``blueprint.containers.KERNEL``)."""


def waiting(url: str) -> dict[str, Any]:
    """Return the connection arguments for the driver of a SQLAlchemy URL: PyMySQL or psycopg2. Empty for any other."""
    match _dialect(urlsplit(url)):
        case "mysql":
            return {"connect_timeout": CONNECT_S, "read_timeout": ANSWER_S, "write_timeout": ANSWER_S}
        case "postgresql":
            return {"connect_timeout": CONNECT_S, "tcp_user_timeout": _SILENT_S * 1000, **_KEEPALIVE}
    return {}


def asynchronous(url: str) -> dict[str, Any]:
    """Return the connection arguments for the asynchronous driver of the same URL: aiomysql or asyncpg.

    aiomysql would use the URL's ``ssl_ca`` as a TLS context and fail at each connection, so it gets a real context.
    """
    parts = urlsplit(url)
    match _dialect(parts):
        case "mysql":
            ca = parse_qs(parts.query).get("ssl_ca", [""])[0]
            tls = {"ssl": ssl.create_default_context(cafile=ca)} if ca else {}
            return {"connect_timeout": CONNECT_S, **tls}
        case "postgresql":
            return {"timeout": CONNECT_S, "command_timeout": ANSWER_S}
    return {}


def _dialect(url: SplitResult) -> str:
    return url.scheme.split("+")[0]
