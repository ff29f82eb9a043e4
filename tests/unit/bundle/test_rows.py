"""The changes of the DAG processor to Airflow's tables, on Airflow's own tables in SQLite."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from sqlalchemy import Engine

ONE, TWO, THREE = (f"d-{number:016x}" for number in (1, 2, 3))


pytestmark = pytest.mark.usefixtures("airflow_home")


@pytest.fixture
def session(airflow_tables: Engine) -> Iterator[object]:
    from sqlalchemy.orm import Session

    with Session(airflow_tables) as opened:
        yield opened


def add(session: object, dag: str, release: str, **others: object) -> None:
    """Add a DAG with two versions, the newer one of ``release``. The DAG can be scheduled."""
    from airflow.models.dag import DagModel
    from airflow.models.dag_version import DagVersion
    from airflow.models.dagbundle import DagBundleModel

    if session.get(DagBundleModel, "dags") is None:  # type: ignore[attr-defined]
        session.add(DagBundleModel(name="dags"))  # type: ignore[attr-defined]
    row = {"relative_fileloc": f"{dag}.py", "is_stale": False, "has_import_errors": False, **others}
    when = datetime(2026, 1, 1, tzinfo=UTC)
    made = DagModel(dag_id=dag, bundle_name="dags", bundle_version=release, next_dagrun_create_after=when, **row)
    session.add(made)  # type: ignore[attr-defined]
    for number in (1, 2):
        session.add(DagVersion(dag_id=dag, version_number=number, bundle_name="dags", bundle_version=release))  # type: ignore[attr-defined]
    session.flush()  # type: ignore[attr-defined]


def run(session: object, dag: str, state: str) -> None:
    from airflow.models.dagrun import DagRun
    from airflow.utils.types import DagRunType

    made = DagRun(
        dag_id=dag, run_id=f"{dag}-{state}", run_type=DagRunType.MANUAL, run_after=datetime(2026, 1, 1, tzinfo=UTC)
    )
    session.add(made)  # type: ignore[attr-defined]
    session.flush()  # type: ignore[attr-defined]
    made._state = state
    session.flush()  # type: ignore[attr-defined]


def dags(session: object) -> dict[str, tuple[bool, bool, bool]]:
    """By DAG: whether it is stale, whether it has import errors, whether a next run is due."""
    from airflow.models.dag import DagModel
    from sqlalchemy import select

    session.expire_all()  # type: ignore[attr-defined]
    found = session.scalars(select(DagModel))  # type: ignore[attr-defined]
    return {d.dag_id: (d.is_stale, bool(d.has_import_errors), d.next_dagrun_create_after is not None) for d in found}


def versions(session: object) -> dict[str, tuple[str, list[str]]]:
    """By DAG: its release, and the releases of its versions."""
    from airflow.models.dag import DagModel
    from airflow.models.dag_version import DagVersion
    from sqlalchemy import select

    session.expire_all()  # type: ignore[attr-defined]
    found = {d.dag_id: (d.bundle_version, []) for d in session.scalars(select(DagModel))}  # type: ignore[attr-defined]
    for row in session.scalars(select(DagVersion).order_by(DagVersion.version_number)):  # type: ignore[attr-defined]
        found[row.dag_id][1].append(row.bundle_version)
    return found


def test_what_did_not_change_is_the_new_releases(session: object) -> None:
    from tradewind.runtime.bundle import rows

    for dag in ("a", "b", "c"):
        add(session, dag, ONE)
    assert rows.carry_over(session, "dags", ONE, TWO, {"a.py", "b.py"}) == set()  # type: ignore[arg-type]
    assert versions(session) == {"a": (TWO, [ONE, TWO]), "b": (TWO, [ONE, TWO]), "c": (ONE, [ONE, ONE])}


def test_a_row_of_a_third_release_is_not_touched_and_its_file_told(session: object) -> None:
    from tradewind.runtime.bundle import rows

    add(session, "a", ONE)
    add(session, "b", THREE)
    add(session, "gone", ONE, is_stale=True)
    same = {"a.py", "b.py", "gone.py"}
    assert rows.carry_over(session, "dags", ONE, TWO, same) == {"b.py"}  # type: ignore[arg-type]
    assert versions(session) == {"a": (TWO, [ONE, TWO]), "b": (THREE, [THREE, THREE]), "gone": (ONE, [ONE, ONE])}


def test_very_many_at_once(session: object) -> None:
    from tradewind.runtime.bundle import rows

    for number in range(1100):
        add(session, f"d{number}", ONE)
    rows.carry_over(session, "dags", ONE, TWO, {f"d{number}.py" for number in range(1100)})  # type: ignore[arg-type]
    assert set(map(str, (release for release, _ in versions(session).values()))) == {TWO}


def test_a_dag_that_is_gone_stays_for_its_runs_and_starts_none(session: object) -> None:
    from tradewind.runtime.bundle import rows

    for dag in ("running", "queued", "ended", "never"):
        add(session, dag, ONE, is_stale=True)
    add(session, "there", ONE)
    for dag, state in (("running", "running"), ("queued", "queued"), ("ended", "success"), ("there", "running")):
        run(session, dag, state)
    revived = rows.revive(session, "dags")  # type: ignore[arg-type]
    assert revived == {"running", "queued"}
    assert dags(session) == {
        "running": (False, True, False),
        "queued": (False, True, False),
        "ended": (True, False, True),
        "never": (True, False, True),
        "there": (False, False, True),
    }
    assert rows.let_go(session, revived) == revived  # type: ignore[arg-type]


def test_it_goes_when_its_runs_have_ended_unless_it_is_back(session: object) -> None:
    from airflow.models.dag import DagModel
    from airflow.models.dagrun import DagRun
    from sqlalchemy import update

    from tradewind.runtime.bundle import rows

    for dag in ("gone", "back", "still"):
        add(session, dag, ONE, is_stale=True)
        run(session, dag, "running")
    revived = rows.revive(session, "dags")  # type: ignore[arg-type]
    session.execute(update(DagModel).where(DagModel.dag_id == "back").values(has_import_errors=False))  # type: ignore[attr-defined]
    session.execute(update(DagRun).where(DagRun.dag_id != "still").values(_state="success"))  # type: ignore[attr-defined]
    assert rows.let_go(session, revived) == {"still"}  # type: ignore[arg-type]
    assert {dag: stale for dag, (stale, _, _) in dags(session).items()} == {"gone": True, "back": False, "still": False}


def test_only_of_the_files_that_were_asked_for(session: object) -> None:
    from tradewind.runtime.bundle import rows

    for dag in ("a", "b"):
        add(session, dag, ONE, is_stale=True)
        run(session, dag, "running")
    assert rows.revive(session, "dags", {"a.py", "other.py"}) == {"a"}  # type: ignore[arg-type]
    assert rows.revive(session, "other") == set()  # type: ignore[arg-type]
