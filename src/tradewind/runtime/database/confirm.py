"""Whether Airflow is well after a release: its own health report, and a run of the canary DAG where there is one.

Runs inside Airflow's environment, as a task of its own: ``python -m tradewind.runtime.database.confirm``. Prints what
it waits for; exit code 0 when all is well, 1 when it is not within PATIENCE_S seconds.
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
"""A DAG of this name, where there is one, is run before a release counts as good."""
JOBS = ("metadatabase", "scheduler", "dag_processor", "triggerer")
PATIENCE_S = 240.0
POLL_S = 2.0


def silent_jobs(health: Mapping[str, Any], since: float) -> list[str]:
    """The jobs that Airflow's health report does not call healthy, or has not heard of after ``since`` (Unix time).

    What it heard before that may have been an old copy, which has gone.
    """

    def is_well(job: str) -> bool:
        report = health.get(job, {})
        heard = report.get(f"latest_{job}_heartbeat")
        late = heard is not None and datetime.fromisoformat(heard).timestamp() <= since
        return report.get("status") == "healthy" and not late

    return [job for job in JOBS if not is_well(job)]


def airflow_health() -> Mapping[str, Any]:
    """Airflow's health report, as its API has it."""
    from airflow.api.common.airflow_health import get_airflow_health

    return dict(get_airflow_health())


def start_canary() -> str | None:
    """Start a run of the canary; its id, or None where there is no such DAG, or it is paused or gone."""
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
        # As a person would start it: templates such as {{ ds }} are undefined in a run without one.
        logical_date=datetime.now(UTC),
        replace_microseconds=False,  # a DAG has one run of each logical date
    )
    return run_id


def state_of(run_id: str) -> str:
    """The state of a run of the canary."""
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        return str(session.scalar(select(DagRun.state).where(DagRun.dag_id == CANARY, DagRun.run_id == run_id)))


def main(argv: list[str] | None = None) -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(
        prog="python -m tradewind.runtime.database.confirm", description="Is Airflow well?"
    )
    parser.add_argument("--patience", type=float, default=PATIENCE_S, help="seconds")
    until = time.monotonic() + parser.parse_args(argv).patience
    began = time.time()  # by the clock of those who are asked; the old copies have gone before
    while silent := silent_jobs(airflow_health(), began):
        if time.monotonic() > until:
            return _say(f"error: Airflow says not healthy: {', '.join(silent)}", 1)
        _say(f"waits for {', '.join(silent)}")
        time.sleep(POLL_S)
    run_id = start_canary()
    if run_id is None:
        return _say(f"there is no DAG {CANARY!r} to try", 0)
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
