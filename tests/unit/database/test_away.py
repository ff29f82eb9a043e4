"""Work that goes on after the database was away."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.usefixtures("airflow_home")


def away(**_: Any) -> Exception:
    from sqlalchemy.exc import OperationalError

    return OperationalError("SELECT 1", {}, Exception("(2013, 'Lost connection to server during query')"))


class World:
    """A database that answers, or not, at each look; and work that fails so often."""

    def __init__(self, answers: list[bool], failures: list[Exception]) -> None:
        self.answers, self.failures = answers, failures
        self.did: list[str] = []

    def work(self) -> str:
        self.did.append("work")
        if self.failures:
            raise self.failures.pop(0)
        return "done"

    def run(self) -> str:
        from tradewind.database.away import through_outages

        return through_outages(
            self.work, lambda: self.did.append("alive"), lambda: self.answers.pop(0), lambda _: self.did.append("wait")
        )


def test_it_goes_on_when_the_database_answers() -> None:
    world = World([False, False, True], [away()])
    assert world.run() == "done"
    assert world.did == ["work", "wait", "alive", "wait", "alive", "wait", "work"]


def test_with_a_database_that_answers_it_does_not_call_itself_alive() -> None:
    world = World([True, True], [away(), away()])
    assert world.run() == "done"
    assert "alive" not in world.did


def test_any_other_error_ends_it() -> None:
    with pytest.raises(ZeroDivisionError):
        World([], [ZeroDivisionError()]).run()
