"""The metadata database goes away and comes back: what works with it waits meanwhile, and goes on.

Imported only by what runs inside Airflow.
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
"""What SQLAlchemy makes of a database that is away, fails over, or is not to be written to; and of some that are not:
deadlocks, and statements that it does not understand. The last one is what becomes of the others where Airflow tries a
statement again in the same transaction (``run_with_db_retries``)."""
LASTS_S = 120.0
"""What fails for so long while the database answers does not fail for an outage."""


def answers() -> bool:
    """Whether the database can be asked."""
    try:
        with settings.engine.connect() as connection:
            connection.execute(text("SELECT 1"))
    except ERRORS:
        return False
    return True


def through_outages(
    work: Callable[[], T],
    turned: Callable[[], object] = lambda: None,
    is_there: Callable[[], bool] = answers,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
    back: Callable[[], object] = lambda: None,
) -> T:
    """Call ``work`` until it ends by itself. While the database is away, ``turned`` is called instead, every POLL_S s.

    ``turned`` says that this process is alive. It is not said where the database is there and ``work`` fails.
    ``back`` is called before ``work`` begins anew, also where the database was back at the first look: others of its
    kind may notice later. ``clock`` is monotonic. Raises the error of ``work`` where that has failed for LASTS_S
    seconds while the database was there.
    """
    since: float | None = None  # it has failed while the database was there
    while True:
        began = clock()
        try:
            return work()
        except ERRORS as error:
            failed = clock()
            if since is None or failed - began > LASTS_S:  # it had worked for long
                since = failed
            if failed - since > LASTS_S:
                raise
            log.warning("The database failed, and this goes on when it answers: %s", str(error).splitlines()[0])
        sleep(POLL_S)
        while not is_there():
            since = None
            turned()
            sleep(POLL_S)
        back()
