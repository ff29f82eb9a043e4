"""DAG processor and triggerer continue after a database error, around Airflow's own loops."""

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

from tradewind.runtime.bundle.processor import ReleaseProcessor
from tradewind.runtime.database.triggerer import Supervisor
from tradewind.runtime.database.outage import through_outages

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


TRIGGERER = """
import json
from functools import partial

from airflow.jobs.triggerer_job_runner import TriggerRunnerSupervisor
from sqlalchemy.exc import OperationalError

from tradewind.runtime.database.outage import through_outages
from tradewind.runtime.database.limits import BACK_S
from tradewind.runtime.database.triggerer import Supervisor

did, now, answers = [], 0.0, []

class Loop(TriggerRunnerSupervisor):
    def __init__(self):
        "Start no process for triggers."
        self.stop = False

    def load_triggers(self):
        did.append("load")

    def on_trigger_event(self, trigger_id, event):
        did.append(f"event {event}")
        if did.count(f"event {event}") == 1:
            raise OperationalError("UPDATE", {}, Exception("(2013, 'Lost connection')"))

    def _service_subprocess(self, max_poll_interval):
        did.append("serve")

class Ours(Supervisor, Loop):
    through_outages = staticmethod(
        partial(through_outages, is_there=lambda: answers.pop(0), sleep=lambda _: None, clock=lambda: now)
    )
    clock = staticmethod(lambda: now)

triggerer = Ours()
triggerer.load_triggers()
answers[:] = [True]
triggerer.on_trigger_event(trigger_id=1, event="blip")
triggerer.load_triggers()
now += BACK_S

answers[:] = [False, True]
triggerer.on_trigger_event(trigger_id=1, event="ready")
triggerer.load_triggers()
now += BACK_S - 1
triggerer.load_triggers()
did.append("later")
now += 1
triggerer.load_triggers()
triggerer.stop = True
answers[:] = [False, True]
try:
    triggerer.on_trigger_event(trigger_id=1, event="another")
except SystemExit:
    did.append("end")
print(json.dumps(did))
"""


def test_a_triggerer_loses_no_event_takes_no_triggers_of_one_that_is_about_to_be_back_and_can_be_stopped(
    tmp_path: Path,
) -> None:
    assert ask_airflow(TRIGGERER, tmp_path) == [
        "load", "event blip", "event blip",
        "event ready", "serve", "event ready", "later", "load",
        "event another", "serve", "end",
    ]  # fmt: skip
