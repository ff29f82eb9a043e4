"""Numbers of repetitions in tests: few for each change, many in ``make soak``."""

from __future__ import annotations

import os

SOAK = "TRADEWIND_SOAK"
"""Set for the full counts, and for the tests that are marked ``soak``."""


def count(name: str, each_change: int, soak: int) -> int:
    """A number of repetitions. The variable TRADEWIND_<name> overrides it."""
    return int(os.environ.get(f"TRADEWIND_{name}") or (soak if os.environ.get(SOAK) else each_change))


KILL_ROUNDS = count("KILL_ROUNDS", 1, 5)
"""How often each service of the platform is killed."""

TASKS = count("TASKS", 10, 20)
"""Mapped tasks of a run that is in flight while servers are killed or unavailable. Few, because the start of a task
needs more CPU than any other step of the tests."""

RELEASES = count("RELEASES", 1, 200)
"""Releases of the workers' images, one after another, while tasks are in flight. Each change also tests one release of
all images, and a rollback."""

LOAD = count("LOAD", 25, 50)
"""Percent of the slots that are busy during releases of images; never 0."""

RELEASE_KILLS = count("RELEASE_KILLS", 1, 30)
"""How often a command that deploys images is killed."""

CONTROLLER_KILLS = count("CONTROLLER_KILLS", 1, 30)
"""How often the controller is killed while it replaces the workers."""

DAG_DEPLOYMENTS = count("DAG_DEPLOYMENTS", 6, 200)
"""Deployments of DAG files one after another while runs are in flight."""

RUNS_IN_FLIGHT = count("RUNS_IN_FLIGHT", 8, 20)
"""The number of runs, with three tasks each."""

CALLBACK_DAGS = count("CALLBACK_DAGS", 200, 200)
CALLBACK_MINUTES = count("CALLBACK_MINUTES", 10, 10)
"""The number of DAGs with callbacks, and the duration, in the test that only ``make soak`` includes."""
