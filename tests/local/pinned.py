"""DAG files whose tasks report the release of their structure, their code and their imports."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

from running import Running, eventually

DAG = """
import time
from pathlib import Path

from airflow.sdk import dag, get_current_context, task

from helpers.which import WHICH

ITS_OWN = {which!r}


def said():
    here = Path(__file__)
    return {{
        "release": here.parts[-2] if here.parts[-2].startswith("d-") else str(here),
        "imported": WHICH,
        "its_own": ITS_OWN,
        "read": (here.parent / "which.txt").read_text(),
    }}


@dag(schedule=None, is_paused_upon_creation=False, max_active_runs=100, default_args={{"retries": 0}})
def {name}():
    @task
    def first():
        return said()

    @task
    def wait():
        gate = get_current_context()["params"].get("gate")
        while gate and not Path(gate).exists():
            time.sleep(0.2)
        from helpers.late import LATE

        return {{**said(), "late": LATE}}

    @task
    def {last}():
        return said()

    first() >> wait() >> {last}()


{name}()
"""


def write(folder: Path, which: str, *names: str) -> None:
    """Write all files of one release: each contains ``which``, also in the name of the last task."""
    (folder / "helpers").mkdir(parents=True, exist_ok=True)
    (folder / "helpers/which.py").write_text(f"WHICH = {which!r}\n")
    (folder / "helpers/late.py").write_text(f"LATE = {which!r}\n")
    (folder / "which.txt").write_text(which)
    for name in names:
        (folder / f"{name}.py").write_text(DAG.format(which=which, name=name, last=f"last_{which}"))


def release(platform: Running) -> str:
    """The active DAG release."""
    return str(platform.status()["dag_release"])


def served(platform: Running, dag: str, which: str, patience_s: float = 120) -> str:
    """Wait until Airflow shows the DAG with the structure of ``which``. Return the release."""

    def look() -> str | None:
        tasks = platform.airflow.call("GET", f"/dags/{dag}/tasks")["tasks"]
        shown = platform.airflow.call("GET", f"/dags/{dag}")["bundle_version"]
        return str(shown) if f"last_{which}" in {task["task_id"] for task in tasks} else None

    return str(eventually(look, patience_s))


def said(platform: Running, dag: str, run_id: str) -> dict[str, dict[str, Any]]:
    """Wait until the run has succeeded. Return the report of each task."""
    eventually(lambda: platform.state(dag, run_id) in {"success", "failed"})
    tasks = platform.tasks(dag, run_id)
    assert platform.state(dag, run_id) == "success", {task["task_id"]: task["state"] for task in tasks}
    found = {}
    for task in tasks:
        path = f"/dags/{dag}/dagRuns/{quote(run_id)}/taskInstances/{task['task_id']}/xcomEntries/return_value"
        value = platform.airflow.call("GET", path)["value"]
        found[task["task_id"]] = value if isinstance(value, dict) else json.loads(value)
    return found


def pinned(platform: Running, dag: str, run_id: str) -> str:
    """The release of a run."""
    return str(platform.airflow.call("GET", f"/dags/{dag}/dagRuns/{quote(run_id)}")["bundle_version"])


def consistent(platform: Running, dag: str, run_id: str) -> tuple[str, str]:
    """The release of a run, and the ``which`` that its tasks report. Fails if two tasks disagree."""
    told = said(platform, dag, run_id)
    release = pinned(platform, dag, run_id)
    words = {value for entry in told.values() for key, value in entry.items() if key != "release"}
    assert len(words) == 1, told
    assert {entry["release"] for entry in told.values()} == {release}, told
    (which,) = words
    assert set(told) == {"first", "wait", f"last_{which}"}
    return release, which
