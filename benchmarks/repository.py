"""A generated repository of DAGs: many files, of which some are DAGs, some helpers that several DAGs import."""

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


def generate(folder: Path, files: int, dags: int) -> None:
    """A git repository with ``files`` files in all, of which ``dags`` are DAG files, and one commit."""
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
    """Another task of its own for one DAG."""
    path = folder / f"dags/d{number:04}.py"
    path.write_text(_DAG.format(number=number, helper=number % HELPERS, own=value))


def change_helper(folder: Path, number: int, value: str) -> None:
    """Another name for a task of every DAG that imports this helper."""
    (folder / f"helpers/h{number:03}.py").write_text(f"VALUE = {value!r}\n")


def commit(folder: Path) -> None:
    """Commit everything."""
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "change")


def git(folder: Path, *arguments: str) -> None:
    """One git command, as nobody in particular."""
    identity = ("-c", "user.name=Bench", "-c", "user.email=bench@example.org", "-c", "gc.auto=0")
    subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True)
