"""A database that is away is no missing connection. Loaded in every Airflow process, as a plugin ``airflow.policy``.

Airflow looks for connections and variables in one place after another, and takes any error of one for "not there". So
the execution API answers 404 where the database is just failing over, and a task that reads a connection then fails,
although what it asks for exists. Of all errors Airflow passes on one kind: a place that denies access. With an error of
that kind the API answers 503, and the task asks again for as long as outages are tolerated.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


def tell_outages() -> None:
    """From now on a look into the database that fails is an error to all that asked for it."""
    from airflow.secrets.metastore import MetastoreBackend

    for look in ("get_connection", "get_variable"):
        setattr(MetastoreBackend, look, _told(getattr(MetastoreBackend, look)))


def _told(look: Callable[..., T]) -> Callable[..., T]:
    @functools.wraps(look)
    def told(*arguments: Any, **options: Any) -> T:
        try:
            return look(*arguments, **options)
        except Exception as error:
            from tradewind.runtime.database.away import ERRORS

            if not isinstance(error, ERRORS):
                raise
            raise _away()("the metadata database cannot be asked") from error

    return told


@functools.cache
def _away() -> type[Exception]:
    """Made when it is first needed: FastAPI takes long to import, and most processes answer nothing."""
    from airflow.sdk.exceptions import AirflowSecretsBackendAccessDenied
    from fastapi import HTTPException

    class DatabaseAwayError(HTTPException, AirflowSecretsBackendAccessDenied):  # type: ignore[misc]
        """The metadata database cannot be asked now."""

        def __init__(self, detail: str) -> None:
            super().__init__(503, detail)

    return DatabaseAwayError


tell_outages()
