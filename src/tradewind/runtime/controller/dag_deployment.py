"""Activate a DAG release, wait until Airflow has parsed it, and roll it back if it cannot be imported."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from typing import Any, NoReturn, Protocol

from tradewind.dag_releases.manifest import DagRelease
from tradewind.dag_releases.pointer import ActiveRelease
from tradewind.dag_releases.shared_folder import BusyError, SharedFolder
from tradewind.errors import ExitCode, TradewindError
from tradewind.protocol.dag_events import CONFIRMED, SERVED
from tradewind.runtime.controller.dispatcher import Report

POLL_S = 0.25


@dataclass(frozen=True)
class ProcessorProgress:
    """The events that the DAG processor reported, and how many files are left; None if it did not report that."""

    events: frozenset[str] = frozenset()
    left: int | None = None


class Watch(Protocol):
    """The queries to Airflow that a deployment needs."""

    def told(self, now: ActiveRelease) -> ProcessorProgress:
        """Return the reports of the DAG processor about the active release, see ``protocol.dag_events``."""

    def import_errors(self) -> Mapping[str, str]:
        """Return the files that cannot be imported, each with the reason."""

    def in_use(self) -> frozenset[str]:
        """Return the releases of unfinished runs."""


@dataclass(frozen=True)
class Patience:
    """How many seconds a deployment waits while no file is parsed. No file takes longer.

    ``served_s``: for the changed files. ``confirmed_s``: for all files. ``busy_s``: for another process that is
    deploying; ``tradewind up`` does so for a moment after each change of its folder.
    """

    served_s: float = 300.0
    confirmed_s: float = 900.0
    busy_s: float = 10.0


@dataclass(frozen=True)
class DeploymentCheckpoint:
    """The state of a deployment that another controller needs to finish it.

    ``before`` is the previous release, ``broken`` the files that could not be imported before the deployment. ``back``
    is the reason of the rollback; empty if none has begun.
    """

    release: str
    before: str | None
    broken: Mapping[str, str]
    back: str = ""

    @classmethod
    def of(cls, noted: Mapping[str, Any]) -> DeploymentCheckpoint:
        """Read a note. It may be from a newer controller and have more fields."""
        return cls(noted["release"], noted["before"], noted["broken"], noted["back"])


@dataclass(frozen=True)
class Deployed:
    """The result of a deployment. Seconds since the pointer moved; None if the deployment did not wait."""

    now: ActiveRelease
    changed: bool
    served_s: float | None = None
    confirmed_s: float | None = None


class Silent:
    """A Report that has no earlier state and discards its lines."""

    checkpoint: Mapping[str, Any] = {}
    superseded = False

    def tell(self, line: str) -> None:
        """See Report."""

    def save_checkpoint(self, checkpoint: Mapping[str, Any]) -> None:
        """See Report."""


SILENT = Silent()


class Deployment:
    """Deploys to one shared folder. Without ``watch`` it cannot query Airflow, and does not wait."""

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
        roll_back: bool = True,
        wait: bool = True,
        bring: Callable[[], None] = lambda: None,
    ) -> Deployed:
        """Activate ``release`` and wait until its changed files are parsed; with ``whole``, all of its files.

        ``bring`` copies the release into the folder. After a kill at any moment, the old or the new release is active.
        If a file can no longer be imported, or the changed files are not parsed in time, the previous release becomes
        active again, unless ``roll_back`` is False. If ``wait`` is False, the release is activated and not watched. If
        another controller began this deployment, ``report`` has its notes, and this call continues it. Once the command
        is superseded, this call does not wait any more.

        Raises:
            TradewindError: the release is damaged, another process is deploying, or the release has errors. The error
                has the action that was taken.
        """
        with self._alone():
            now = self.shared.active()
            if report.checkpoint:
                checkpoint = DeploymentCheckpoint.of(report.checkpoint)
            else:
                if now and now.release == release:
                    return self._again(now, whole, report) if wait else Deployed(now, changed=False)
                bring()
                broken = dict(self._watch.import_errors()) if self._watch else {}
                checkpoint = DeploymentCheckpoint(release, now.release if now else None, broken)
                report.save_checkpoint(asdict(checkpoint))
            before = checkpoint.before
            if checkpoint.back:
                self._fail(release, before, checkpoint.back)
            now = self.shared.activate(release)
            if not self._watch or not wait:
                return Deployed(now, changed=True)
            report.tell(f"{release} is active; waiting until its changed files are served")
            try:
                served = self._until(SERVED, now, checkpoint.broken, report)
                report.tell(f"served after {served:.1f} s")
                if not whole:
                    return Deployed(now, True, served)
                confirmed = self._until(CONFIRMED, now, checkpoint.broken, report)
                report.tell(f"every file is confirmed after {confirmed:.1f} s")
            except _FailedError as error:
                if roll_back and before:
                    with suppress(Exception):  # the rollback is more important
                        report.save_checkpoint(asdict(replace(checkpoint, back=str(error))))
                self._fail(release, before if roll_back else None, str(error))
            except _UnconfirmedError as error:
                # The changed files are served. The release is not the reason why the others wait.
                raise TradewindError(f"the DAG release {release} is active, but not confirmed", str(error)) from None
            return Deployed(now, True, served, confirmed)

    def _again(self, now: ActiveRelease, whole: bool, report: Report) -> Deployed:
        """Wait for a release that is active already: it may be new, and not have been watched."""
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
            raise TradewindError(f"the DAG release {now.release} is active, but has errors", str(error)) from None
        return Deployed(now, changed=False)

    def prune(self, keep: int, since: str = "") -> list[DagRelease]:
        """Remove all releases but the newest ``keep``, the active and the previous one, and those of unfinished runs.

        With ``since`` (ISO 8601), remove only releases that were created before.

        Raises:
            TradewindError: Airflow cannot be queried for unfinished runs, or another process is deploying.
        """
        if not self._watch:
            raise TradewindError(
                "old DAG releases were not removed",
                "Airflow cannot be queried for the releases of unfinished runs",
                code=ExitCode.USAGE,
            )
        with self._alone():
            now = self.shared.active()
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

    def _until(self, event: str, now: ActiveRelease, known: Mapping[str, str], report: Report) -> float:
        """Wait for an event. Returns the seconds that it took. ``known`` are errors from before the deployment."""
        assert self._watch
        patience = self._patience.served_s if event == SERVED else self._patience.confirmed_s
        began = moved = self._clock()
        left: int | None = None
        while True:
            if report.superseded:
                raise _UnconfirmedError("a later command replaced this one")
            try:
                # Events are read before errors: the DAG processor stores errors before it reports an event.
                told = self._watch.told(now)
                new = {file: why for file, why in self._watch.import_errors().items() if known.get(file) != why}
            except (TradewindError, LookupError) as error:
                told, new, silent = (
                    ProcessorProgress(left=left),
                    {},
                    f"the reports of the DAG processor cannot be read: {error}",
                )
            else:
                silent = f"some of its files are not parsed, and no file was parsed for {patience:.0f} s"
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
            raise TradewindError(
                f"the DAG release {release} is active, but has errors", why, "correct the DAG files, and deploy again"
            )
        self.shared.activate(before)
        raise TradewindError(
            f"the DAG release {release} was rolled back",
            why,
            f"{before} is active again; correct the DAG files, and deploy again",
        )


class _FailedError(Exception):
    """The reason why a release cannot stay active."""


class _UnconfirmedError(Exception):
    """The reason why a release cannot be confirmed."""
