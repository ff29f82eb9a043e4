"""Change the rows of a bundle's DAGs in Airflow's database, in the same way as Airflow."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator
from datetime import timedelta
from typing import Any

from airflow.models.dag import DagModel
from airflow.models.dag_version import DagVersion
from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.utils.state import DagRunState
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

_log = logging.getLogger(__name__)
_UNFINISHED = (DagRunState.QUEUED, DagRunState.RUNNING)
_AT_ONCE = 500
"""The number of names in one statement: far below the limit of any database."""
_AROUND = timedelta(minutes=2)
"""More than the duration of an API call and the difference between the clocks of two machines."""


def begin(session: Session, run: DagRun) -> bool:
    """Make a run start entirely on its version, if that was stored at about the time when the run was created.

    Tasks that have not started yet are created anew. ``run.dag`` is the DAG of its version, as the scheduler has set
    it. Returns whether the run was changed.
    """
    version = run.created_dag_version
    # A cleared run started on one version long ago.
    if version is None or not run.dag or not run.bundle_version or not run.queued_at or run.clear_number:
        return False
    if all(abs(stored - run.queued_at) > _AROUND for stored in (version.created_at, version.last_updated)):
        return False
    run.bundle_version = version.bundle_version
    untouched = (TaskInstance.state.is_(None), TaskInstance.try_number == 0)
    ours = (TaskInstance.dag_id == run.dag_id, TaskInstance.run_id == run.run_id)
    _run(session, delete(TaskInstance).where(*ours, *untouched))
    run.verify_integrity(session=session, dag_version_id=version.id)
    _log.info("run %s of %s starts entirely on release %s", run.run_id, run.dag_id, run.bundle_version)
    return True


def revive(session: Session, bundle: str, files: Collection[str] | None = None) -> set[str]:
    """Let unfinished runs of removed DAGs continue: Airflow ignores runs while their DAG is stale.

    Such a DAG starts no more runs: it is marked as having import errors, and its schedule ends. ``files``: only DAGs of
    these files. Returns the DAGs.
    """
    found = (
        select(DagModel.dag_id)
        .where(DagModel.bundle_name == bundle, DagModel.is_stale)
        .where(DagModel.dag_id.in_(select(DagRun.dag_id).where(DagRun.state.in_(_UNFINISHED))))
    )
    if files is not None:
        found = found.where(DagModel.relative_fileloc.in_(files))
    dags = set(session.scalars(found))
    gone = {"is_stale": False, "has_import_errors": True, "next_dagrun_create_after": None}
    for some in _some(dags):
        _run(session, update(DagModel).where(DagModel.dag_id.in_(some)).values(**gone))
    return dags


def let_go(session: Session, revived: set[str]) -> set[str]:
    """Mark DAGs of ``revived`` as stale if their runs have ended and they were not parsed again. Returns the others."""
    if not revived:
        return revived
    still = select(DagRun.dag_id).where(DagRun.state.in_(_UNFINISHED), DagRun.dag_id.in_(revived))
    waiting = set(session.scalars(still))
    for some in _some(revived - waiting):
        # A DAG that was parsed again has no import errors, or errors of its own.
        ended = update(DagModel).where(DagModel.dag_id.in_(some), DagModel.has_import_errors)
        _run(session, ended.values(is_stale=True))
    return waiting


def carry_over(session: Session, bundle: str, before: str, now: str, same: Collection[str]) -> set[str]:
    """Store for all DAGs of the files ``same`` the values that Airflow stores for a parsed and unchanged DAG.

    Changes only rows of ``before``, the release that ``same`` was compared with. Returns the files with rows of another
    release.
    """
    rows = session.execute(
        select(DagModel.dag_id, DagModel.relative_fileloc, DagModel.bundle_version).where(
            DagModel.bundle_name == bundle, ~DagModel.is_stale
        )
    )
    ours = [(dag, path, version) for dag, path, version in rows if path in same]
    dags = {dag for dag, _, version in ours if version == before}
    for some in _some(dags):
        unchanged = (DagModel.dag_id.in_(some), DagModel.bundle_version == before)
        _run(session, update(DagModel).where(*unchanged).values(bundle_version=now))
        versions = session.execute(
            select(DagVersion.dag_id, DagVersion.id)
            .where(DagVersion.dag_id.in_(some))
            .order_by(DagVersion.version_number)
        )
        latest = {row.dag_id: row.id for row in versions}  # the last version of each DAG
        _run(
            session,
            update(DagVersion)
            .where(DagVersion.id.in_(latest.values()), DagVersion.bundle_version == before)
            .values(bundle_version=now),
        )
    return {path for _, path, version in ours if version not in {before, now}}


def _run(session: Session, statement: Any) -> None:
    session.execute(statement.execution_options(synchronize_session=False))


def _some(dags: set[str]) -> Iterator[list[str]]:
    names = sorted(dags)
    for at in range(0, len(names), _AT_ONCE):
        yield names[at : at + _AT_ONCE]
