"""The controller's read-only queries to Airflow's database. They do not import Airflow, which takes seconds.

The columns are those of Airflow 3.3. A unit test runs the queries on Airflow's own tables.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, bindparam, column, create_engine, select, table, text
from sqlalchemy.exc import SQLAlchemyError

from tradewind.dag_releases.pointer import ActiveRelease
from tradewind.errors import TradewindError
from tradewind.protocol.dag_events import CONFIRMED, PROGRESS, SERVED
from tradewind.runtime.controller.dag_deployment import ProcessorProgress
from tradewind.runtime.database.limits import waiting

_RELEASE = re.compile(r"\bd-[0-9a-f]{16}\b")
_TOLD = text("SELECT event, extra FROM log WHERE event IN :events ORDER BY id DESC LIMIT 20").bindparams(
    bindparam("events", expanding=True)
)
_ERRORS = text("SELECT filename, stacktrace FROM import_error WHERE bundle_name = :bundle ORDER BY id")
_IN_USE = text(
    "SELECT DISTINCT bundle_version FROM dag_run WHERE state IN ('queued', 'running') AND bundle_version IS NOT NULL"
)
_BUSY = "state IN ('queued', 'running', 'restarting')"
"""States in which a task has, or is about to have, a slot of a worker."""
_DEMAND = text(f"SELECT queue, count(*) FROM task_instance WHERE {_BUSY} GROUP BY queue")  # noqa: S608 (a constant)
_OLDEST = text("SELECT min(queued_dttm) FROM task_instance WHERE state = 'queued'")
_IN_OTHER_QUEUES = text(
    "SELECT DISTINCT queue, dag_id, task_id FROM task_instance WHERE state = 'queued' AND queue NOT IN :there"
    " AND (executor IS NULL OR executor LIKE '%Celery%') ORDER BY queue, dag_id, task_id LIMIT 20"
).bindparams(bindparam("there", expanding=True))
# Built by SQLAlchemy, so that a name is quoted if it is a reserved word of the database.
_NAMES = {
    "connections": select(column("conn_id")).select_from(table("connection")),
    "variables": select(column("key")).select_from(table("variable")),
    "pools": select(column("pool")).select_from(table("slot_pool")),
}
_OPEN = "(t.state IS NULL OR t.state NOT IN ('success', 'failed', 'skipped', 'upstream_failed', 'removed'))"
"""States in which a task of a run has not ended."""
_UNFINISHED = text(
    "SELECT r.dag_id, t.task_id FROM dag_run r LEFT JOIN task_instance t ON t.dag_id = r.dag_id AND t.run_id = r.run_id"  # noqa: S608 (a constant)
    f" AND {_OPEN} WHERE r.state IN ('queued', 'running') GROUP BY r.dag_id, t.task_id"
)
_TASK = table("task_instance", *map(column, ("dag_id", "task_id", "state", "pool")))
_IN_NO_POOL = (
    select(_TASK.c.pool, _TASK.c.dag_id, _TASK.c.task_id)
    .distinct()
    .where(_TASK.c.state == "scheduled", _TASK.c.pool.not_in(_NAMES["pools"]))
    .order_by(_TASK.c.pool, _TASK.c.dag_id, _TASK.c.task_id)
    .limit(20)
)
_HEARTBEAT = text("SELECT max(latest_heartbeat) FROM job WHERE job_type = :kind AND state = 'running'")
JOBS = {"Scheduler": "SchedulerJob", "DagProcessor": "DagProcessorJob", "Triggerer": "TriggererJob"}
"""The parts of Airflow that have heartbeats in its database, with their types of jobs."""


class Metadata:
    """The queries of ``deployment.Watch`` and for ``scaling``. ``bundle`` is the name of Tradewind's DAG bundle.

    Every method raises TradewindError if the database does not answer.
    """

    def __init__(self, engine: Engine, bundle: str) -> None:
        self._engine = engine
        self._bundle = bundle

    @classmethod
    def at(cls, url: str, bundle: str) -> Metadata:
        """Return the queries for the database at this URL. Does not connect yet."""
        # Each of the few threads uses one connection at a time. Connections that the database has closed are noticed,
        # and time limits apply if the database stops responding.
        pool = {"pool_size": 2, "max_overflow": 2, "pool_pre_ping": True, "pool_recycle": 600}
        return cls(create_engine(url, connect_args=waiting(url), **pool), bundle)

    def told(self, now: ActiveRelease) -> ProcessorProgress:
        """See Watch."""
        found, left = set(), None
        # Two queries, because a long deployment has hundreds of progress events.
        rows = self._rows(_TOLD, events=[SERVED, CONFIRMED]) + self._rows(_TOLD, events=[PROGRESS])
        for event, extra in rows:
            about = json.loads(extra)
            if (about["bundle"], about["release"], about["serial"]) == (self._bundle, now.release, now.serial):
                found.add(event)
                left = about.get("left") if left is None else left
        return ProcessorProgress(frozenset(found), left)

    def import_errors(self) -> Mapping[str, str]:
        """See Watch."""
        return {file: _last_line(trace) for file, trace in self._rows(_ERRORS, bundle=self._bundle)}

    def in_use(self) -> frozenset[str]:
        """See Watch."""
        return frozenset(version for (version,) in self._rows(_IN_USE))

    def demand(self) -> Mapping[str, int]:
        """Map each queue to the number of tasks that run or wait for a worker. Queues without tasks are left out."""
        return {queue: int(count) for queue, count in self._rows(_DEMAND)}

    def in_other_queues(self, queues: Collection[str]) -> Mapping[str, tuple[str, ...]]:
        """Map each other queue to a few of the tasks that wait in it for a worker, as ``dag.task``."""
        return _by_name(self._rows(_IN_OTHER_QUEUES, there=sorted(queues)))

    def in_no_pool(self) -> Mapping[str, tuple[str, ...]]:
        """Map each pool that does not exist to a few of the tasks that wait for it."""
        return _by_name(self._rows(_IN_NO_POOL))

    def queue_age_s(self, now: datetime) -> float:
        """Return the seconds that the oldest queued task has waited for a worker; 0 if there is none."""
        return self._age(_OLDEST, now) or 0.0

    def silences_s(self, now: datetime) -> dict[str, float]:
        """Return the seconds since the last heartbeat of each of JOBS. Jobs without a heartbeat are left out."""
        ages = {name: self._age(_HEARTBEAT, now, kind=kind) for name, kind in JOBS.items()}
        return {name: age for name, age in ages.items() if age is not None}

    def names(self, kind: str) -> frozenset[str]:
        """Return the names of all ``connections``, ``variables`` or ``pools``."""
        return frozenset(name for (name,) in self._rows(_NAMES[kind]))

    def unfinished(self) -> Mapping[str, frozenset[str]]:
        """Map each DAG with unfinished runs to the tasks that these runs still have to run."""
        found: dict[str, set[str]] = {}
        for dag, task in self._rows(_UNFINISHED):
            found.setdefault(dag, set()).update({task} - {None})
        return {dag: frozenset(tasks) for dag, tasks in found.items()}

    def _age(self, query: Any, now: datetime, **values: Any) -> float | None:
        ((when,),) = self._rows(query, **values)
        if when is None:
            return None
        if isinstance(when, str):  # SQLite
            when = datetime.fromisoformat(when)
        since: timedelta = now - (when if when.tzinfo else when.replace(tzinfo=UTC))
        return max(0.0, since.total_seconds())

    def _rows(self, query: Any, **values: Any) -> list[Any]:
        with self._connection() as connection:
            return list(connection.execute(query, values))

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        try:
            with self._engine.connect() as connection:
                yield connection
        except SQLAlchemyError as error:
            # Only the first line: the rest is the statement.
            why = str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
            raise TradewindError("Airflow's database does not answer", why) from None


def _by_name(rows: Iterable[Any]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for name, dag, task in rows:
        found[name] = (*found.get(name, ()), f"{dag}.{task}")
    return found


def _last_line(trace: str) -> str:
    lines = trace.strip().splitlines()
    # Without the id of the release, so that the same error of another release is equal.
    return _RELEASE.sub("…", lines[-1]) if lines else "it cannot be imported"
