"""``python -m tradewind.runtime.database.triggerer``: Airflow's triggerer, which survives outages of the database.

Airflow's own triggerer ends at the first error of the database, and all triggers begin anew in the next triggerer.
Triggerers that survive must give each other time. The first one that is back must not take the triggers of another one
that is back a moment later. The other one would then cancel these triggers, and the work that they wait for
(``on_kill``).
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

from airflow.jobs import triggerer_job_runner

from tradewind.runtime.database.limits import BACK_S
from tradewind.runtime.database.outage import through_outages


class Supervisor(triggerer_job_runner.TriggerRunnerSupervisor):  # type: ignore[misc]
    """Airflow's supervisor of the process in which triggers run.

    During an outage of the database the triggers continue, and their events wait.
    """

    through_outages = staticmethod(through_outages)
    clock = staticmethod(time.monotonic)
    load_at = 0.0

    def run_once(self) -> None:
        """Run one iteration of the loop."""
        self._until_back(super().run_once)

    def load_triggers(self) -> None:
        """Take triggers that no triggerer has, and drop triggers that another triggerer has; not before ``load_at``."""
        if self.clock() >= self.load_at:
            super().load_triggers()

    def on_trigger_event(self, *what: Any, **more: Any) -> None:
        """Store an event, if necessary after an outage: Airflow has already removed it from its list."""
        self._until_back(lambda: super(Supervisor, self).on_trigger_event(*what, **more))

    def on_trigger_failure(self, *what: Any, **more: Any) -> None:
        """Store a failure; see ``on_trigger_event``."""
        self._until_back(lambda: super(Supervisor, self).on_trigger_failure(*what, **more))

    def _until_back(self, work: Callable[[], None]) -> None:
        self.through_outages(work, self._wait, back=self._give_others_time)

    def _give_others_time(self) -> None:
        self.load_at = self.clock() + BACK_S

    def _wait(self) -> None:
        """Serve the triggers while the database is unavailable. Raises SystemExit after SIGTERM."""
        self._service_subprocess(0)
        if self.should_stop():
            raise SystemExit(0)


def main() -> None:
    """Run ``airflow triggerer`` with the supervisor above."""
    from airflow.__main__ import main as airflow

    triggerer_job_runner.TriggerRunnerSupervisor = Supervisor
    sys.argv = ["airflow", "triggerer", *sys.argv[1:]]
    airflow()


if __name__ == "__main__":
    main()
