"""The DAG files load in Airflow and agree with the README.

Airflow is imported in another process: its import warns, and it must not read the home folder of the user.
"""

import json
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

DAGS = Path(__file__).parents[3] / "examples" / "dags"
EXPECTED = {
    "canary": {"example", "smoke-test"},
    "deferrable_wait": {"example", "deferrable"},
    "etl_sun_time": {"example", "etl"},
    "mapped_retry": {"example", "mapping", "retry"},
}

needs_airflow = pytest.mark.skipif(find_spec("airflow") is None, reason="Airflow is not installed (tradewind[local])")

PROBE = """
import json, sys, time
from airflow.dag_processing.dagbag import DagBag
import airflow.providers.standard.sensors.date_time  # so that the seconds below are those of the files alone
bag = DagBag(sys.argv[1], load_op_links=False)
assert not bag.import_errors, bag.import_errors

print(json.dumps({
    "matplotlib": "matplotlib" in sys.modules,
    "files": {stat.file: stat.duration.total_seconds() for stat in bag.dagbag_stats},
    "dags": {
        dag.dag_id: {
            "file": dag.fileloc, "tags": sorted(dag.tags), "catchup": dag.catchup, "doc": bool(dag.doc_md),
            "paused": dag.is_paused_upon_creation, "max_active_tasks": dag.max_active_tasks,
            "tasks": {
                task.task_id: {"owner": task.owner, "retries": task.retries,
                               "downstream": sorted(task.downstream_task_ids)}
                for task in dag.tasks
            },
        }
        for dag in bag.dags.values()
    },
}))
"""


@pytest.fixture(scope="module")
def probe(tmp_path_factory):
    home = tmp_path_factory.mktemp("airflow")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "PYTHON"))}
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-B", "-c", PROBE, str(DAGS)],
        env=environment | {"AIRFLOW_HOME": str(home), "AIRFLOW__CORE__UNIT_TEST_MODE": "True", "PYTHONPATH": str(DAGS)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout.splitlines()[-1])


@pytest.fixture
def dags(probe):
    return probe["dags"]


@needs_airflow
def test_ids_and_tags(dags):
    assert {dag_id: set(dag["tags"]) for dag_id, dag in dags.items()} == EXPECTED
    assert all(Path(dag["file"]) == DAGS / f"{dag_id}.py" for dag_id, dag in dags.items())


@needs_airflow
@pytest.mark.parametrize("dag_id", EXPECTED)
def test_every_dag_is_owned_documented_and_ready_to_run(dags, dag_id):
    dag = dags[dag_id]
    assert dag["doc"]
    assert not dag["catchup"]
    assert dag["paused"] is False
    assert {task["owner"] for task in dag["tasks"].values()} == {"tradewind"}
    retried = dag_id != "canary"
    assert all((task["retries"] > 0) == retried for task in dag["tasks"].values())


@needs_airflow
def test_the_etl_runs_in_order(dags):
    tasks = dags["etl_sun_time"]["tasks"]
    assert {name: task["downstream"] for name, task in tasks.items()} == {
        "extract": ["transform"],
        "transform": ["load"],
        "load": ["chart", "report"],
        "chart": ["report"],
        "report": [],
    }


@needs_airflow
def test_the_wait_and_the_task_beside_it_share_one_slot(dags):
    dag = dags["deferrable_wait"]
    assert dag["max_active_tasks"] == 1
    assert dag["tasks"]["depart"]["downstream"] == ["arrive", "meanwhile", "wait"]
    assert dag["tasks"]["wait"]["downstream"] == dag["tasks"]["meanwhile"]["downstream"] == ["arrive"]


@needs_airflow
def test_the_canary_is_one_task(dags):
    assert list(dags["canary"]["tasks"]) == ["sing"]


@needs_airflow
def test_parsing_is_cheap(probe):
    assert not probe["matplotlib"]
    # Milliseconds on an idle machine; the bound only catches a heavy import or work at module level.
    assert max(probe["files"].values()) < 2


def test_the_readme_lists_the_dags():
    assert set(re.findall(r"^\| `(\w+)` \|", (DAGS / "README.md").read_text("utf-8"), re.MULTILINE)) == set(EXPECTED)


@needs_airflow
def test_nothing_but_dag_files_is_parsed(probe):
    assert {Path(file).stem for file in probe["files"]} == set(EXPECTED)
