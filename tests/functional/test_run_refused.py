"""``tradewind run`` of a DAG that does not exist, was removed, or cannot be imported."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fake_platform import Airflow, dag
from played_run import etl, played

# The name of the DAG

OLD = {"bundle_version": "d-0000000000000000"}
UNFINISHED = [{"dag_run_id": "manual__0", "state": "running"}]
TRACE = "Traceback (most recent call last):\n  File ...\nNameError: name 'x' is not defined\n"
GONE = "hint: restore it to run it again; its runs: U/dags/etl/runs\n"


def test_a_paused_dag_is_told_to_run_and_so_is_its_schedule(checkout: Path) -> None:
    airflow = etl(is_paused=True, timetable_summary="0 0 * * *")

    said = played(checkout, airflow, "etl")

    assert said.err.splitlines()[:2] == [
        "running etl",
        "note: etl was paused; it is active now; its schedule: 0 0 * * *",
    ]
    assert not airflow.dags["etl"]["is_paused"]


def test_a_paused_dag_that_airflow_does_not_run_stays_paused(checkout: Path) -> None:
    airflow = etl(is_paused=True)
    airflow.refusal = (400, "no")

    assert played(checkout, airflow, "etl").code == 1
    assert airflow.dags["etl"]["is_paused"]


@pytest.mark.parametrize("typed", ["", ".", "..", "../dags", "etl/", "etl?x=y", "é"])
def test_what_can_be_no_dag_id_is_none(typed: str, checkout: Path) -> None:
    said = f"error: there is no DAG {typed!r}"

    assert played(checkout, etl(), typed).err.startswith(said)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("elt", "error: there is no DAG 'elt': did you mean etl?\nhint: DAGs: etl, report\n"),
        ("REPORT", "error: there is no DAG 'REPORT': did you mean report?\nhint: DAGs: etl, report\n"),
        ("x", "error: there is no DAG 'x'\nhint: DAGs: etl, report\n"),
    ],
)
def test_a_dag_that_is_not_there(typed: str, said: str, checkout: Path) -> None:
    airflow = Airflow({name: dag(name) for name in ("etl", "report")})

    assert played(checkout, airflow, typed) == (1, "", said)
    assert not any("/dags?" in asked and "offset=100" in asked for asked in airflow.asked)


def test_of_many_dags_some_are_named_and_all_are_compared(checkout: Path) -> None:
    airflow = Airflow({name: dag(name) for name in (f"dag_{number:03}" for number in range(250))})

    assert played(checkout, airflow, "dag_24") == (
        1,
        "",
        (
            "error: there is no DAG 'dag_24': did you mean dag_249 or dag_248 or dag_247?\n"
            "hint: DAGs: dag_000, dag_001, dag_002, dag_003, dag_004, dag_005, dag_006, dag_007, dag_008, dag_009"
            " and 240 more\n"
        ),
    )


def test_files_that_cannot_be_imported_may_have_it(checkout: Path) -> None:
    airflow = Airflow(import_errors={f"{name}.py": TRACE for name in "abcde"})

    assert played(checkout, airflow, "x") == (
        1,
        "",
        (
            "error: there is no DAG 'x': 5 files cannot be imported: a.py: NameError: name 'x' is not defined; "
            "b.py: NameError: name 'x' is not defined; c.py: NameError: name 'x' is not defined; and 2 more\n"
            "hint: DAGs: none\n"
        ),
    )


@pytest.mark.parametrize("known", [True, False])
def test_the_file_that_should_have_it_cannot_be_imported(known: bool, checkout: Path) -> None:
    # Airflow may know the DAG from before the file broke, or not at all.
    found = {"etl": dag("etl", **OLD, is_stale=True, has_import_errors=True)} if known else {}
    airflow = Airflow(found, import_errors={"etl.py": TRACE, "more.py": "SyntaxError"})

    assert played(checkout, airflow, "etl") == (
        1,
        "",
        (
            "error: etl cannot be run: its file etl.py cannot be imported: NameError: name 'x' is not defined\n"
            "hint: correct etl.py; tradewind dags test checks all files\n"
        ),
    )


def test_a_file_names_it_and_does_not_make_it(checkout: Path) -> None:
    assert played(checkout, Airflow(), "etl") == (
        1,
        "",
        (
            "error: there is no DAG 'etl': etl.py mentions it, but defines no DAG of that name when it is imported\n"
            "hint: DAGs: none\n"
        ),
    )


@pytest.mark.parametrize(
    ("changes", "runs", "why"),
    [
        ({"is_stale": True, "relative_fileloc": "old.py"}, [], "its file old.py no longer exists"),
        ({"is_stale": True, "relative_fileloc": "more.py"}, [], "more.py no longer defines it"),
        (OLD, [], "etl.py no longer defines it"),
        (
            {"has_import_errors": True, "relative_fileloc": "old.py"},
            UNFINISHED,
            (
                "its file old.py no longer exists; its unfinished run continues with the files that it started with, "
                "and no new run starts"
            ),
        ),
        (
            {"has_import_errors": True, "relative_fileloc": "old.py"},
            UNFINISHED * 2,
            (
                "its file old.py no longer exists; its 2 unfinished runs continue with the files that they started "
                "with, and no new run starts"
            ),
        ),
    ],
    ids=["file gone", "file without it", "of an earlier release", "unfinished run", "unfinished runs"],
)
def test_a_dag_that_only_the_database_has(
    changes: dict[str, Any], runs: list[dict[str, Any]], why: str, checkout: Path
) -> None:
    airflow = etl(**changes)
    airflow.runs = runs

    said = f"error: etl is no longer in the DAG folder: {why}\n{GONE}"
    assert played(checkout, airflow, "etl") == (1, "", said)
    assert airflow.started == []


def test_a_folder_that_cannot_be_served_is_told_of_whatever_is_run(checkout: Path) -> None:
    note = "note: the last change of the DAG folder is not active: a link\n"
    airflow = etl()
    airflow.problem = "a link"

    assert played(checkout, airflow, "etl").err == f"{note}running etl\n  {'load':<24} success\n"
    assert played(checkout, airflow, "x").err.startswith(note)
