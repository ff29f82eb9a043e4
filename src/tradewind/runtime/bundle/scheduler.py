"""``python -m tradewind.runtime.bundle.scheduler``: Airflow's scheduler; each run starts with the tasks of one release.

To create a run, Airflow reads the tasks of its DAG, the release and the version with three statements. The API holds
no lock meanwhile, so a DAG processor may store another version between two of them. The run would then have tasks of
the old release and be pinned to the new release. It would end without the tasks that only the new release has.

It survives outages of the database: a failover is no reason to restart it. After an outage no scheduler has a recent
heartbeat, not even this one. So it gives all schedulers time for a heartbeat before it adopts the tasks of dead ones.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.cli.commands import scheduler_command
from airflow.jobs import scheduler_job_runner
from airflow.listeners import hookimpl
from airflow.listeners.listener import get_listener_manager
from sqlalchemy.orm import Session, object_session

from tradewind.runtime.bundle import rows
from tradewind.runtime.database.limits import BACK_S
from tradewind.runtime.database.outage import through_outages

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun


class RunStartListener:
    """A listener for runs that start. The scheduler calls it in the same transaction, with the run's row locked."""

    @hookimpl  # type: ignore[untyped-decorator]
    def on_dag_run_running(self, dag_run: DagRun, msg: str) -> None:
        """Correct a run before its first task is scheduled."""
        session = object_session(dag_run)
        if msg == "started" and session is not None:
            rows.begin(session, dag_run)


class Runner(scheduler_job_runner.SchedulerJobRunner):  # type: ignore[misc]
    """Airflow's scheduler, which continues after an outage of the database, and proves with a file that its loop runs.

    Airflow's own scheduler ends at the first error of the database, and its health check reads the database.
    """

    through_outages = staticmethod(through_outages)
    clock = staticmethod(time.monotonic)
    adopt_at = 0.0

    def _run_scheduler_loop(self) -> None:
        self.through_outages(super()._run_scheduler_loop, on_iteration, back=self._give_others_time)

    def _give_others_time(self) -> None:
        self.adopt_at = self.clock() + BACK_S

    def adopt_or_reset_orphaned_tasks(self, *what: Any, **more: Any) -> int:
        """Adopt the tasks of dead schedulers, not before ``adopt_at``. Airflow calls this first, and every minute."""
        if self.clock() < self.adopt_at:
            return 0
        return int(super().adopt_or_reset_orphaned_tasks(*what, **more))

    def _do_scheduling(self, session: Session) -> int:
        """Report an iteration of the loop, which begins with this call."""
        on_iteration()
        return int(super()._do_scheduling(session))


def on_iteration() -> None:
    """Touch the heartbeat file: the loop runs, or waits for the database."""
    Path(os.environ.get("TRADEWIND_HEARTBEAT_FILE", os.devnull)).touch()


def main() -> None:
    """Run ``airflow scheduler`` with the runner above, and with the listener in addition to others."""
    from airflow.__main__ import main as airflow

    get_listener_manager().add_listener(RunStartListener())
    scheduler_command.SchedulerJobRunner = Runner
    sys.argv = ["airflow", "scheduler", *sys.argv[1:]]
    airflow()


if __name__ == "__main__":
    main()
