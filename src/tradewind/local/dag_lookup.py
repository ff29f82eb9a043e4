"""Finds a DAG in Airflow, or reports why it cannot be run. Waits only until one of the two is certain."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import islice
from typing import Any, Protocol
from urllib.parse import quote, urlencode

from tradewind.dag_releases.manifest import DagRelease
from tradewind.dag_releases.shared_folder import SharedFolder
from tradewind.errors import TradewindError, printable
from tradewind.local.airflow import PATIENCE_S, POLL_S, Airflow
from tradewind.local.platform import Platform
from tradewind.local.supervisor_requests import GetDagFolder
from tradewind.local.task_log import shortened
from tradewind.protocol.dag_events import CONFIRMED, PROGRESS

_NAMES = 2000
"""DAG ids that are compared with an unknown one, to suggest a name: 20 calls."""
_SHOWN_NAMES = 10
_SHOWN_ERRORS = 3


@dataclass(frozen=True)
class Served:
    """The served state of a DAG folder. ``settled``: it is the current content, unless ``problem`` says why not.

    ``release`` and ``serial`` come from the pointer. No release is active if ``release`` is empty.
    """

    settled: bool
    problem: str = ""
    release: str = ""
    serial: int = 0


class Folder(Protocol):
    """A DAG folder that a platform serves."""

    def served(self) -> Served:
        """Return the state that is served now. Raises TradewindError if the platform does not run."""

    def manifest(self, release: str) -> DagRelease:
        """Return the manifest of a release; it is empty if it cannot be read."""


@dataclass(frozen=True)
class DagFolder:
    """See Folder. The DAG folder of the platform on this machine."""

    platform: Platform

    def served(self) -> Served:
        """See Folder."""
        about = self.platform.ask(GetDagFolder())  # first: its changes are then active when the pointer is read
        try:
            now = self._shared.active()
        except OSError as error:
            raise TradewindError(f"{self._shared.pointer} cannot be read", str(error.strerror or error)) from error
        release, serial = (now.release, now.serial) if now else ("", 0)
        return Served(about.settled, about.problem, release, serial)

    def manifest(self, release: str) -> DagRelease:
        """See Folder."""
        try:
            return self._shared.read(release)
        except (TradewindError, OSError):
            return DagRelease({})

    @property
    def _shared(self) -> SharedFolder:
        return SharedFolder(self.platform.state_dir.dags)


@dataclass(frozen=True)
class Lookup:
    """Looks for DAGs. ``tell`` receives the progress and notes for the user."""

    airflow: Airflow
    folder: Folder
    tell: Callable[[str], None] = lambda _: None
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def find(self, dag: str) -> Mapping[str, Any]:
        """Return the API's row of the DAG, in its current version. Wait only while files that may define it are parsed.

        Raises:
            TradewindError: it cannot be run; the error says why.
        """
        moved: tuple[Any, ...] = ()
        told: int | None = None
        until = 0.0
        while True:
            # In this order: all files that count as parsed are in the database before the DAG is looked for.
            served = self.folder.served()
            parsed, left = self._parsed(served)
            row = self._row(dag)
            # A bundle without releases has no version.
            if row and _is_well(row) and served.settled and row["bundle_version"] in {None, served.release}:
                self._tell_problem(served)
                return row
            if parsed:
                self._tell_problem(served)
                raise self._refusal(dag, row, served)
            if moved and (told is None or left not in {None, told}):  # most files are parsed before the second check
                files = f"{left:,} DAG files are" if left else "the DAG folder is"
                self.tell(f"{dag} {'may have changed' if row else 'is not in Airflow yet'}: {files} being parsed")
                told = left or 0
            if moved != (served, left):
                moved, until = (served, left), self.clock() + PATIENCE_S
            elif self.clock() > until:
                why = f"some DAG files are not parsed yet, and for {PATIENCE_S:.0f} s none was"
                if row and _is_well(row):
                    self.tell(f"note: {dag} runs as it was before its folder changed: {why}")
                    return row
                raise TradewindError(
                    f"{dag} cannot be run yet", why, "tradewind status, and tradewind logs dag-processor"
                )
            self.sleep(POLL_S)

    def _tell_problem(self, served: Served) -> None:
        if served.problem:
            self.tell(f"note: the last change of the DAG folder is not active: {served.problem}")

    def _parsed(self, served: Served) -> tuple[bool, int | None]:
        """Return whether all current files of the folder are parsed, and how many are left, if that is known."""
        if not (served.settled and served.release):
            return False, None
        if next(self._said(CONFIRMED, served), None) is not None:
            return True, 0
        latest = next(self._said(PROGRESS, served), None)
        return False, latest["left"] if latest else None

    def _said(self, event: str, served: Served) -> Iterator[Mapping[str, Any]]:
        """Yield the DAG processor's reports about the active release, the latest first."""
        asked = urlencode({"event": event, "order_by": "-event_log_id", "limit": 5})
        for entry in self.airflow.call("GET", f"/eventLogs?{asked}")["event_logs"]:
            about = json.loads(entry["extra"])
            if (about["release"], about["serial"]) == (served.release, served.serial):
                yield about

    def _row(self, dag: str) -> dict[str, Any] | None:
        try:
            found = dict(self.airflow.call("GET", f"/dags/{quote(dag)}"))
        except LookupError:
            return None
        return found if found.get("dag_id") == dag else None  # a name that is no valid id may match another path

    # Why it cannot be run

    def _refusal(self, dag: str, row: Mapping[str, Any] | None, served: Served) -> TradewindError:
        errors = {e["filename"]: _last_line(e["stack_trace"]) for e in self._import_errors()}
        manifest = self.folder.manifest(served.release)
        named = [path for path, ids in manifest.dags.items() if dag in ids]
        file = str(row["relative_fileloc"]) if row else ""
        for path in (*named, file):
            if path in errors:
                return TradewindError(
                    f"{dag} cannot be run",
                    f"its file {path} cannot be imported: {errors[path]}",
                    f"correct {path}; tradewind dags test checks all files",
                )
        if row is None:
            return self._unknown(dag, errors, named)
        gone = f"{file} no longer defines it" if file in manifest.files else f"its file {file} no longer exists"
        return self._left(dag, gone)

    def _left(self, dag: str, gone: str) -> TradewindError:
        """Return the error for a DAG that only Airflow's database has.

        The database lists such a DAG with import errors while it has unfinished runs.
        """
        unfinished = urlencode({"state": ["queued", "running"], "limit": 1}, doseq=True)
        runs = self.airflow.call("GET", f"/dags/{quote(dag)}/dagRuns?{unfinished}")["total_entries"]
        kept = ""
        if runs:
            they = "its unfinished run continues" if runs == 1 else f"its {runs} unfinished runs continue"
            kept = f"; {they} with the files that {'it' if runs == 1 else 'they'} started with, and no new run starts"
        return TradewindError(
            f"{dag} is no longer in the DAG folder",
            gone + kept,
            f"restore it to run it again; its runs: {self.airflow.url}/dags/{quote(dag)}/runs",
        )

    def _unknown(self, dag: str, errors: Mapping[str, str], named: list[str]) -> TradewindError:
        names = list(dict.fromkeys(row["dag_id"] for row in islice(self._dags(), _NAMES)))
        lower = {name.lower(): name for name in names}
        close = [lower[name] for name in get_close_matches(dag.lower(), lower)]
        why = [f"did you mean {' or '.join(close)}?"] if close else []
        if named:
            why.append(f"{named[0]} mentions it, but defines no DAG of that name when it is imported")
        if errors:
            shown = [f"{file}: {text}" for file, text in list(errors.items())[:_SHOWN_ERRORS]]
            more = [f"and {len(errors) - _SHOWN_ERRORS} more"] if len(errors) > _SHOWN_ERRORS else []
            files = "1 file cannot" if len(errors) == 1 else f"{len(errors)} files cannot"
            why.append(f"{files} be imported: {'; '.join([*shown, *more])}")
        rest = f" and {len(names) - _SHOWN_NAMES:,} more" if len(names) > _SHOWN_NAMES else ""
        return TradewindError(
            f"there is no DAG {dag!r}", " ".join(why), f"DAGs: {', '.join(names[:_SHOWN_NAMES]) or 'none'}{rest}"
        )

    def _import_errors(self) -> Iterator[dict[str, Any]]:
        return self.airflow.pages("/importErrors", "import_errors")

    def _dags(self) -> Iterator[dict[str, Any]]:
        return self.airflow.pages("/dags", "dags", {"order_by": "dag_id"}, overlap=0)


def _is_well(row: Mapping[str, Any]) -> bool:
    """Whether Airflow starts runs of this DAG."""
    return not row["is_stale"] and not row["has_import_errors"]


def _last_line(trace: str) -> str:
    lines = printable(str(trace)).strip().splitlines()
    return shortened(lines[-1]) if lines else "Airflow gives no reason"
