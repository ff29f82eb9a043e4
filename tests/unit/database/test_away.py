"""Work that continues after an outage of the database."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.usefixtures("airflow_home")


def away(**_: Any) -> Exception:
    from sqlalchemy.exc import OperationalError

    return OperationalError("SELECT 1", {}, Exception("(2013, 'Lost connection to server during query')"))


class World:
    """A database that responds to each check, or not; and work that fails this many times."""

    def __init__(self, answers: list[bool], failures: list[Exception]) -> None:
        self.answers, self.failures = answers, failures
        self.did: list[str] = []

    def work(self) -> str:
        self.did.append("work")
        if self.failures:
            raise self.failures.pop(0)
        return "done"

    def run(self) -> str:
        from tradewind.runtime.database.outage import through_outages

        return through_outages(
            self.work, lambda: self.did.append("alive"), lambda: self.answers.pop(0), lambda _: self.did.append("wait")
        )


def test_it_goes_on_when_the_database_answers() -> None:
    world = World([False, False, True], [away()])
    assert world.run() == "done"
    assert world.did == ["work", "wait", "alive", "wait", "alive", "wait", "work"]


KINDS = ("OperationalError", "InterfaceError", "InternalError", "TimeoutError", "PendingRollbackError")


@pytest.mark.parametrize("kind", KINDS)
def test_each_error_of_a_database_that_is_away_is_one(kind: str) -> None:
    from sqlalchemy import exc

    error = getattr(exc, kind)
    failed = error("SELECT 1", {}, Exception("away")) if issubclass(error, exc.DBAPIError) else error("away")
    assert World([True], [failed]).run() == "done"


def test_a_statement_that_airflow_tries_again_in_a_lost_transaction_is_one() -> None:
    """SQLAlchemy then raises another error than the database."""
    from airflow.utils.retries import run_with_db_retries
    from sqlalchemy import create_engine, event, text
    from sqlalchemy.orm import Session

    engine = create_engine("sqlite://")
    said: list[str] = []

    @event.listens_for(engine, "handle_error")
    def lost(context: Any) -> None:
        context.is_disconnect = True

    def work() -> str:
        with Session(engine) as session:
            for attempt in run_with_db_retries():
                with attempt:
                    try:
                        session.execute(text("SELECT nothing" if len(said) < 3 else "SELECT 1"))
                    except Exception as error:
                        said.append(type(error).__name__)
                        raise
        return "done"

    world = World([True] * 4, [])
    world.work = work  # type: ignore[method-assign]
    assert world.run() == "done"
    assert "PendingRollbackError" in said


def test_with_a_database_that_answers_it_does_not_call_itself_alive() -> None:
    world = World([True, True], [away(), away()])
    assert world.run() == "done"
    assert "alive" not in world.did


def test_what_fails_for_long_while_the_database_answers_ends() -> None:
    from sqlalchemy.exc import OperationalError

    from tradewind.runtime.database.outage import LASTS_S, through_outages

    now, tries = 0.0, 0

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    def work() -> None:
        nonlocal tries
        tries += 1
        raise away()

    with pytest.raises(OperationalError):
        through_outages(work, is_there=lambda: True, sleep=sleep, clock=lambda: now)
    assert LASTS_S < now < LASTS_S + 5
    # It waits for the end of an outage in between.
    looks = iter([*[True] * 50, False, *[True] * 1000])
    now, tries = 0.0, 0
    with pytest.raises(OperationalError):
        through_outages(work, is_there=lambda: next(looks), sleep=sleep, clock=lambda: now)
    assert now > 50 * 2 + LASTS_S


def test_any_other_error_ends_it() -> None:
    with pytest.raises(ZeroDivisionError):
        World([], [ZeroDivisionError()]).run()
