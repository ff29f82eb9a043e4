"""DAG files that note when they are parsed and which of their callbacks ran, and a reader of these notes."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

DAG = '''
import json
import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

from airflow.sdk import dag, task

NOTES = Path(os.environ["TRADEWIND_OUTPUT"]) / "called" / f"{{os.getpid()}}-{{time.time_ns()}}"


def note(what):
    """One line in a file of this process."""
    if "dag-processor" not in sys.argv:
        return  # tasks import this file, too
    NOTES.parent.mkdir(exist_ok=True)
    with NOTES.open("a") as notes:
        notes.write(json.dumps([{name!r}, what]) + "\\n")


note("imported")
os.environ["CALLED_NOTES"] = str(NOTES)  # for what runs in the same process and is not of this file


def calls(*kinds):
    return {{f"on_{{kind}}_callback": lambda _, kind=kind: note(kind) for kind in kinds}}


@dag(schedule=None, is_paused_upon_creation=False, max_active_runs=100, {dag})
def {name}():
    @task(**{{"retries": 0, **dict({task})}})
    def work():
        {work}

    work()


{name}()
'''

LOST = "os.kill(os.getppid(), signal.SIGKILL)"
STOPPED = """\
watches = os.getppid()
        subprocess.Popen(["sh", "-c", f"kill -STOP {watches}; sleep 100; kill -CONT {watches}"], start_new_session=True)
        time.sleep(200)"""
FAILS = """\
from airflow.sdk.exceptions import TaskDeferred
        from noting import Fails
        raise TaskDeferred(trigger=Fails(), method_name="never")"""
"""The trigger is in ``tests/local/plugins``, where triggerers find it."""


@dataclass(frozen=True)
class Kind:
    """The arguments of a DAG and of its task, the code of the task, and the callbacks that the DAG processor runs."""

    dag: str = ""
    task: str = ""
    work: str = "pass"
    called: frozenset[str] = frozenset()


def _kind(called: str, dag: str = "", task: str = "", work: str = "pass") -> Kind:
    return Kind(dag, task, work, frozenset(called.split()))


_DAG = "**calls('success', 'failure')"
_TASK = "**calls('retry', 'failure')"
KINDS = {
    "succeeds": _kind("success", _DAG),
    "fails": _kind("failure", _DAG, work="raise ValueError"),
    "takes_too_long": _kind("failure", f"dagrun_timeout=timedelta(seconds=2), {_DAG}", work="time.sleep(15)"),
    "without_release": _kind("success", f"disable_bundle_versioning=True, {_DAG}"),
    "is_lost": _kind("failure", task=_TASK, work=LOST),
    "is_lost_twice": _kind(
        "retry failure", task=f"retries=1, retry_delay=timedelta(seconds=1), {_TASK}", work=LOST
    ),
    "is_lost_without_release": _kind("failure", "disable_bundle_versioning=True", _TASK, LOST),
    "sends_mail": _kind("mail", task="email='someone@example.com'", work=LOST),
    "is_silent": _kind("failure", task=_TASK, work=STOPPED),
    "fails_in_its_trigger": _kind("failure", task=_TASK, work=FAILS),
}  # fmt: skip
WITHOUT = Kind()


def write(folder: Path, name: str, kind: Kind, again: str = "") -> None:
    """Write a DAG of this kind. ``again`` changes the content of the file."""
    text = DAG.format(name=name, dag=kind.dag, task=kind.task, work=kind.work)
    (folder / f"{name}.py").write_text(f"{text}# {again}\n")


@dataclass(frozen=True)
class Notes:
    """The notes of the DAG files, in one file for each process."""

    folder: Path

    def called(self) -> Counter[tuple[str, str]]:
        """The number of runs of each callback, by DAG and kind."""
        return Counter(entry for entries in self._read() for entry in entries if entry[1] != "imported")

    def parses(self) -> Counter[str]:
        """The number of imports of each file in which no callback ran."""
        return Counter(dag for entries in self._read() if len(entries) == 1 for dag, _ in entries)

    def _read(self) -> list[list[tuple[str, str]]]:
        return [
            [(dag, what) for dag, what in map(json.loads, path.read_text().splitlines())]
            for path in self.folder.glob("*")
        ]
