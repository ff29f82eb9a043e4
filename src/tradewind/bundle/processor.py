"""``python -m tradewind.bundle.processor``: Airflow's DAG processor; follows the pointer and never mixes releases.

Airflow's own stores a file that was parsed before a refresh under the version after it, and parses what another release
changed when its turn comes. Here what was parsed from another release than the one in force is parsed again, and files
that a release changed come first. What it did not change is the new release's at once. DAGs that a release no longer
has stay known while runs of theirs are unfinished.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from airflow.cli.commands import dag_processor_command
from airflow.dag_processing.manager import DagFileInfo, DagFileProcessorManager
from airflow.dag_processing.processor import DagFileParsingResult, DagFileProcessorProcess
from airflow.models.dag import DagModel
from airflow.models.dag_version import DagVersion
from airflow.models.dagrun import DagRun
from airflow.models.log import Log
from airflow.utils.session import create_session
from airflow.utils.state import DagRunState
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from tradewind.bundle.changes import changes
from tradewind.bundle.events import CONFIRMED, SERVED
from tradewind.bundle.pointer import InForce
from tradewind.bundle.release_bundle import ReleaseBundle
from tradewind.errors import TradewindError

_UNFINISHED = (DagRunState.QUEUED, DagRunState.RUNNING)
_AT_ONCE = 500
"""Names in one statement: far below what any database takes."""


@dataclass
class _Turn:
    """The way to one release: which files are still to be parsed of what is first, and of what comes behind."""

    now: InForce
    first: set[Path]
    behind: set[Path]
    served: bool = False
    confirmed: bool = False


class ReleaseProcessor(DagFileProcessorManager):  # type: ignore[misc]
    """Airflow's manager of DAG files for releases. Other bundles go as they always do."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._turns: dict[str, _Turn] = {}
        self._present: dict[str, set[DagFileInfo]] = {}
        self._stored = False

    def claim_priority_files(self) -> list[DagFileInfo]:
        """Called once a second or more often, and before bundles are refreshed: the place to see the pointer move."""
        for bundle in self._releases():
            try:
                if bundle.is_initialized and bundle.moved():
                    self.request_bundle_refresh(bundle.name)
            except (TradewindError, OSError):
                self.log.exception("Cannot see which release of %s is in force", bundle.name)
        return list(super().claim_priority_files())

    def handle_removed_files(self, known_files: dict[str, set[DagFileInfo]]) -> None:
        """Called after bundles were refreshed, with all of their files: the place to turn to another release."""
        super().handle_removed_files(known_files)
        for bundle in self._releases():
            now, turn = bundle.serves, self._turns.get(bundle.name)
            # Airflow goes on without a version that it could not store.
            if now and now.release == self._bundle_versions.get(bundle.name) and (turn is None or turn.now != now):
                self._turn(bundle, now, known_files.get(bundle.name, set()))

    def handle_parsing_result(self, file: DagFileInfo, proc: DagFileProcessorProcess, **others: Any) -> None:
        """Store what was parsed from the release in force. Anything else is parsed again."""
        turn = self._turns.get(file.bundle_name)
        if proc.parsing_result is not None and turn:
            now = self._now(file)
            if now is not None:
                self.log.info("%s was parsed from another release than %s; again", file.rel_path, turn.now.release)
                self._add_files_to_queue([now], mode="frontprio")
                return
        self._stored = False  # Airflow only logs where storing fails, and tries again later
        super().handle_parsing_result(file, proc, **others)
        if turn and self._stored:
            self._done(file.bundle_name, turn, file.rel_path)

    def persist_parsing_result(self, *, parsing_result: DagFileParsingResult, session: Session, **others: Any) -> None:
        """Store it. A file that cannot be imported any more makes its DAGs stale: not those with unfinished runs."""
        super().persist_parsing_result(parsing_result=parsing_result, session=session, **others)
        self._stored = True
        if parsing_result.import_errors and others["bundle_name"] in self._turns:
            needed = _needed(session, others["bundle_name"], set(parsing_result.import_errors))
            _each(session, update(DagModel).values(is_stale=False), needed)

    def deactivate_deleted_dags(self, bundle_name: str, present: set[DagFileInfo]) -> None:
        """Deactivate DAGs whose files are gone, except those whose runs are unfinished; these start no more runs."""
        if any(bundle.name == bundle_name for bundle in self._releases()):
            self._present[bundle_name] = present
            with create_session() as session:
                there = {str(file.rel_path) for file in present}
                needed = {dag: path for dag, path in _needed(session, bundle_name).items() if path not in there}
                _each(session, update(DagModel).values(next_dagrun_create_after=None), needed)
            root = next(bundle.path for bundle in self._releases() if bundle.name == bundle_name)
            present = present | {DagFileInfo(Path(path), bundle_name, root) for path in needed.values()}
        super().deactivate_deleted_dags(bundle_name, present)

    def deactivate_stale_dags(self, last_parsed: dict[DagFileInfo, datetime | None], **others: Any) -> None:
        """Called every minute. What was kept for its runs goes when these have ended."""
        with create_session() as session:
            for name, present in self._present.items():
                waiting = set(_needed(session, name).values())
                last_parsed = {
                    file: time
                    for file, time in last_parsed.items()
                    if file.bundle_name != name or str(file.rel_path) not in waiting
                }
                self.deactivate_deleted_dags(name, present)
        super().deactivate_stale_dags(last_parsed, **others)

    def _releases(self) -> list[ReleaseBundle]:
        return [bundle for bundle in self._dag_bundles if isinstance(bundle, ReleaseBundle)]

    def _now(self, file: DagFileInfo) -> DagFileInfo | None:
        """The same file of the release in force where ``file`` is another one's, else nothing."""
        bundle = next(bundle for bundle in self._releases() if bundle.name == file.bundle_name)
        release = self._bundle_versions.get(bundle.name)
        try:
            if bundle.moved():
                self.request_bundle_refresh(bundle.name)
                return DagFileInfo(file.rel_path, bundle.name, bundle.path)
        except (TradewindError, OSError):
            self.log.exception("Cannot see which release of %s is in force", bundle.name)
        if file.bundle_path == bundle.path and bundle.path.name == release:
            return None
        return DagFileInfo(file.rel_path, bundle.name, bundle.path)

    def _turn(self, bundle: ReleaseBundle, now: InForce, known: set[DagFileInfo]) -> None:
        files = {file.rel_path: file for file in known}
        # What waits is the old release's, but for callbacks of runs, which are pinned to theirs.
        waiting = list(self._file_queue)
        self._file_queue.clear()
        for file in waiting:
            ours = file.bundle_name == bundle.name and not file.bundle_version
            self._file_queue[files.get(file.rel_path, file) if ours else file] = None
        before = self._turns.get(bundle.name)
        same: set[Path] = set()
        first, behind = set(files), set[Path]()
        if before:
            found = changes(bundle.cache.manifest(before.now.release), bundle.cache.manifest(now.release))
            first = {path for path in files if str(path) in found.first}
            # What was not parsed for the release before is not known to be the same as anything.
            late = before.first | before.behind
            same = {path for path in files if str(path) in found.same} - late
            behind = set(files) - first - same
        turn = self._turns[bundle.name] = _Turn(now, set(first), set(behind))
        self.log.info(
            "Release %s of %s: %d files first, %d behind, %d as they were",
            *(now.release, bundle.name, len(first), len(behind), len(same)),
        )
        self._carry_over(bundle.name, now.release, same)
        self._add_files_to_queue([files[path] for path in sorted(behind, reverse=True)], mode="frontprio")
        self._add_files_to_queue([files[path] for path in sorted(first, reverse=True)], mode="frontprio")
        self._done(bundle.name, turn, None)

    @staticmethod
    def _carry_over(bundle_name: str, release: str, same: set[Path]) -> None:
        """What Airflow does for a DAG that it parses and finds unchanged, for all such DAGs at once."""
        with create_session() as session:
            rows = session.execute(
                select(DagModel.dag_id, DagModel.relative_fileloc).where(
                    DagModel.bundle_name == bundle_name, ~DagModel.is_stale, DagModel.bundle_version != release
                )
            )
            dags = {dag: path for dag, path in rows if path and Path(path) in same}
            _each(session, update(DagModel).values(bundle_version=release), dags)
            names = sorted(dags)
            for at in range(0, len(names), _AT_ONCE):
                some = names[at : at + _AT_ONCE]
                versions = session.execute(
                    select(DagVersion.dag_id, DagVersion.id)
                    .where(DagVersion.dag_id.in_(some))
                    .order_by(DagVersion.version_number)
                )
                latest: dict[str, Any] = dict(versions.tuples())  # the last of each
                session.execute(
                    update(DagVersion)
                    .where(DagVersion.id.in_(latest.values()))
                    .values(bundle_version=release)
                    .execution_options(synchronize_session=False)
                )

    def _done(self, bundle_name: str, turn: _Turn, path: Path | None) -> None:
        """Tell when the last of the first files is parsed, and when the last of all is."""
        if path is not None:
            turn.first.discard(path)
            turn.behind.discard(path)
        if not turn.first and not turn.served:
            turn.served = True
            self._tell(SERVED, bundle_name, turn.now)
        if turn.served and not turn.behind and not turn.confirmed:
            turn.confirmed = True
            self._tell(CONFIRMED, bundle_name, turn.now)

    def _tell(self, event: str, bundle_name: str, now: InForce) -> None:
        self.log.info("%s %s %s", event, bundle_name, now.release)
        extra = json.dumps({"bundle": bundle_name, "release": now.release, "serial": now.serial})
        with create_session() as session:
            session.add(Log(event, owner="dag-processor", owner_display_name="DAG processor", extra=extra))


def _needed(session: Session, bundle_name: str, files: set[str] | None = None) -> dict[str, str]:
    """The DAGs of a bundle that have unfinished runs, and their files; of ``files`` where these are given."""
    rows = session.execute(
        select(DagModel.dag_id, DagModel.relative_fileloc)
        .where(DagModel.bundle_name == bundle_name)
        .where(DagModel.dag_id.in_(select(DagRun.dag_id).where(DagRun.state.in_(_UNFINISHED))))
    )
    return {dag: path for dag, path in rows if path and (files is None or path in files)}


def _each(session: Session, change: Any, dags: dict[str, str]) -> None:
    """Apply an update to DAGs, some at a time."""
    names = sorted(dags)
    for at in range(0, len(names), _AT_ONCE):
        some = change.where(DagModel.dag_id.in_(names[at : at + _AT_ONCE]))
        session.execute(some.execution_options(synchronize_session=False))


def main() -> None:
    """Run ``airflow dag-processor`` with the manager above."""
    from airflow.__main__ import main as airflow

    dag_processor_command.DagFileProcessorManager = ReleaseProcessor
    sys.argv = ["airflow", "dag-processor", *sys.argv[1:]]
    airflow()


if __name__ == "__main__":
    main()
