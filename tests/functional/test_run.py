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
    return Airflow({"etl": dag("etl", **changes)}, list(looks) or [Look("success", [task("load", "success")])])


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
