"""How often tests repeat what they try: few times for each change, many in ``make soak``."""

from __future__ import annotations

import os

SOAK = "TRADEWIND_SOAK"
"""Set where the full counts are wanted, and the tests that are marked ``soak``."""


def count(name: str, each_change: int, soak: int) -> int:
    """A number of repetitions; the variable TRADEWIND_<name> says another one."""
    return int(os.environ.get(f"TRADEWIND_{name}") or (soak if os.environ.get(SOAK) else each_change))


KILL_ROUNDS = count("KILL_ROUNDS", 1, 5)
"""How often each service of the platform is killed."""

TASKS = count("TASKS", 10, 20)
"""Mapped tasks of a run that is in flight while servers are killed or go away: the start of a task takes more
of the processor than anything else that tests do."""

RELEASES = count("RELEASES", 1, 200)
"""Releases of the workers' images one after another while tasks are in flight; one of all images and the way back are
tried for each change, too."""

LOAD = count("LOAD", 25, 50)
"""Percent of the slots that are busy while images are released: never none."""

RELEASE_KILLS = count("RELEASE_KILLS", 1, 30)
"""How often a command that deploys images is killed."""

CONTROLLER_KILLS = count("CONTROLLER_KILLS", 1, 30)
"""How often the controller is killed while it brings workers to another image."""

DAG_DEPLOYMENTS = count("DAG_DEPLOYMENTS", 6, 200)
"""Deployments of DAG files one after another while runs are in flight."""

RUNS_IN_FLIGHT = count("RUNS_IN_FLIGHT", 8, 20)
"""How many, of three tasks each."""

CALLBACK_DAGS = count("CALLBACK_DAGS", 200, 200)
CALLBACK_MINUTES = count("CALLBACK_MINUTES", 10, 10)
"""How many DAGs with callbacks run for how long, in the test that only ``make soak`` includes."""
