"""DAG processor and triggerer go on after an error of the database, in Airflow's own loops."""

from __future__ import annotations

from pathlib import Path

import pytest

from samples import ask_airflow, needs_airflow

pytestmark = needs_airflow

ASK = """
import json, sys
from functools import partial

from airflow.dag_processing.manager import DagFileProcessorManager
from airflow.jobs.triggerer_job_runner import TriggerRunnerSupervisor
from sqlalchemy.exc import OperationalError

from tradewind.bundle.processor import ReleaseProcessor
from tradewind.database.triggerer import Supervisor
from tradewind.database.away import through_outages

ours, airflows, loop = {
    "processor": (ReleaseProcessor, DagFileProcessorManager, "_run_parsing_loop"),
    "triggerer": (Supervisor, TriggerRunnerSupervisor, "run_once"),
}["PROGRAM"]
turns = []

class Loop(airflows):
    def __init__(self):
        "Without what it works with."

class Ours(ours, Loop):
    through_outages = staticmethod(partial(through_outages, is_there=lambda: True, sleep=lambda _: None))

def turn(self):
    turns.append("once")
    if len(turns) == 1:
        raise OperationalError("SELECT 1", {}, Exception("(2013, 'Lost connection')"))

setattr(Loop, loop, turn)
getattr(Ours(), loop)()
print(json.dumps(turns))
"""


@pytest.mark.parametrize("program", ["processor", "triggerer"])
def test_an_error_of_the_database_does_not_end_it(program: str, tmp_path: Path) -> None:
    assert ask_airflow(ASK.replace("PROGRAM", program), tmp_path) == ["once", "once"]
