"""Airflow's DAG processor for DAG releases: it follows the pointer to the active release and never mixes releases.

Started as ``python -m tradewind.runtime.bundle.processor``.

If a file was parsed before a refresh, Airflow's own DAG processor stores it under the version after the refresh. It
parses the files that a release changed in no special order. This DAG processor differs:

- It parses a file again if the result is from another release than the active one.
- It parses the files that a release changed first. The other files belong to the new release at once.
- Runs of DAGs that a release no longer has continue to their end.
- Callbacks do not change Airflow's statistics about the parses of their files.

It survives outages of the database, as the scheduler does.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.cli.commands import dag_processor_command
from airflow.dag_processing.manager import DagFileInfo, DagFileProcessorManager, stats
from airflow.dag_processing.processor import DagFileParsingResult, DagFileProcessorProcess
from airflow.models.log import Log
from airflow.utils.retries import run_with_db_retries
from airflow.utils.session import create_session
from sqlalchemy.orm import Session

from tradewind.dag_releases.pointer import ActiveRelease
from tradewind.errors import TradewindError
from tradewind.protocol.dag_events import CONFIRMED, PROGRESS, SERVED
from tradewind.runtime.bundle import rows
from tradewind.runtime.bundle.changes import changes
from tradewind.runtime.bundle.dag_places import place_in
from tradewind.runtime.bundle.release_bundle import ReleaseBundle
from tradewind.runtime.database.outage import through_outages

if TYPE_CHECKING:
    from airflow.callbacks.callback_requests import CallbackRequest
    from airflow.dag_processing.bundles.base import BaseDagBundle

PROGRESS_S = 5.0


@dataclass
class _Turn:
    """The progress towards one release: the files that must still be parsed, ``first`` and then ``behind``."""

    now: ActiveRelease
    first: set[str]
    behind: set[str]
    served: bool = False
    confirmed: bool = False
    told: float = field(default_factory=time.monotonic)


@dataclass(frozen=True)
class CallbackFile(DagFileInfo):  # type: ignore[misc]
    """A file that is imported to run callbacks. For Airflow's records it is not the same file as the parsed one.

    Airflow tells the two apart only by the release of the run, and not everywhere. After a callback it would store a
    duration without a time for the parses of the file, and then parse the file without a pause until the DAG processor
    restarts. If the run has no release, a callback would also replace a waiting parse.
    """

    @property
    def presence_key(self) -> tuple[object, ...]:
        """See DagFileInfo: the key of the file if its release does not matter."""
        return "callbacks", self.bundle_name, self.rel_path, self.bundle_version


class ReleaseProcessor(DagFileProcessorManager):  # type: ignore[misc]
    """Airflow's manager of DAG files, for DAG releases. Other bundles are handled as in Airflow."""

    through_outages = staticmethod(through_outages)

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._turns: dict[str, _Turn] = {}
        self._revived: set[str] = set()
        self._stored = False
        self._known: dict[str, set[DagFileInfo]] = {}

    def _run_parsing_loop(self) -> None:
        """Run Airflow's loop again after an outage: it ends at a database error, and stops the parsing processes."""
        self.through_outages(super()._run_parsing_loop)

    def _refresh_dag_bundles(self, known_files: dict[str, set[DagFileInfo]]) -> None:
        """Refresh, and restore the known files: a loop that begins anew knows none, and would not list them again."""
        if not known_files:
            known_files.update(self._known)
        super()._refresh_dag_bundles(known_files=known_files)
        self._known = known_files

    def claim_priority_files(self) -> list[DagFileInfo]:
        """Check whether the pointer moved. Airflow calls this at least once a second, before it refreshes bundles."""
        for bundle in self._releases():
            try:
                if bundle.is_initialized and bundle.moved():
                    self.request_bundle_refresh(bundle.name)
            except (TradewindError, OSError):
                self.log.exception("cannot read which release of %s is active", bundle.name)
        self._after_callbacks()
        return list(super().claim_priority_files())

    def handle_removed_files(self, known_files: dict[str, set[DagFileInfo]]) -> None:
        """Begin with another release. Airflow calls this after it refreshed the bundles, with all of their files."""
        # Callbacks use the releases of their runs, which may have files that no longer exist.
        callbacks = {file for file in (*self._file_queue, *self._processors) if isinstance(file, CallbackFile)}
        super().handle_removed_files({**known_files, "of runs": callbacks})
        for bundle in self._releases():
            now, turn = bundle.serves, self._turns.get(bundle.name)
            # If Airflow could not store the version, it continues without it.
            if now and now.release == self._bundle_versions.get(bundle.name) and (turn is None or turn.now != now):
                self._turn(bundle, now, known_files.get(bundle.name, set()))

    def prepare_callback_bundle(self, request: CallbackRequest) -> BaseDagBundle | None:
        """Take the callback of a run from the file that has the DAG in the run's release.

        Callbacks of runs without a release use the served release: Airflow would not unpack anything for them.
        """
        dag = getattr(request, "dag_id", None) or request.ti.dag_id
        request.filepath = place_in(request.bundle_name, request.bundle_version, dag, request.filepath)
        if not request.bundle_version:
            for bundle in self._releases():
                if bundle.name == request.bundle_name and bundle.is_initialized:
                    return bundle
        return super().prepare_callback_bundle(request)

    def _add_callback_to_queue(self, request: CallbackRequest) -> None:
        """Queue a callback as Airflow does, but with a CallbackFile."""
        bundle = self.prepare_callback_bundle(request)
        if bundle is None:
            return
        file = CallbackFile(Path(request.filepath), request.bundle_name, bundle.path, request.bundle_version)
        self._callback_to_execute[file].append(request)
        self._add_files_to_queue([file], mode="front")
        team = self._get_team_name(file.bundle_name)
        stats.incr("dag_processing.other_callback_count", tags={"team_name": team} if team else {})

    def _after_callbacks(self) -> None:
        """Delete the statistics of callbacks, and queue callbacks that waited for others of the same file and release.

        Airflow removes such a file from the queue while it is busy, and never adds it again.
        """
        for file in [file for file in self._file_stats if isinstance(file, CallbackFile)]:
            del self._file_stats[file]
        self._add_files_to_queue(
            [file for file in self._callback_to_execute if file not in self._processors], mode="front"
        )

    def handle_parsing_result(self, file: DagFileInfo, proc: DagFileProcessorProcess, **others: Any) -> None:
        """Store the result if it is from the active release. Otherwise, parse the file again."""
        turn = self._turns.get(file.bundle_name)
        if proc.parsing_result is not None and turn:
            now = self._now(file)
            if now is not None:
                self.log.info("%s was not parsed from %s: parsing it again", file.rel_path, turn.now.release)
                self._add_files_to_queue([now], mode="frontprio")
                return
        self._stored = False  # if storing fails, Airflow only logs it and tries again later
        super().handle_parsing_result(file, proc, **others)
        if turn and self._stored:
            self._done(file.bundle_name, turn, file.rel_path)

    def persist_parsing_result(self, *, parsing_result: DagFileParsingResult, session: Session, **others: Any) -> None:
        """Store a result. A file that can no longer be imported makes its DAGs stale, except if runs are unfinished."""
        super().persist_parsing_result(parsing_result=parsing_result, session=session, **others)
        self._stored = True
        if others["bundle_name"] in self._turns:
            files = {*(parsing_result.import_errors or {}), str(others.get("relative_fileloc"))}
            self._revived |= rows.revive(session, others["bundle_name"], files)

    def deactivate_deleted_dags(self, bundle_name: str, present: set[DagFileInfo]) -> None:
        """Deactivate DAGs whose files no longer exist, except DAGs with unfinished runs."""
        super().deactivate_deleted_dags(bundle_name, present)
        self._look_after_runs()

    def deactivate_stale_dags(self, last_parsed: dict[DagFileInfo, datetime | None], **others: Any) -> None:
        """Deactivate DAGs that were kept for runs, when these have ended. Airflow calls this every minute."""
        super().deactivate_stale_dags(last_parsed, **others)
        self._look_after_runs()

    def _look_after_runs(self) -> None:
        for attempt in run_with_db_retries(logger=self.log):
            with attempt, create_session() as session:
                for bundle in self._releases():
                    self._revived |= rows.revive(session, bundle.name)
                self._revived = rows.let_go(session, self._revived)

    def _releases(self) -> list[ReleaseBundle]:
        return [bundle for bundle in self._dag_bundles if isinstance(bundle, ReleaseBundle)]

    def _now(self, file: DagFileInfo) -> DagFileInfo | None:
        """Return the same file of the active release if ``file`` is from another release, else None."""
        bundle = next(bundle for bundle in self._releases() if bundle.name == file.bundle_name)
        now = DagFileInfo(file.rel_path, bundle.name, bundle.path)
        release = self._bundle_versions.get(bundle.name)
        if file.bundle_path != bundle.path or bundle.path.name != release:
            return now
        try:
            if bundle.moved():
                self.request_bundle_refresh(bundle.name)
                return now
        except (TradewindError, OSError):
            self.log.exception("cannot read which release of %s is active", bundle.name)
            # Use the version that another processor has stored.
            known = self.get_bundle_state(bundle.name)
            return now if known is None or known.version != release else None
        return None

    def _turn(self, bundle: ReleaseBundle, now: ActiveRelease, known: set[DagFileInfo]) -> None:
        files = {str(file.rel_path): file for file in known}
        # Waiting files are from the old release, except callbacks, which are pinned to the releases of their runs.
        waiting = list(self._file_queue)
        self._file_queue.clear()
        for file in waiting:
            ours = file.bundle_name == bundle.name and not file.bundle_version and str(file.rel_path) in files
            self._file_queue[replace(file, bundle_path=bundle.path) if ours else file] = None
        turn = self._turns[bundle.name] = self._compare(bundle, now, set(files))
        self._add_files_to_queue([files[path] for path in sorted(turn.behind, reverse=True)], mode="frontprio")
        self._add_files_to_queue([files[path] for path in sorted(turn.first, reverse=True)], mode="frontprio")
        self._done(bundle.name, turn, None)

    def _compare(self, bundle: ReleaseBundle, now: ActiveRelease, files: set[str]) -> _Turn:
        last = self._turns.get(bundle.name)
        # A processor that has started a moment ago has parsed nothing. It reads the previous release from the pointer.
        before = last.now.release if last else now.before
        if before is None:
            return _Turn(now, first=files, behind=set())
        try:
            found = changes(bundle.cache.manifest(before), bundle.cache.manifest(now.release))
        except TradewindError:  # pruned
            return _Turn(now, first=files, behind=set())
        # If a file was not parsed for the previous release, its rows are from an older one.
        same = (files & found.same) - last.first - last.behind if last else set[str]()
        for attempt in run_with_db_retries(logger=self.log):
            with attempt, create_session() as session:
                same -= rows.carry_over(session, bundle.name, before, now.release, same)
        first = files & found.first
        behind = files - first - same
        self.log.info(
            "release %s of %s: parsing %d files first and %d after them, %d are unchanged",
            *(now.release, bundle.name, len(first), len(behind), len(same)),
        )
        return _Turn(now, first, behind)

    def _done(self, bundle_name: str, turn: _Turn, path: Path | None) -> None:
        """Record a parsed file. Report when all of ``first`` are parsed, and when all files are."""
        if path is not None:
            turn.first.discard(str(path))
            turn.behind.discard(str(path))
        if not turn.first and not turn.served:
            turn.served = True
            self._tell(SERVED, bundle_name, turn.now)
        if turn.served and not turn.behind and not turn.confirmed:
            turn.confirmed = True
            self._tell(CONFIRMED, bundle_name, turn.now)
        elif time.monotonic() - turn.told > PROGRESS_S:
            turn.told = time.monotonic()
            self._tell(PROGRESS, bundle_name, turn.now, left=len(turn.first) + len(turn.behind))

    def _tell(self, event: str, bundle_name: str, now: ActiveRelease, **more: int) -> None:
        self.log.info("%s %s %s %s", event, bundle_name, now.release, more or "")
        extra = json.dumps({"bundle": bundle_name, "release": now.release, "serial": now.serial, **more})
        for attempt in run_with_db_retries(logger=self.log):
            with attempt, create_session() as session:
                session.add(Log(event, owner="dag-processor", owner_display_name="DAG processor", extra=extra))


def main() -> None:
    """Run ``airflow dag-processor`` with the manager above."""
    from airflow.__main__ import main as airflow

    dag_processor_command.DagFileProcessorManager = ReleaseProcessor
    sys.argv = ["airflow", "dag-processor", *sys.argv[1:]]
    airflow()


if __name__ == "__main__":
    main()
