"""The confirmation after a release: which health reports of Airflow pass."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tradewind.runtime.database.confirm import JOBS, silent_jobs

RELEASED = datetime(2026, 11, 28, 12, 0, 0, tzinfo=UTC)


def report(**other: Any) -> dict[str, dict[str, Any]]:
    """A health report in which every job is healthy, with heartbeats a minute after the release."""
    heard = RELEASED.replace(minute=1).isoformat()
    found = {job: {"status": "healthy", f"latest_{job}_heartbeat": heard} for job in JOBS if job != "metadatabase"}
    return {"metadatabase": {"status": "healthy"}, **found, **other}


@pytest.mark.parametrize(
    ("of", "silent"),
    [
        ({}, []),
        ({"metadatabase": {"status": "unhealthy"}}, ["metadatabase"]),
        ({"scheduler": {"status": "unhealthy", "latest_scheduler_heartbeat": None}}, ["scheduler"]),
        ({"triggerer": {}}, ["triggerer"]),
        # The last heartbeat comes from the copy that the release has replaced.
        (
            {"scheduler": {"status": "healthy", "latest_scheduler_heartbeat": RELEASED.isoformat()}},
            ["scheduler"],
        ),
        (
            {"dag_processor": {"status": "healthy", "latest_dag_processor_heartbeat": "2026-11-28T11:59:59+00:00"}},
            ["dag_processor"],
        ),
    ],
)
def test_who_has_not_been_heard_of_since_the_release(of: dict[str, Any], silent: list[str]) -> None:
    assert silent_jobs(report(**of), RELEASED.timestamp()) == silent
