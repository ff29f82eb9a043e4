"""What Airflow's database says of the DAGs of a bundle, changed as Airflow changes it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from airflow.models.dag import DagModel
from airflow.models.dag_version import DagVersion
from airflow.models.dagrun import DagRun
from airflow.utils.state import DagRunState
from sqlalchemy import select, update
from sqlalchemy.orm import Session

_UNFINISHED = (DagRunState.QUEUED, DagRunState.RUNNING)
_AT_ONCE = 500
"""Names in one statement: far below what any database takes."""


def revive(session: Session, bundle: str, files: Collection[str] | None = None) -> set[str]:
    """Let unfinished runs of DAGs that are gone go on, which Airflow does not look at while their DAG is stale.

    Such a DAG starts no more runs: it counts as one that cannot be imported, and its schedule ends. ``files``: only
    DAGs of these. Returns the DAGs.
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
    """Make those of ``revived`` stale whose runs have ended, unless they were parsed again; what is left of them."""
    if not revived:
        return revived
    still = select(DagRun.dag_id).where(DagRun.state.in_(_UNFINISHED), DagRun.dag_id.in_(revived))
    waiting = set(session.scalars(still))
    for some in _some(revived - waiting):
        # What is parsed again has no import errors, or has these for itself.
        ended = update(DagModel).where(DagModel.dag_id.in_(some), DagModel.has_import_errors)
        _run(session, ended.values(is_stale=True))
    return waiting


def carry_over(session: Session, bundle: str, before: str, now: str, same: Collection[str]) -> set[str]:
    """Store for all DAGs of the files ``same`` what Airflow stores for one that it parses and finds unchanged.

    Only where the row is of ``before``, the release that ``same`` was found by. Returns files with rows of another one.
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
        latest = {row.dag_id: row.id for row in versions}  # the last of each
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
