"""How long a connection to the metadata database waits.

A database that a zone has taken with it says nothing any more. Without limits a connection waits for its answer for a
quarter of an hour (Linux, ``tcp_retries2``), or, where it has nothing to send, for two (``tcp_keepalive_time``).
"""

from __future__ import annotations

import ssl
from typing import Any
from urllib.parse import SplitResult, parse_qs, urlsplit

CONNECT_S = 10
ANSWER_S = 60
"""Longer than any statement of Airflow's services takes. ``migrate`` has no such limit: see ``connections``."""
POLL_S = 2.0
"""Between two looks whether a database that was away is back."""
BACK_S = CONNECT_S + POLL_S + 2 * 5
"""Within this every service has shown that it is back: a try to connect, a pause, two heartbeats of Airflow (5 s)."""
_SILENT_S = 15
_KEEPALIVE = {"keepalives": 1, "keepalives_idle": 10, "keepalives_interval": 3, "keepalives_count": 3}
"""PostgreSQL's driver can tell a machine that is gone from one that is slow. MySQL's cannot: on AWS the kernel does it
(``blueprint.containers.KERNEL``)."""


def waiting(url: str) -> dict[str, Any]:
    """What the driver of a SQLAlchemy URL takes: PyMySQL or psycopg2; nothing for any other."""
    match _dialect(urlsplit(url)):
        case "mysql":
            return {"connect_timeout": CONNECT_S, "read_timeout": ANSWER_S, "write_timeout": ANSWER_S}
        case "postgresql":
            return {"connect_timeout": CONNECT_S, "tcp_user_timeout": _SILENT_S * 1000, **_KEEPALIVE}
    return {}


def asynchronous(url: str) -> dict[str, Any]:
    """What the asynchronous driver takes that Airflow uses for the same URL: aiomysql or asyncpg.

    aiomysql takes the URL's ``ssl_ca`` for a context, and fails at each connection: it needs a real one.
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
