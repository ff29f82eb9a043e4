"""Tell an outage of the database from a missing connection. Every Airflow process loads this ``airflow.policy`` plugin.

Airflow looks for connections and variables in one place after another, and treats any error of a place as "not found".
During a failover of the database, the execution API therefore returns 404. A task that reads a connection then fails,
although the connection exists.

Airflow passes on only one kind of error: a place denies access. With an error of that kind the API returns 503, and the
task tries again for as long as outages are tolerated.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


def raise_on_outage() -> None:
    """Patch Airflow's database lookups: from now on, an outage raises an error instead of "not found"."""
    from airflow.secrets.metastore import MetastoreBackend

    for look in ("get_connection", "get_variable"):
        setattr(MetastoreBackend, look, _told(getattr(MetastoreBackend, look)))


def _told(look: Callable[..., T]) -> Callable[..., T]:
    @functools.wraps(look)
    def told(*arguments: Any, **options: Any) -> T:
        try:
            return look(*arguments, **options)
        except Exception as error:
            from tradewind.runtime.database.outage import ERRORS

            if not isinstance(error, ERRORS):
                raise
            raise _away()("the metadata database is unavailable") from error

    return told


@functools.cache
def _away() -> type[Exception]:
    """Create the error class at first use: FastAPI takes long to import, and most processes serve no requests."""
    from airflow.sdk.exceptions import AirflowSecretsBackendAccessDenied
    from fastapi import HTTPException

    class DatabaseAwayError(HTTPException, AirflowSecretsBackendAccessDenied):  # type: ignore[misc]
        """The metadata database is unavailable."""

        def __init__(self, detail: str) -> None:
            super().__init__(503, detail)

    return DatabaseAwayError


raise_on_outage()
