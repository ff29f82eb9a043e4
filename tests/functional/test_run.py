"""``tradewind run`` as a person types it, on a platform whose Airflow plays what the test says."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import fake_platform
import pytest
from fake_platform import RUN_ID, Airflow, Look, dag, task

COMMAND = Path(sys.executable).parent / "tradewind"
ROOT = Path(__file__).parents[2]
HINT = "hint: such as --logical-date 2026-01-31T06:00+01:00 or none, --conf '{\"n\": 3}' or @FILE\n"
PARAMS = "hint: tradewind run etl --conf '{\"NAME\": VALUE}' sets its params\n"


class Said(NamedTuple):
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A checkout in which nothing runs."""
    shutil.copy(ROOT / "tradewind.yaml", tmp_path)
    return tmp_path


def run(folder: Path, *arguments: str) -> Said:
    """The command; every address of the fake is U in what it says."""
    result = subprocess.run(
        [str(COMMAND), "run", *arguments],
        cwd=folder,
        env={**os.environ, "NO_COLOR": "1", "PYTHONUTF8": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
    )
    assert "Traceback" not in result.stderr, result.stderr
    return Said(result.returncode, result.stdout, result.stderr)


def played(folder: Path, airflow: Airflow, *arguments: str) -> Said:
    """The command on a platform with this Airflow, whose address is U in what it says."""
    with fake_platform.running(folder, airflow) as url:
        said = run(folder, *arguments)
    return Said(said.code, said.out.replace(url, "U"), said.err.replace(url, "U"))


def etl(*looks: Look, **changes: Any) -> Airflow:
    """An Airflow with the DAG etl, of which a run goes through ``looks``."""
    return Airflow({"etl": dag("etl", **changes)}, looks=list(looks) or [Look("success", [task("load", "success")])])


# What it is started with


def test_a_run_has_a_logical_date(folder: Path) -> None:
    airflow = etl()
    before = datetime.now(UTC)

    said = played(folder, airflow, "etl")

    assert said == (0, f"etl succeeded: U/dags/etl/runs/{RUN_ID}\n", f"running etl\n  {'load':<24} success\n")
    (body,) = airflow.started
    date = datetime.fromisoformat(body["logical_date"])
    assert before <= date <= datetime.now(UTC)
    assert body["conf"] == {}


@pytest.mark.parametrize(
    ("options", "body"),
    [
        (("--logical-date", "none"), {"logical_date": None, "conf": {}}),
        (("--logical-date", "2026-01-31"), {"logical_date": "2026-01-31T00:00:00+00:00", "conf": {}}),
        (("--logical-date", "2026-01-31T06:00+01:00"), {"logical_date": "2026-01-31T05:00:00+00:00", "conf": {}}),
        (("--logical-date", "none", "--conf", '{"n": [1]}'), {"logical_date": None, "conf": {"n": [1]}}),
        (("--logical-date", "none", "--conf", "@conf.json"), {"logical_date": None, "conf": {"é": "3"}}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_a_run_is_started_with(options: tuple[str, ...], body: dict[str, Any], folder: Path) -> None:
    (folder / "conf.json").write_text('{"é": "3"}', encoding="utf-8")
    airflow = etl()

    assert played(folder, airflow, "etl", *options).code == 0
    assert airflow.started == [body]


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (("--logical-date", "soon"), "--logical-date 'soon' is no date as ISO 8601 has it"),
        (
            ("--logical-date", "9999-01-01"),
            "--logical-date 9999-01-01 is in the future: Airflow would run no task before",
        ),
        (("--conf", "[1]"), "--conf is no JSON object, which begins with {"),
        (("--conf", '{"n": NaN}'), "--conf is no JSON: NaN is none of its numbers"),
        (
            ("--conf", "{n: 1}"),
            "--conf is no JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)",
        ),
        (("--conf", "@nowhere.json"), "--conf @nowhere.json cannot be read: No such file or directory"),
        (("--conf", "@tradewind.yaml"), "--conf @tradewind.yaml is no JSON: Expecting value: line 1 column 1 (char 0)"),
        (
            ("--logical-date", "", "--conf", "1"),
            "--logical-date '' is no date as ISO 8601 has it; --conf is no JSON object, which begins with {",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_options_that_mean_nothing_are_told_before_anything_is_asked(
    options: tuple[str, ...], error: str, folder: Path
) -> None:
    # Nothing runs here, and that is not what is told.
    assert run(folder, "etl", *options) == (2, "", f"error: {error}\n{HINT}")


def test_a_second_run_at_the_same_date_names_the_first(folder: Path) -> None:
    airflow = etl()
    airflow.refusal = (409, {"reason": "Unique constraint violation", "statement": "hidden", "message": "Serious"})
    airflow.runs = [{"dag_run_id": "manual__0", "state": "failed"}]

    said = played(folder, airflow, "etl", "--logical-date", "2026-01-31")

    assert said == (
        1,
        "",
        (
            "running etl\n"
            "error: etl has a run at 2026-01-31T00:00:00+00:00 already: manual__0, failed\n"
            "hint: clear that run in Airflow to run it again (U/dags/etl/runs/manual__0), "
            "or give another --logical-date\n"
        ),
    )


@pytest.mark.parametrize(
    ("refusal", "said"),
    [
        (
            (400, "Invalid input for param n: None is not of type 'integer'"),
            "Invalid input for param n: None is not of type 'integer'",
        ),
        (
            (422, [{"loc": ["body", "conf"], "msg": "Input should be a valid dictionary"}]),
            "conf: Input should be a valid dictionary",
        ),
    ],
    ids=["400", "422"],
)
def test_what_airflow_refuses_is_told_in_its_words(refusal: tuple[int, Any], said: str, folder: Path) -> None:
    airflow = etl()
    airflow.refusal = refusal

    assert played(folder, airflow, "etl") == (1, "", f"running etl\nerror: Airflow does not run etl: {said}\n{PARAMS}")


# Which DAG is meant

OLD = {"bundle_version": "d-0000000000000000"}
UNFINISHED = [{"dag_run_id": "manual__0", "state": "running"}]
TRACE = "Traceback (most recent call last):\n  File ...\nNameError: name 'x' is not defined\n"
GONE = "hint: put it back to run it again; its runs: U/dags/etl/runs\n"


def test_a_paused_dag_is_told_to_run_and_so_is_its_schedule(folder: Path) -> None:
    airflow = etl(is_paused=True, timetable_summary="0 0 * * *")

    said = played(folder, airflow, "etl")

    assert said.err.splitlines()[0] == "note: etl was paused, and is not any more; its schedule: 0 0 * * *"
    assert not airflow.dags["etl"]["is_paused"]


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("elt", "error: there is no DAG 'elt': did you mean etl?\nhint: DAGs: etl, report\n"),
        ("REPORT", "error: there is no DAG 'REPORT': did you mean report?\nhint: DAGs: etl, report\n"),
        ("x", "error: there is no DAG 'x'\nhint: DAGs: etl, report\n"),
    ],
)
def test_a_dag_that_is_not_there(typed: str, said: str, folder: Path) -> None:
    airflow = Airflow({name: dag(name) for name in ("etl", "report")})

    assert played(folder, airflow, typed) == (1, "", said)
    assert not any("/dags?" in asked and "offset=100" in asked for asked in airflow.asked)


def test_of_many_dags_some_are_named_and_all_are_compared(folder: Path) -> None:
    airflow = Airflow({name: dag(name) for name in (f"dag_{number:03}" for number in range(250))})

    assert played(folder, airflow, "dag_24") == (
        1,
        "",
        (
            "error: there is no DAG 'dag_24': did you mean dag_249 or dag_248 or dag_247?\n"
            "hint: DAGs: dag_000, dag_001, dag_002, dag_003, dag_004, dag_005, dag_006, dag_007, dag_008, dag_009"
            " and 240 more\n"
        ),
    )


def test_files_that_cannot_be_imported_may_have_it(folder: Path) -> None:
    airflow = Airflow(import_errors={f"{name}.py": TRACE for name in "abcde"})

    assert played(folder, airflow, "x") == (
        1,
        "",
        (
            "error: there is no DAG 'x': 5 files cannot be imported: a.py: NameError: name 'x' is not defined; "
            "b.py: NameError: name 'x' is not defined; c.py: NameError: name 'x' is not defined; and 2 more\n"
            "hint: DAGs: none\n"
        ),
    )


@pytest.mark.parametrize("known", [True, False])
def test_the_file_that_should_have_it_cannot_be_imported(known: bool, folder: Path) -> None:
    # Airflow may have read it before it broke, or never.
    found = {"etl": dag("etl", **OLD, is_stale=True, has_import_errors=True)} if known else {}
    airflow = Airflow(found, import_errors={"etl.py": TRACE, "more.py": "SyntaxError"})

    assert played(folder, airflow, "etl") == (
        1,
        "",
        (
            "error: etl cannot be run: its file etl.py cannot be imported: NameError: name 'x' is not defined\n"
            "hint: mend etl.py; tradewind dags test tries all files\n"
        ),
    )


def test_a_file_names_it_and_does_not_make_it(folder: Path) -> None:
    assert played(folder, Airflow(), "etl") == (
        1,
        "",
        (
            "error: there is no DAG 'etl': etl.py names it, and makes no DAG of that name when it is imported\n"
            "hint: DAGs: none\n"
        ),
    )


@pytest.mark.parametrize(
    ("changes", "runs", "why"),
    [
        ({"is_stale": True, "relative_fileloc": "old.py"}, [], "old.py, which had it, is not there"),
        ({"is_stale": True, "relative_fileloc": "more.py"}, [], "more.py no longer has it"),
        (OLD, [], "etl.py no longer has it"),
        (
            {"has_import_errors": True, "relative_fileloc": "old.py"},
            UNFINISHED,
            (
                "old.py, which had it, is not there; its unfinished run goes on, with the files that it began with, "
                "and no other starts"
            ),
        ),
        (
            {"has_import_errors": True, "relative_fileloc": "old.py"},
            UNFINISHED * 2,
            (
                "old.py, which had it, is not there; its 2 unfinished runs go on, with the files that they began with, "
                "and no other starts"
            ),
        ),
    ],
    ids=["file gone", "file without it", "of an earlier release", "unfinished run", "unfinished runs"],
)
def test_a_dag_that_only_the_database_has(
    changes: dict[str, Any], runs: list[dict[str, Any]], why: str, folder: Path
) -> None:
    airflow = etl(**changes)
    airflow.runs = runs

    said = f"error: etl is no longer in the DAG folder: {why}\n{GONE}"
    assert played(folder, airflow, "etl") == (1, "", said)
    assert airflow.started == []


def test_a_folder_that_cannot_be_served_is_told_of_whatever_is_run(folder: Path) -> None:
    note = "note: the last change of the DAG folder is not served: a link\n"
    airflow = etl()
    airflow.problem = "a link"

    assert played(folder, airflow, "etl").err == f"{note}running etl\n  {'load':<24} success\n"
    assert played(folder, airflow, "x").err.startswith(note)


# How it comes along


def mapped(name: str, **states: int) -> list[dict[str, Any]]:
    """The instances of a mapped task: so many in each state; ``none`` for those that nothing has happened to."""
    each = [state for state, count in states.items() for _ in range(count)]
    return [task(name, None if state == "none" else state, index) for index, state in enumerate(each)]


def test_a_mapped_task_is_one_line_with_counts(folder: Path) -> None:
    extracted = task("extract", "success")
    airflow = etl(
        Look("queued", []),
        Look("running", [task("extract", "queued"), task("work", None)]),
        Look("running", [extracted, *mapped("work", none=250)]),
        Look("running", [extracted, *mapped("work", success=120, up_for_retry=1, running=9, none=120)]),
        Look("running", [extracted, *mapped("work", success=250)]),
        Look("success", [extracted, *mapped("work", success=250), task("load", "success")]),
    )

    assert played(folder, airflow, "etl").err.splitlines() == [
        "running etl",
        "  extract                  queued",
        "  extract                  success",
        "  work                     0 of 250 success",
        "  work                     120 of 250 success, 9 running, 1 up_for_retry",
        "  work                     250 of 250 success",
        "  load                     success",
    ]
    # Between the first look and the last, what has not changed is not read again.
    lists = ["updated_at_gte" in asked for asked in airflow.asked if "/taskInstances?" in asked]
    assert (lists[0], set(lists[1:-3]), lists[-3:]) == (False, {True}, [False] * 3)


def test_a_run_that_is_deleted_meanwhile(folder: Path) -> None:
    airflow = etl(Look("running", [task("extract", "running")]), Look("", []))

    assert played(folder, airflow, "etl") == (
        1,
        "",
        (
            "running etl\n  extract                  running\n"
            f"error: the run {RUN_ID} of etl is gone: it was deleted in Airflow\n"
        ),
    )
