"""The controller's queries of Airflow's database, on Airflow's own tables."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from tradewind.dag_releases.pointer import ActiveRelease
from tradewind.errors import TradewindError
from tradewind.protocol.dag_events import PROGRESS, SERVED
from tradewind.runtime.controller.metadata import Metadata

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
ONE, TWO = "d-0000000000000001", "d-0000000000000002"


pytestmark = pytest.mark.usefixtures("airflow_home")


def insert(engine: Any, model: Any, **values: Any) -> None:
    from sqlalchemy import insert as insert_into

    with engine.begin() as connection:
        connection.execute(insert_into(model.__table__).values(**values))


def add_task(
    engine: Any, number: int, state: str | None, queue: str, queued: datetime | None = None, dag: str = "d"
) -> None:
    from airflow.models.taskinstance import TaskInstance

    insert(
        engine,
        TaskInstance,
        id=UUID(int=number),
        task_id=f"t{number}",
        dag_id=dag,
        run_id="r",
        map_index=-1,
        state=state,
        queue=queue,
        queued_dttm=queued,
        pool="default_pool",
        pool_slots=1,
    )


def test_tasks_that_have_or_wait_for_a_slot_by_queue(airflow_tables: Any) -> None:
    metadata = Metadata(airflow_tables, "dags")
    assert metadata.demand() == {}
    assert metadata.queue_age_s(NOW) == 0
    states = ["queued", "queued", "running", "restarting", "scheduled", "deferred", "success", "up_for_retry"]
    for number, state in enumerate(states):
        add_task(airflow_tables, number, state, "default", NOW - timedelta(minutes=number + 1))
    add_task(airflow_tables, 99, "running", "heavy")
    assert metadata.demand() == {"default": 4, "heavy": 1}
    assert metadata.queue_age_s(NOW) == 120


def test_tasks_that_wait_for_what_is_not_there(airflow_tables: Any) -> None:
    from airflow.models.pool import Pool
    from airflow.models.taskinstance import TaskInstance

    metadata = Metadata(airflow_tables, "dags")
    insert(airflow_tables, Pool, pool="default_pool", slots=1, include_deferred=False)
    assert (metadata.in_other_queues({"default"}), metadata.in_no_pool()) == ({}, {})
    for number, (state, queue) in enumerate(
        [("queued", "gpu"), ("queued", "default"), ("running", "gpu"), ("scheduled", "gpu"), ("queued", "big")]
    ):
        add_task(airflow_tables, number, state, queue)
    for number in (0, 5):  # another run of the same task, and one that another executor has
        about = {"task_id": f"t{number}", "dag_id": "d", "run_id": "again", "map_index": -1, "pool_slots": 1}
        own = {"queue": "gpu", "pool": "gone", "executor": "LocalExecutor" if number else "CeleryExecutor"}
        insert(airflow_tables, TaskInstance, id=UUID(int=50 + number), **about, state="queued", **own)
    assert metadata.in_other_queues({"default"}) == {"big": ("d.t4",), "gpu": ("d.t0",)}
    assert metadata.in_other_queues({"default", "gpu", "big"}) == {}
    for number in range(60, 90):
        about = {"task_id": f"t{number}", "dag_id": "d", "run_id": "r", "map_index": -1, "pool_slots": 1}
        pool = "gone" if number % 2 else "default_pool"
        insert(airflow_tables, TaskInstance, id=UUID(int=number), **about, state="scheduled", queue="x", pool=pool)
    assert metadata.in_no_pool() == {"gone": tuple(f"d.t{number}" for number in range(61, 90, 2))}


def test_what_was_said_of_a_release(airflow_tables: Any) -> None:
    from airflow.models.log import Log

    def say(event: str, release: str, serial: int, **more: int) -> None:
        extra = json.dumps({"bundle": "dags", "release": release, "serial": serial, **more})
        insert(airflow_tables, Log, event=event, extra=extra, dttm=NOW, owner="dag-processor")

    metadata, now = Metadata(airflow_tables, "dags"), ActiveRelease(TWO, 7)
    insert(airflow_tables, Log, event="trigger", extra="no JSON", dttm=NOW, owner="somebody")
    say(SERVED, ONE, 6)
    say(SERVED, TWO, 5)
    assert metadata.told(now).events == set()
    say(PROGRESS, TWO, 7, left=9)
    say(PROGRESS, TWO, 7, left=4)
    told = metadata.told(now)
    assert (told.events, told.left) == ({PROGRESS}, 4)
    say(SERVED, TWO, 7)
    assert metadata.told(now).events == {PROGRESS, SERVED}
    for left in range(50, 0, -1):
        say(PROGRESS, TWO, 7, left=left)
    told = metadata.told(now)
    assert (told.events, told.left) == ({PROGRESS, SERVED}, 1)


def test_import_errors_without_what_differs_from_release_to_release(airflow_tables: Any) -> None:
    from airflow.models.errors import ParseImportError

    metadata = Metadata(airflow_tables, "dags")
    for release in (ONE, TWO):
        trace = f"Traceback\n  File x\nNameError: in /unpacked/{release}/a.py\n"
        insert(
            airflow_tables,
            ParseImportError,
            filename=f"{release}.py",
            bundle_name="dags",
            stacktrace=trace,
            timestamp=NOW,
        )
    insert(airflow_tables, ParseImportError, filename="other.py", bundle_name="else", stacktrace="x", timestamp=NOW)
    found = metadata.import_errors()
    assert set(found) == {f"{ONE}.py", f"{TWO}.py"}
    assert set(found.values()) == {"NameError: in /unpacked/…/a.py"}


def test_releases_of_unfinished_runs(airflow_tables: Any) -> None:
    from airflow.models.dagrun import DagRun

    for number, (state, release) in enumerate(
        [("running", ONE), ("queued", TWO), ("success", "d-3"), ("queued", None)]
    ):
        about = {"dag_id": "d", "run_id": f"r{number}", "run_type": "manual", "run_after": NOW}
        insert(airflow_tables, DagRun, **about, state=state, bundle_version=release)
    assert Metadata(airflow_tables, "dags").in_use() == {ONE, TWO}


def test_what_is_there_by_name(airflow_tables: Any) -> None:
    from airflow.models.connection import Connection
    from airflow.models.pool import Pool
    from airflow.models.variable import Variable

    metadata = Metadata(airflow_tables, "dags")
    assert metadata.names("pools") == frozenset()
    insert(airflow_tables, Connection, conn_id="lake", conn_type="aws")
    insert(airflow_tables, Variable, key="region", val="x")
    insert(airflow_tables, Pool, pool="small", slots=1, include_deferred=False)
    assert {kind: metadata.names(kind) for kind in ("connections", "variables", "pools")} == {
        "connections": {"lake"},
        "variables": {"region"},
        "pools": {"small"},
    }


def test_what_unfinished_runs_still_have_to_run(airflow_tables: Any) -> None:
    from airflow.models.dagrun import DagRun
    from airflow.utils.state import State

    metadata = Metadata(airflow_tables, "dags")
    states = ["running", "success"]
    for number, state in enumerate(states):
        about = {"dag_id": f"d{number}", "run_id": "r", "run_type": "manual", "run_after": NOW}
        insert(airflow_tables, DagRun, **about, state=state)
    insert(airflow_tables, DagRun, dag_id="new", run_id="r", run_type="manual", run_after=NOW, state="queued")
    every = [*State.finished, *State.unfinished]
    for number, state in enumerate(every):
        add_task(airflow_tables, number, state, "default", dag="d0")
        add_task(airflow_tables, 100 + number, state, "default", dag="d1")
    left = {f"t{number}" for number, state in enumerate(every) if state in State.unfinished}
    assert metadata.unfinished() == {"d0": left, "new": frozenset()}


def test_the_last_sign_of_life_of_each_job(airflow_tables: Any) -> None:
    from airflow.jobs.job import Job

    metadata = Metadata(airflow_tables, "dags")
    assert metadata.silences_s(NOW) == {}
    for kind, state, minutes in (
        ("SchedulerJob", "running", 3),
        ("SchedulerJob", "failed", 1),
        ("TriggererJob", "running", 2),
        ("TriggererJob", "running", 5),
        ("Other", "running", 0),
    ):
        insert(airflow_tables, Job, job_type=kind, state=state, latest_heartbeat=NOW - timedelta(minutes=minutes))
    assert metadata.silences_s(NOW) == {"Scheduler": 180, "Triggerer": 120}
    # Another machine's clock.
    assert metadata.silences_s(NOW - timedelta(hours=1)) == {"Scheduler": 0, "Triggerer": 0}


def test_a_database_that_does_not_answer() -> None:
    metadata = Metadata.at("postgresql+psycopg2://airflow:secret@127.0.0.1:1/airflow", "dags")
    with pytest.raises(TradewindError, match="Airflow's database does not answer") as caught:
        metadata.demand()
    assert "secret" not in str(caught.value)
    assert "\n" not in caught.value.why
