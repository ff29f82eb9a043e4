"""Runs that are created while another version of their DAG is stored, on Airflow's own tables in SQLite."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun
    from sqlalchemy import Engine
    from sqlalchemy.orm import Session

ONE, TWO = "d-0000000000000001", "d-0000000000000002"


pytestmark = pytest.mark.usefixtures("airflow_home")


@pytest.fixture
def session(airflow_tables: Engine) -> Iterator[Session]:
    from airflow.models.dagbundle import DagBundleModel
    from sqlalchemy.orm import Session

    with Session(airflow_tables) as opened:
        opened.add(DagBundleModel(name="dags"))
        opened.flush()
        yield opened


def store(session: Session, release: str, *tasks: str, queue: str = "default") -> Any:
    """Store the DAG with these tasks, as the DAG processor does. Return the DAG as the API reads it."""
    from airflow.models.serialized_dag import SerializedDagModel
    from airflow.providers.standard.operators.empty import EmptyOperator
    from airflow.sdk import DAG
    from airflow.serialization.definitions.dag import SerializedDAG
    from airflow.serialization.serialized_objects import DagSerialization, LazyDeserializedDAG

    with DAG("d", schedule=None) as dag:
        for task in tasks:
            EmptyOperator(task_id=task, queue=queue)
    lazy = LazyDeserializedDAG(data=DagSerialization.to_dict(dag))
    SerializedDAG.bulk_write_to_db("dags", release, [lazy], None, session=session)
    SerializedDagModel.write_dag(lazy, "dags", release, session=session)
    session.flush()
    return SerializedDagModel.get("d", session=session).dag


def create(session: Session, dag: Any, run_id: str = "r") -> DagRun:
    """Create a run of the DAG as the API has read it, even if another version was stored since."""
    from airflow.utils.state import DagRunState
    from airflow.utils.types import DagRunTriggeredByType, DagRunType

    run = dag.create_dagrun(
        run_id=run_id,
        run_after=datetime(2026, 1, 1, tzinfo=UTC),
        run_type=DagRunType.MANUAL,
        triggered_by=DagRunTriggeredByType.REST_API,
        state=DagRunState.QUEUED,
        session=session,
    )
    session.flush()
    session.expire_all()
    return run


def begin(session: Session, run: DagRun) -> None:
    """Start a waiting run, as the scheduler does."""
    from airflow.models.dagbag import DBDagBag
    from airflow.utils.state import DagRunState

    from tradewind.runtime.bundle.scheduler import RunStartListener

    run.dag = DBDagBag().get_dag_for_run(run, session=session)
    run.state = DagRunState.RUNNING
    RunStartListener().on_dag_run_running(run, "started")
    session.flush()
    session.expire_all()


def tasks(session: Session, run: DagRun) -> dict[str, tuple[str, str, Any]]:
    """By task of the run: its state, its queue, the release of its version."""
    found = run.get_task_instances(session=session)
    return {ti.task_id: (str(ti.state), ti.queue, ti.dag_version.bundle_version) for ti in found}


def test_a_run_that_was_created_while_another_version_was_stored_begins_with_its_tasks(session: Session) -> None:
    old = store(session, ONE, "first", "old")
    create(session, old, "before")
    store(session, TWO, "first", "new", queue="other")
    run = create(session, old)
    # Airflow creates this: a run on the new release, with tasks of the old one.
    assert run.bundle_version == TWO
    assert set(tasks(session, run)) == {"first", "old"}
    begin(session, run)
    assert tasks(session, run) == {"first": ("None", "other", TWO), "new": ("None", "other", TWO)}
    assert run.bundle_version == TWO


def test_the_release_is_that_of_the_version(session: Session) -> None:
    from airflow.models.dag import DagModel
    from sqlalchemy import update

    old = store(session, ONE, "first", "old")
    create(session, old, "before")
    store(session, TWO, "first", "new")
    # Airflow has read the release before the change, and the version after it.
    session.execute(update(DagModel).values(bundle_version=ONE))
    run = create(session, old)
    assert run.bundle_version == ONE
    begin(session, run)
    assert run.bundle_version == TWO
    assert set(tasks(session, run)) == {"first", "new"}


def test_a_version_without_runs_is_rewritten_in_place(session: Session) -> None:
    old = store(session, ONE, "old")
    store(session, TWO, "new")
    run = create(session, old)
    assert set(tasks(session, run)) == {"old"}
    begin(session, run)
    assert set(tasks(session, run)) == {"new"}


def test_what_was_decided_of_a_task_before_its_run_began_stays(session: Session) -> None:
    from airflow.utils.state import TaskInstanceState

    old = store(session, ONE, "first", "old")
    create(session, old, "before")
    store(session, TWO, "first", "new")
    run = create(session, old)
    run.get_task_instance("first", session=session).set_state(TaskInstanceState.SUCCESS, session=session)
    begin(session, run)
    assert {task: state for task, (state, _, _) in tasks(session, run).items()} == {"first": "success", "new": "None"}


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_run_that_has_waited_keeps_its_release(session: Session, hours: int) -> None:
    """Its version was stored long before, or only moved to another release since: no other version was stored."""
    from airflow.models.dag_version import DagVersion
    from sqlalchemy import update

    run = create(session, store(session, ONE, "first"))
    before = {ti.task_id: ti.id for ti in run.get_task_instances(session=session)}
    assert run.queued_at is not None
    other = {"created_at": run.queued_at - timedelta(hours=2), "last_updated": run.queued_at + timedelta(hours=hours)}
    session.execute(update(DagVersion).values(bundle_version=TWO, **other))
    session.expire_all()
    begin(session, run)
    assert run.bundle_version == ONE
    assert {ti.task_id: ti.id for ti in run.get_task_instances(session=session)} == before


def test_a_run_that_was_cleared_or_has_begun_is_left_alone(session: Session) -> None:
    from tradewind.runtime.bundle.scheduler import RunStartListener

    run = create(session, store(session, ONE, "first"))
    run.dag = None
    before = [ti.id for ti in run.get_task_instances(session=session)]
    run.clear_number = 1
    begin(session, run)
    run.clear_number = 0
    RunStartListener().on_dag_run_running(run, "anything else")
    assert [ti.id for ti in run.get_task_instances(session=session)] == before


def test_its_loop_says_that_it_turns_and_goes_on_after_the_database_was_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.jobs.scheduler_job_runner import SchedulerJobRunner
    from sqlalchemy.exc import OperationalError

    from tradewind.runtime.bundle import scheduler
    from tradewind.runtime.database import outage as away

    file, turns = tmp_path / "heartbeat", []
    monkeypatch.setenv("TRADEWIND_HEARTBEAT_FILE", str(file))

    class Loop(SchedulerJobRunner):  # type: ignore[misc]
        def _run_scheduler_loop(self) -> None:
            self._do_scheduling(None)
            if len(turns) == 1:
                raise OperationalError("SELECT 1", {}, Exception("(2013, 'Lost connection')"))

        def _do_scheduling(self, session: Any) -> int:
            turns.append(file.exists())
            return 0

    class Ours(scheduler.Runner, Loop):  # type: ignore[misc]
        through_outages = staticmethod(partial(away.through_outages, is_there=lambda: True, sleep=lambda _: None))

        def __init__(self) -> None:
            """Without a job and executors."""

    Ours()._run_scheduler_loop()
    assert turns == [True, True]


def test_after_an_outage_it_takes_no_scheduler_for_dead_before_all_had_time_to_show_that_they_live() -> None:
    from airflow.jobs.scheduler_job_runner import SchedulerJobRunner
    from sqlalchemy.exc import OperationalError

    from tradewind.runtime.bundle import scheduler
    from tradewind.runtime.database import outage as away
    from tradewind.runtime.database.limits import BACK_S

    now, adopted, answers = 1_000.0, [], [False, False, True, True]

    class Loop(SchedulerJobRunner):  # type: ignore[misc]
        def _run_scheduler_loop(self) -> None:
            nonlocal now
            self.adopt_or_reset_orphaned_tasks()
            if answers:
                raise OperationalError("SELECT 1", {}, Exception("(2013, 'Lost connection')"))
            now += BACK_S - 1
            self.adopt_or_reset_orphaned_tasks()
            now += 1
            self.adopt_or_reset_orphaned_tasks()

        def adopt_or_reset_orphaned_tasks(self) -> int:
            adopted.append(now)
            return 1

    class Ours(scheduler.Runner, Loop):  # type: ignore[misc]
        clock = staticmethod(lambda: now)
        through_outages = staticmethod(
            partial(away.through_outages, is_there=lambda: answers.pop(0), sleep=lambda _: None, clock=lambda: now)
        )

        def __init__(self) -> None:
            """Without a job and executors."""

    Ours()._run_scheduler_loop()
    assert adopted == [1_000.0, 1_000.0 + BACK_S]
