"""``python -m tradewind.database.triggerer``: Airflow's triggerer, which outlives its database.

Airflow's own ends at the first error of the database, and all triggers begin anew in the next one.
"""

from __future__ import annotations

import sys

from airflow.jobs import triggerer_job_runner

from tradewind.database.away import through_outages


class Supervisor(triggerer_job_runner.TriggerRunnerSupervisor):  # type: ignore[misc]
    """Airflow's, beside the process in which triggers run. What it had to write when the database went is lost.

    The trigger it was of is then one that is assigned and does not run: it is begun again, and fires again.
    """

    through_outages = staticmethod(through_outages)

    def run_once(self) -> None:
        """One turn of the loop."""
        self.through_outages(super().run_once)


def main() -> None:
    """Run ``airflow triggerer`` with the supervisor above."""
    from airflow.__main__ import main as airflow

    triggerer_job_runner.TriggerRunnerSupervisor = Supervisor
    sys.argv = ["airflow", "triggerer", *sys.argv[1:]]
    airflow()


if __name__ == "__main__":
    main()
