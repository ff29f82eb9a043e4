"""``tradewind run``: the run that it starts, its progress, and its result."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fake_platform import RUN_ID, Look, task
from played_run import etl, mapped, played, run

HINT = "hint: for example --logical-date 2026-01-31T06:00+01:00 or none, --conf '{\"n\": 3}' or @FILE\n"
PARAMS = "hint: --conf '{\"NAME\": VALUE}' sets its params; its page: U/dags/etl\n"


# Options of the start


def test_a_run_has_a_logical_date(checkout: Path) -> None:
    airflow = etl()
    before = datetime.now(UTC)

    said = played(checkout, airflow, "etl")

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
def test_what_a_run_is_started_with(options: tuple[str, ...], body: dict[str, Any], checkout: Path) -> None:
    (checkout / "conf.json").write_text('{"é": "3"}', encoding="utf-8")
    airflow = etl()

    assert played(checkout, airflow, "etl", *options).code == 0
    assert airflow.started == [body]


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (("--logical-date", "soon"), "--logical-date 'soon' is not a date in ISO 8601"),
        (
            ("--logical-date", "9999-01-01"),
            "--logical-date 9999-01-01 is in the future: Airflow would start no task before then",
        ),
        (("--conf", "[1]"), "--conf is not a JSON object, which begins with {"),
        (("--conf", '{"n": NaN}'), "--conf is not JSON: NaN is not a JSON number"),
        (
            ("--conf", "{n: 1}"),
            "--conf is not JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)",
        ),
        (("--conf", "@nowhere.json"), "--conf @nowhere.json cannot be read: No such file or directory"),
        (
            ("--conf", "@tradewind.yaml"),
            "--conf @tradewind.yaml is not JSON: Expecting value: line 1 column 1 (char 0)",
        ),
        (
            ("--logical-date", "", "--conf", "1"),
            "--logical-date '' is not a date in ISO 8601; --conf is not a JSON object, which begins with {",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_options_that_mean_nothing_are_told_before_anything_is_asked(
    options: tuple[str, ...], error: str, checkout: Path
) -> None:
    # No platform runs here. The command must report the options first.
    assert run(checkout, "etl", *options) == (2, "", f"error: {error}\n{HINT}")


def test_a_second_run_at_the_same_date_names_the_first(checkout: Path) -> None:
    airflow = etl()
    airflow.refusal = (409, {"reason": "Unique constraint violation", "statement": "hidden", "message": "Serious"})
    airflow.runs = [{"dag_run_id": "manual__0", "state": "failed"}]

    said = played(checkout, airflow, "etl", "--logical-date", "2026-01-31")

    assert said == (
        1,
        "",
        (
            "running etl\n"
            "error: etl already has a run at 2026-01-31T00:00:00+00:00: manual__0, failed\n"
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
def test_what_airflow_refuses_is_told_in_its_words(refusal: tuple[int, Any], said: str, checkout: Path) -> None:
    airflow = etl()
    airflow.refusal = refusal

    assert played(checkout, airflow, "etl") == (
        1,
        "",
        f"running etl\nerror: Airflow does not run etl: {said}\n{PARAMS}",
    )


# Progress


def test_a_mapped_task_is_one_line_with_counts(checkout: Path) -> None:
    extracted = task("extract", "success")
    airflow = etl(
        Look("queued", []),
        Look("running", [task("extract", "queued"), task("work", None)]),
        Look("running", [extracted, *mapped("work", none=250)]),
        Look("running", [extracted, *mapped("work", success=120, up_for_retry=1, running=9, none=120)]),
        Look("running", [extracted, *mapped("work", success=250)]),
        Look("success", [extracted, *mapped("work", success=250), task("load", "success")]),
    )

    assert played(checkout, airflow, "etl").err.splitlines() == [
        "running etl",
        "  extract                  queued",
        "  extract                  success",
        "  work                     0 of 250 success",
        "  work                     120 of 250 success, 9 running, 1 up_for_retry",
        "  work                     250 of 250 success",
        "  load                     success",
    ]
    # Between the first look and the last, unchanged task instances are not read again.
    lists = ["updated_at_gte" in asked for asked in airflow.asked if "/taskInstances?" in asked]
    assert (lists[0], set(lists[1:-3]), lists[-3:]) == (False, {True}, [False] * 3)


def test_a_run_that_is_deleted_meanwhile(checkout: Path) -> None:
    airflow = etl(Look("running", [task("extract", "running")]), Look("", []))

    assert played(checkout, airflow, "etl") == (
        1,
        "",
        (
            "running etl\n  extract                  running\n"
            f"error: the run {RUN_ID} of etl no longer exists: it was deleted in Airflow\n"
        ),
    )


# Results


def raised(name: str, value: str, line: int) -> list[dict[str, Any]]:
    """The log of an attempt that ended with an exception, in a file of a DAG release."""
    path = "/run/unpacked/dags/versions/d-0123456789abcdef/etl.py"
    detail = {"exc_type": name, "exc_value": value, "frames": [{"filename": path, "lineno": line, "name": "f"}]}
    return [
        {"event": "Filling up the DagBag", "level": "info"},
        {"event": "Task failed with exception", "level": "error", "error_detail": [detail]},
        {"event": "::endgroup::", "level": "info"},
    ]


def test_a_run_that_failed_says_which_exceptions_ended_it(checkout: Path) -> None:
    airflow = etl(
        Look(
            "failed",
            [
                task("extract", "failed", try_number=3),
                *mapped("work", failed=3, success=7),
                task("load", "upstream_failed"),
                task("report", "upstream_failed"),
            ],
        )
    )
    airflow.logs = {
        ("extract", -1, 3): raised("ValueError", "no column 'a'\x1b[2J\nin the table", 12),
        ("work", 0, 1): raised("KeyError", "'a'", 20),
        ("work", 1, 1): raised("TimeoutError", "after 3 s", 21),
        ("work", 2, 1): raised("TimeoutError", "after 4 s", 21),
    }

    assert played(checkout, airflow, "etl") == (
        1,
        "",
        (
            "running etl\n"
            "  extract                  failed\n"
            "  work                     7 of 10 success, 3 failed\n"
            "  load                     upstream_failed\n"
            "  report                   upstream_failed\n"
            "  extract, try 3: ValueError: no column 'a'\N{REPLACEMENT CHARACTER}[2J (etl.py:12)\n"
            "      in the table\n"
            "  work, 3 of 10 failed:\n"
            "    2 x TimeoutError: after 3 s (etl.py:21), and similar, e.g. work[1], try 1\n"
            "    1 x KeyError: 'a' (etl.py:20), e.g. work[0], try 1\n"
            "  load and report did not run: an upstream task failed\n"
            "error: etl ended as failed: extract and work failed\n"
            f"hint: its logs: U/dags/etl/runs/{RUN_ID}\n"
        ),
    )


def test_a_log_that_cannot_be_read_is_no_reason_to_say_nothing(checkout: Path) -> None:
    said = played(checkout, etl(Look("failed", [task("extract", "failed")])), "etl")

    assert said.err.splitlines()[2:-1] == [
        "  extract, try 1: its log cannot be read: it does not exist",
        "error: etl ended as failed: extract failed",
    ]


def test_a_run_that_was_ended_for_its_time(checkout: Path) -> None:
    airflow = etl(Look("failed", [task("extract", "success"), task("work", "skipped")]))
    airflow.details = {"dag_run_timeout": "PT1M"}

    assert played(checkout, airflow, "etl").err.splitlines()[-2] == (
        "error: etl ended as failed: it ran longer than its dagrun_timeout of 60 s"
    )


@pytest.mark.parametrize(
    ("tasks", "note"),
    [
        ([], "no task ran: etl has none at the logical date 2026-01-31T00:00:00Z: see its start_date and end_date"),
        ([task("extract", "failed"), task("load", "success")], "extract failed, but the run succeeded"),
    ],
    ids=["no task", "a failure that another task made good"],
)
def test_a_success_that_is_not_what_one_thinks(tasks: list[dict[str, Any]], note: str, checkout: Path) -> None:
    said = played(checkout, etl(Look("success", tasks)), "etl")

    assert (said.code, said.err.splitlines()[-1]) == (0, f"note: {note}")
