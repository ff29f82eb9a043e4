"""Puts a release of DAG files in force, watches Airflow take it, and takes it back where it cannot be imported."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from typing import Any, NoReturn, Protocol

from tradewind.dag_releases.manifest import DagRelease
from tradewind.dag_releases.pointer import InForce
from tradewind.dag_releases.shared_folder import BusyError, SharedFolder
from tradewind.errors import ExitCode, TradewindError
from tradewind.protocol.dag_events import CONFIRMED, SERVED
from tradewind.runtime.controller.dispatcher import Report

POLL_S = 0.25


@dataclass(frozen=True)
class Told:
    """The events that were said, and how many files are left; None where nothing was said of that."""

    events: frozenset[str] = frozenset()
    left: int | None = None


class Watch(Protocol):
    """What a deployment asks of Airflow."""

    def told(self, now: InForce) -> Told:
        """What the DAG processor has said of what is in force, see ``protocol.dag_events``."""

    def import_errors(self) -> Mapping[str, str]:
        """The files that cannot be imported, and why."""

    def in_use(self) -> frozenset[str]:
        """The releases of unfinished runs."""


@dataclass(frozen=True)
class Patience:
    """How long is waited, in seconds, while no file is parsed: of those that changed, and of all. No file takes longer.

    ``busy_s``: for somebody else who is deploying; ``up`` is, for a moment, after each change of its folder.
    """

    served_s: float = 300.0
    confirmed_s: float = 900.0
    busy_s: float = 10.0


@dataclass(frozen=True)
class Begun:
    """What must be known to finish the deployment of a release after the controller that began it has ended: what was
    in force, which files could not be imported even then, and why it is being taken back, if it is."""

    release: str
    before: str | None
    broken: Mapping[str, str]
    back: str = ""

    @classmethod
    def of(cls, noted: Mapping[str, Any]) -> Begun:
        """What was noted, perhaps by a newer controller, which may have noted more."""
        return cls(noted["release"], noted["before"], noted["broken"], noted["back"])


@dataclass(frozen=True)
class Deployed:
    """What was done. Seconds since the pointer moved; None for what was not waited for."""

    now: InForce
    changed: bool
    served_s: float | None = None
    confirmed_s: float | None = None


class Silent:
    """See Report: nothing was begun, and what is told is lost."""

    begun: Mapping[str, Any] = {}
    superseded = False

    def tell(self, line: str) -> None:
        """See Report."""

    def note(self, begun: Mapping[str, Any]) -> None:
        """See Report."""


SILENT = Silent()


class Deployment:
    """Deploys to one shared folder. Without ``watch`` nobody can be asked, and nothing is waited for."""

    def __init__(
        self,
        shared: SharedFolder,
        watch: Watch | None,
        patience: Patience = Patience(),
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.shared = shared
        self._watch = watch
        self._patience = patience
        self._clock = clock
        self._sleep = sleep

    def deploy(
        self,
        release: str,
        report: Report = SILENT,
        *,
        whole: bool = True,
        take_back: bool = True,
        wait: bool = True,
        bring: Callable[[], None] = lambda: None,
    ) -> Deployed:
        """Put ``release`` in force, which ``bring`` has in the folder, and see it served; with ``whole``: all of it.

        Killed at any moment, this leaves the old or the new release in force. Where a file that could be imported
        before cannot be now, or what has changed is not parsed in time, what was in force before is again; not without
        ``take_back``. Without ``wait`` it is put in force, and nothing is watched. Where another controller began with
        it, ``report`` has what that one noted, and this goes on. Once it is superseded, nothing is waited for.

        Raises:
            TradewindError: the release is damaged, somebody else is deploying, or it has errors, and what was done.
        """
        with self._alone():
            now = self.shared.in_force()
            if report.begun:
                begun = Begun.of(report.begun)
            else:
                if now and now.release == release:
                    return self._again(now, whole, report) if wait else Deployed(now, changed=False)
                bring()
                broken = dict(self._watch.import_errors()) if self._watch else {}
                begun = Begun(release, now.release if now else None, broken)
                report.note(asdict(begun))
            before = begun.before
            if begun.back:
                self._fail(release, before, begun.back)
            now = self.shared.activate(release)
            if not self._watch or not wait:
                return Deployed(now, changed=True)
            report.tell(f"{release} is in force; waiting until what it changed is served")
            try:
                served = self._until(SERVED, now, begun.broken, report)
                report.tell(f"served after {served:.1f} s")
                if not whole:
                    return Deployed(now, True, served)
                confirmed = self._until(CONFIRMED, now, begun.broken, report)
                report.tell(f"every file is confirmed after {confirmed:.1f} s")
            except _FailedError as error:
                if take_back and before:
                    with suppress(Exception):  # to take it back matters more
                        report.note(asdict(replace(begun, back=str(error))))
                self._fail(release, before if take_back else None, str(error))
            except _UnconfirmedError as error:
                # What it changed is served. The rest waits for something that this release did not do.
                raise TradewindError(f"the DAG release {release} is in force, and not confirmed", str(error)) from None
            return Deployed(now, True, served, confirmed)

    def _again(self, now: InForce, whole: bool, report: Report) -> Deployed:
        """What is in force already may be so since a moment only, and nobody may have watched it."""
        if not self._watch:
            return Deployed(now, changed=False)
        broken = self._watch.import_errors()
        for file, why in sorted(broken.items()):
            report.tell(f"note: {file} cannot be imported: {why}")
        try:
            self._until(SERVED, now, broken, report)
            if whole:
                self._until(CONFIRMED, now, broken, report)
        except (_FailedError, _UnconfirmedError) as error:
            raise TradewindError(f"the DAG release {now.release} is in force, and has errors", str(error)) from None
        return Deployed(now, changed=False)

    def prune(self, keep: int, since: str = "") -> list[DagRelease]:
        """Remove all but the newest ``keep``, what is in force, what was before that, and what runs still use.

        With ``since`` (ISO 8601) only what was made before.

        Raises:
            TradewindError: nobody can be asked what runs use, or somebody else is deploying.
        """
        if not self._watch:
            raise TradewindError(
                "old DAG releases stay",
                "Airflow cannot be asked which of them unfinished runs use",
                code=ExitCode.USAGE,
            )
        with self._alone():
            now = self.shared.in_force()
            used = set(self._watch.in_use())
            used |= {name for name in (now.release, now.before) if name} if now else set()
            old = [release for release in self.shared.releases()[keep:] if release.id not in used]
            old = [release for release in old if not since or release.created < since]
            for release in old:
                self.shared.remove(release.id)
            self.shared.sweep()
        return old

    @contextmanager
    def _alone(self) -> Iterator[None]:
        deadline = self._clock() + self._patience.busy_s
        with ExitStack() as stack:
            while True:
                try:
                    stack.enter_context(self.shared.deploying())
                    break
                except BusyError:
                    if self._clock() >= deadline:
                        raise
                self._sleep(POLL_S)
            yield

    def _until(self, event: str, now: InForce, known: Mapping[str, str], report: Report) -> float:
        """Wait for an event; seconds. ``known`` are errors that are no news."""
        assert self._watch
        patience = self._patience.served_s if event == SERVED else self._patience.confirmed_s
        began = moved = self._clock()
        left: int | None = None
        while True:
            if report.superseded:
                raise _UnconfirmedError("somebody asked for what takes its place")
            try:
                # Before errors are looked at: they are stored before it is said.
                told = self._watch.told(now)
                new = {file: why for file, why in self._watch.import_errors().items() if known.get(file) != why}
            except (TradewindError, LookupError) as error:
                told, new, silent = Told(left=left), {}, f"Airflow did not say so: {error}"
            else:
                silent = f"not all of its files are parsed, and for {patience:.0f} s none was"
            if new:
                raise _FailedError("; ".join(f"{file}: {why}" for file, why in sorted(new.items())))
            if event in told.events or CONFIRMED in told.events:
                return self._clock() - began
            if told.left != left:
                left, moved = told.left, self._clock()
                report.tell(f"{left:,} files are left to parse")
            if self._clock() - moved > patience:
                raise (_FailedError if event == SERVED else _UnconfirmedError)(silent)
            self._sleep(POLL_S)

    def _fail(self, release: str, before: str | None, why: str) -> NoReturn:
        if before is None:
            raise TradewindError(f"the DAG release {release} is in force, and has errors", why, "mend it, and deploy")
        self.shared.activate(before)
        raise TradewindError(
            f"the DAG release {release} was taken back", why, f"{before} is in force again; mend it, and deploy"
        )


class _FailedError(Exception):
    """Why a release cannot stay."""


class _UnconfirmedError(Exception):
    """Why nobody can say whether all of it is well."""
