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

T = TypeVar("T")
log = logging.getLogger(__name__)

ERRORS = (exc.OperationalError, exc.InterfaceError, exc.InternalError, exc.TimeoutError)
"""What SQLAlchemy makes of a database that is away, fails over, or is not to be written to; and of some that are not:
deadlocks, and statements that it does not understand."""
POLL_S = 2.0


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
) -> T:
    """Call ``work`` until it ends by itself. While the database is away, ``turned`` is called instead, every POLL_S s.

    ``turned`` says that this process is alive. It is not said where the database is there and ``work`` fails.
    """
    while True:
        try:
            return work()
        except ERRORS as error:
            log.warning("The database failed, and this goes on when it answers: %s", str(error).splitlines()[0])
        sleep(POLL_S)
        while not is_there():
            turned()
            sleep(POLL_S)
