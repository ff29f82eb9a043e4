"""Check that Airflow is healthy after a release: its own health report, and a run of the canary DAG if there is one.

Runs inside Airflow's environment, as a task of its own: ``python -m tradewind.runtime.database.confirm``. Prints the
jobs that it waits for. Exit code 0 if all is healthy; 1 if it is not within PATIENCE_S seconds, or if the run fails.
"""

from __future__ import annotations

import argparse
import sys
import time
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

CANARY = "canary"
"""If a DAG of this name exists, a run of it must succeed before a release counts as good."""
JOBS = ("metadatabase", "scheduler", "dag_processor", "triggerer")
PATIENCE_S = 240.0
POLL_S = 2.0


def silent_jobs(health: Mapping[str, Any], since: float) -> list[str]:
    """List the unhealthy jobs of Airflow's health report, and jobs without a heartbeat after ``since`` (Unix time).

    An earlier heartbeat may be from an old copy that no longer runs. The metadata database has no heartbeat.
    """

    def is_well(job: str) -> bool:
        report = health.get(job, {})
        heard = report.get(f"latest_{job}_heartbeat")
        late = heard is not None and datetime.fromisoformat(heard).timestamp() <= since
        return report.get("status") == "healthy" and not late

    return [job for job in JOBS if not is_well(job)]


def airflow_health() -> Mapping[str, Any]:
    """Return Airflow's health report in the format of its API."""
    from airflow.api.common.airflow_health import get_airflow_health

    return dict(get_airflow_health())


def start_canary() -> str | None:
    """Start a run of the canary DAG. Returns its id, or None if the DAG does not exist, is paused or is stale."""
    from airflow.api.common.trigger_dag import trigger_dag
    from airflow.models.dag import DagModel
    from airflow.utils.session import create_session
    from airflow.utils.types import DagRunTriggeredByType

    with create_session() as session:
        found = session.get(DagModel, CANARY)
        if found is None or found.is_paused or found.is_stale:
            return None
    run_id = f"release__{uuid.uuid4().hex[:12]}"
    trigger_dag(
        dag_id=CANARY,
        run_id=run_id,
        triggered_by=DagRunTriggeredByType.CLI,
        # As an operator would start it: templates such as {{ ds }} are undefined in a run without a logical date.
        logical_date=datetime.now(UTC),
        replace_microseconds=False,  # a DAG has one run of each logical date
    )
    return run_id


def state_of(run_id: str) -> str:
    """Return the state of a run of the canary DAG."""
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        return str(session.scalar(select(DagRun.state).where(DagRun.dag_id == CANARY, DagRun.run_id == run_id)))


def main(argv: list[str] | None = None) -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(
        prog="python -m tradewind.runtime.database.confirm", description="Check that Airflow is healthy."
    )
    parser.add_argument("--patience", type=float, default=PATIENCE_S, help="how many seconds to wait")
    until = time.monotonic() + parser.parse_args(argv).patience
    began = time.time()  # on the clock of the platform, like the heartbeats; the old copies have ended before
    while silent := silent_jobs(airflow_health(), began):
        if time.monotonic() > until:
            return _say(f"error: Airflow reports unhealthy jobs: {', '.join(silent)}", 1)
        _say(f"waiting for {', '.join(silent)}")
        time.sleep(POLL_S)
    run_id = start_canary()
    if run_id is None:
        return _say(f"no canary run: the DAG {CANARY!r} does not exist, is paused or is stale", 0)
    while (state := state_of(run_id)) not in {"success", "failed"}:
        if time.monotonic() > until:
            return _say(f"error: the run {run_id} of the DAG {CANARY} is still {state}", 1)
        time.sleep(POLL_S)
    return _say(f"the run {run_id} of the DAG {CANARY}: {state}", int(state == "failed"))


def _say(text: str, code: int = 0) -> int:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
    return code


if __name__ == "__main__":
    sys.exit(main())
