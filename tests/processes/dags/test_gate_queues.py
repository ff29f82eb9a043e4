"""The queues in which the tasks of DAG files wait, read by real Airflow."""

from __future__ import annotations

from gate_samples import errors, examine

from tradewind.config.gate_settings import Gate
from tradewind.dag_releases.manifest import Origin
from tradewind.dags.tree import File, Tree

QUEUES = """
from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, Asset, TaskGroup, task

with DAG("a", schedule=None, default_args={"queue": "of_all"}):
    @task(queue="mapped")
    def mapped(value):
        return value

    @task
    def plain():
        pass

    mapped.expand(value=[1, 2])
    plain()
    BashOperator.partial(task_id="mapped_too", queue="mapped_too").expand(bash_command=["a", "b"])
    BashOperator.partial(task_id="of_all").expand(bash_command=["a", "b"])
    BashOperator(task_id="celery", bash_command="x", queue="celery", executor="CeleryExecutor")
    EmptyOperator(task_id="nothing")
    EmptyOperator(task_id="tells", outlets=[Asset("x")])
    with TaskGroup("group", default_args={"queue": "of_a_group"}):
        BashOperator(task_id="t", bash_command="x")
with DAG("b", schedule=None):
    BashOperator(task_id="t", bash_command="x")
"""
ELSEWHERE = """
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

with DAG("a", schedule=None):
    BashOperator(task_id="t", bash_command="x", queue="of_nobody", executor="LocalExecutor")
"""


def tree(**files: str) -> Tree:
    return Tree({f"{name}.py": File(text.encode()) for name, text in files.items()}, Origin())


def queues(gate: Gate | None = None, **files: str) -> dict[str, str]:
    return {
        f"{dag.id}.{task.id}": task.queue
        for file in examine(tree(**files), gate).files
        for dag in file.dags
        for task in dag.tasks
    }


def test_the_queues_in_which_tasks_wait_for_workers() -> None:
    assert queues(q=QUEUES) == {
        "a.mapped": "mapped",
        "a.plain": "of_all",
        "a.mapped_too": "mapped_too",
        "a.of_all": "of_all",
        "a.celery": "celery",
        "a.nothing": "",
        "a.tells": "of_all",
        "a.group.t": "of_a_group",
        "b.t": "default",
    }


def test_settings_of_an_environment_that_change_where_tasks_wait() -> None:
    gate = Gate(
        variables={
            "AIRFLOW__OPERATORS__DEFAULT_QUEUE": "other",
            "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor,LocalExecutor",
        }
    )
    found = queues(gate, q=QUEUES, e=ELSEWHERE.replace('"a"', '"e"'))
    assert (found["a.plain"], found["b.t"], found["e.t"]) == ("of_all", "other", "")
    # An executor that the environment does not have is an error of its own.
    assert "which is not available" in errors(examine(tree(e=ELSEWHERE)))["e.py"]
