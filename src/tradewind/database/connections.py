"""How long a connection to the metadata database waits (``[database] sql_alchemy_connect_args`` and ``…_async``).

A database that a zone has taken with it says nothing any more. Without limits a connection waits for its answer for a
quarter of an hour (Linux, ``tcp_retries2``), or, where it has nothing to send, for two (``tcp_keepalive_time``).
"""

from __future__ import annotations

import ssl
from typing import Any
from urllib.parse import parse_qs, urlsplit

from airflow.configuration import conf

CONNECT_S = 10
ANSWER_S = 60
"""Longer than any statement of Airflow's services takes. ``migrate`` has no such limit: see PATIENT."""
_KEEPALIVE = {"keepalives": 1, "keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}


def arguments(url: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the drivers of a SQLAlchemy URL take: the one that waits, and the asynchronous one that Airflow derives.

    MySQL: PyMySQL and aiomysql; PostgreSQL: psycopg2 and asyncpg; nothing for any other.
    """
    parts = urlsplit(url)
    dialect = parts.scheme.split("+")[0]
    if dialect == "mysql":
        ca = parse_qs(parts.query).get("ssl_ca", [""])[0]
        # aiomysql takes the URL's ssl_ca for a context, and fails at each connection: it needs a real one.
        tls = {"ssl": ssl.create_default_context(cafile=ca)} if ca else {}
        waits = {"connect_timeout": CONNECT_S, "read_timeout": ANSWER_S, "write_timeout": ANSWER_S}
        return waits, {"connect_timeout": CONNECT_S, **tls}
    if dialect == "postgresql":
        waits = {"connect_timeout": CONNECT_S, "tcp_user_timeout": ANSWER_S * 1000, **_KEEPALIVE}
        return waits, {"timeout": CONNECT_S, "command_timeout": ANSWER_S}
    return {}, {}


SYNC, ASYNC = arguments(conf.get("database", "sql_alchemy_conn"))
PATIENT = {name: value for name, value in SYNC.items() if name not in {"read_timeout", "write_timeout"}}
"""For statements that may take hours: migrations."""
