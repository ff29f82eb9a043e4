"""Wait while the metadata database is unavailable, and continue when it is back.

Imported only by code that runs inside Airflow.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from airflow import settings
from sqlalchemy import exc, text

from tradewind.runtime.database.limits import POLL_S

T = TypeVar("T")
log = logging.getLogger(__name__)

ERRORS = (
    exc.OperationalError,
    exc.InterfaceError,
    exc.InternalError,
    exc.TimeoutError,
    exc.PendingRollbackError,
)
"""SQLAlchemy's errors if a database is unavailable, fails over, or is read-only. Some of them have other causes, too:
deadlocks, and statements that the database does not understand. If Airflow retries a statement in the same transaction
(``run_with_db_retries``), the other errors become the last one."""
LASTS_S = 120.0
"""If work fails for this long while the database responds, an outage is not the cause."""


def answers() -> bool:
    """Return whether the database responds."""
    try:
        with settings.engine.connect() as connection:
            connection.execute(text("SELECT 1"))
    except ERRORS:
        return False
    return True


def through_outages(
    work: Callable[[], T],
    on_iteration: Callable[[], object] = lambda: None,
    is_there: Callable[[], bool] = answers,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
    back: Callable[[], object] = lambda: None,
) -> T:
    """Call ``work`` until it returns. While the database is unavailable, call ``on_iteration`` every POLL_S seconds.

    ``on_iteration`` reports that this process is alive. It is not called if the database responds and ``work`` fails.
    ``back`` is called before each new call of ``work``, even if the database responds at the first check: other
    processes of the same kind may notice its return later. ``clock`` is monotonic. Raises the error of ``work`` if it
    has failed for LASTS_S seconds while the database responded.
    """
    since: float | None = None  # the first failure while the database responded
    while True:
        began = clock()
        try:
            return work()
        except ERRORS as error:
            failed = clock()
            if since is None or failed - began > LASTS_S:  # it had worked for a long time
                since = failed
            if failed - since > LASTS_S:
                raise
            log.warning("the database failed: %s; work continues when it responds", str(error).splitlines()[0])
        sleep(POLL_S)
        while not is_there():
            since = None
            on_iteration()
            sleep(POLL_S)
        back()
