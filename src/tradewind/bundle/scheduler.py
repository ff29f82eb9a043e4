"""``python -m tradewind.bundle.scheduler``: Airflow's scheduler; a run begins with the tasks of one release.

To create a run, Airflow reads the tasks of its DAG, the release and the version by three statements. The API holds no
lock meanwhile, so that a DAG processor may store another version between any two of them: then the run would have
tasks of the old release, be pinned to the new one, and end without the tasks that only this has.

Health checks that find it well are not logged.
"""

from __future__ import annotations

import sys
from http import HTTPStatus
from typing import TYPE_CHECKING

from airflow.cli.commands import scheduler_command
from airflow.listeners import hookimpl
from airflow.listeners.listener import get_listener_manager
from airflow.utils import scheduler_health
from sqlalchemy.orm import object_session

from tradewind.bundle import rows

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


class Health(scheduler_health.HealthServer):  # type: ignore[misc]
    """Airflow's answers to health checks. One that is well is no news: it would be most of what the log has."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say what is not well only."""
        if code != HTTPStatus.OK:
            super().log_request(code, size)


def serve_health_check() -> None:
    """What Airflow runs in a process of its own."""
    scheduler_health.HealthServer = Health
    scheduler_health.serve_health_check()


def main() -> None:
    """Run ``airflow scheduler`` with the listener above beside any others, and the answers to health checks."""
    from airflow.__main__ import main as airflow

    get_listener_manager().add_listener(Beginnings())
    scheduler_command.serve_health_check = serve_health_check
    sys.argv = ["airflow", "scheduler", *sys.argv[1:]]
    airflow()


if __name__ == "__main__":
    main()
