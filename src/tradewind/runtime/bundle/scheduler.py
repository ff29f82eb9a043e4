"""``python -m tradewind.runtime.bundle.scheduler``: Airflow's scheduler; a run begins with the tasks of one release.

To create a run, Airflow reads the tasks of its DAG, the release and the version by three statements. The API holds no
lock meanwhile, so that a DAG processor may store another version between any two of them: then the run would have
tasks of the old release, be pinned to the new one, and end without the tasks that only this has.

It outlives its database: a failover is no reason to restart it. After an outage no scheduler has shown for long that it
lives, itself included; so it gives all of them time for that before it adopts the tasks of those that do not.
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
from tradewind.runtime.database.away import through_outages
from tradewind.runtime.database.limits import BACK_S

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun


class Beginnings:
    """Told by the scheduler of every run that begins, in the transaction in which it does, with its row locked."""

    @hookimpl  # type: ignore[untyped-decorator]
    def on_dag_run_running(self, dag_run: DagRun, msg: str) -> None:
        """Look at a run before its first task is scheduled."""
        session = object_session(dag_run)
        if msg == "started" and session is not None:
            rows.begin(session, dag_run)


class Runner(scheduler_job_runner.SchedulerJobRunner):  # type: ignore[misc]
    """Airflow's scheduler, which goes on after the database was away, and says by a file that its loop turns.

    Airflow's own ends at the first error of the database, and says of itself what the database says of it.
    """

    through_outages = staticmethod(through_outages)
    clock = staticmethod(time.monotonic)
    adopt_at = 0.0

    def _run_scheduler_loop(self) -> None:
        self.through_outages(super()._run_scheduler_loop, turned, back=self._give_others_time)

    def _give_others_time(self) -> None:
        self.adopt_at = self.clock() + BACK_S

    def adopt_or_reset_orphaned_tasks(self, *what: Any, **more: Any) -> int:
        """Take over the tasks of schedulers that are dead. Airflow asks for it as its loop begins, and every minute."""
        if self.clock() < self.adopt_at:
            return 0
        return int(super().adopt_or_reset_orphaned_tasks(*what, **more))

    def _do_scheduling(self, session: Session) -> int:
        """The first thing that each turn of the loop does."""
        turned()
        return int(super()._do_scheduling(session))


def turned() -> None:
    """The loop has turned, or waits for the database."""
    Path(os.environ.get("TRADEWIND_HEARTBEAT_FILE", os.devnull)).touch()


def main() -> None:
    """Run ``airflow scheduler`` with the runner above, and with the listener beside any others."""
    from airflow.__main__ import main as airflow

    get_listener_manager().add_listener(Beginnings())
    scheduler_command.SchedulerJobRunner = Runner
    sys.argv = ["airflow", "scheduler", *sys.argv[1:]]
    airflow()


if __name__ == "__main__":
    main()
