"""The connection arguments for Airflow's database (``[database] sql_alchemy_connect_args`` and ``…_async``)."""

from __future__ import annotations

from airflow.configuration import conf

from tradewind.runtime.database.limits import asynchronous, waiting

_URL = conf.get("database", "sql_alchemy_conn")
SYNC, ASYNC = waiting(_URL), asynchronous(_URL)
PATIENT = {name: value for name, value in SYNC.items() if name not in {"read_timeout", "write_timeout"}}
"""The arguments for statements that may take hours: migrations."""
