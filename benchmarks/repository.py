"""Generate a repository of many files: DAG files, helpers that several DAGs import, and other modules."""

from __future__ import annotations

import subprocess
from pathlib import Path

HELPERS = 100

_DAG = """from airflow.sdk import DAG
from airflow.providers.standard.operators.empty import EmptyOperator

from helpers.h{helper:03} import VALUE

with DAG("d{number:04}", schedule=None, is_paused_upon_creation=False):
    EmptyOperator(task_id="own_{own}") >> EmptyOperator(task_id=f"helper_{{VALUE}}")
"""

_PIPELINE = """from datetime import datetime, timedelta

from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, TaskGroup, task

from helpers.h{helper:03} import VALUE

TABLES = [f"table_{{n}}_{{VALUE}}" for n in range(6)]


@task(retries=2)
def extract(table: str) -> dict:
    return {{"table": table, "rows": {number}}}


@task
def load(found: dict) -> None:
    print(found)


with DAG(
    "pipeline_{number:04}",
    schedule="@daily",
    start_date=datetime(2026, 1, 1),
    catchup=False,
    default_args={{"owner": "team", "retries": 1, "execution_timeout": timedelta(hours=1)}},
    tags=["bench"],
) as dag:
    begin, end = EmptyOperator(task_id="begin"), EmptyOperator(task_id="end_{own}")

    for table in TABLES:
        with TaskGroup(table):
            clean = BashOperator(task_id="clean", bash_command=f"echo {{table}} {{{{{{{{ ds }}}}}}}}")
            begin >> clean >> load(extract(table)) >> end
"""


def generate_pipelines(folder: Path, number: int) -> None:
    """Create ``number`` DAG files of twenty tasks each, and two faults.

    One file cannot be imported, and two files define the same DAG.
    """
    for package in ("helpers", "dags"):
        (folder / package).mkdir(parents=True)
    for helper in range(HELPERS):
        change_helper(folder, helper, "0")
    for pipeline in range(number):
        change_pipeline(folder, pipeline, "0")
    (folder / "dags/p0003.py").write_text("from airflow.sdk import DAG\n\nDAG('pipeline_0003').nothing\n")
    (folder / "dags/p0005.py").write_text((folder / "dags/p0004.py").read_text())
    git(folder, "init", "--quiet")
    commit(folder)


def change_pipeline(folder: Path, number: int, value: str) -> None:
    """Rename the last task of one DAG of twenty tasks."""
    text = _PIPELINE.format(number=number, helper=number % HELPERS, own=value)
    (folder / f"dags/p{number:04}.py").write_text(text)


def generate(folder: Path, files: int, dags: int) -> None:
    """Create a git repository with one commit and ``files`` files, of which ``dags`` are DAG files."""
    for package in ("helpers", "dags"):
        (folder / package).mkdir(parents=True)
    for number in range(HELPERS):
        change_helper(folder, number, "0")
    for number in range(dags):
        change_dag(folder, number, "0")
    for number in range(files - dags - HELPERS):
        module = folder / f"lib/p{number // 100:03}/m{number:05}.py"
        module.parent.mkdir(parents=True, exist_ok=True)
        module.write_text(f'"""Module {number}."""\n\nNUMBER = {number}\n')
    git(folder, "init", "--quiet")
    commit(folder)


def change_dag(folder: Path, number: int, value: str) -> None:
    """Rename the first task of one DAG."""
    path = folder / f"dags/d{number:04}.py"
    path.write_text(_DAG.format(number=number, helper=number % HELPERS, own=value))


def change_helper(folder: Path, number: int, value: str) -> None:
    """Change a helper, which renames a task of every DAG that imports it."""
    (folder / f"helpers/h{number:03}.py").write_text(f"VALUE = {value!r}\n")


def commit(folder: Path) -> None:
    """Commit all files."""
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "change")


def git(folder: Path, *arguments: str) -> None:
    """Run a git command with a fixed author and without background garbage collection."""
    identity = ("-c", "user.name=Bench", "-c", "user.email=bench@example.org", "-c", "gc.auto=0")
    subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True)
