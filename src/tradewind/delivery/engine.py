"""Brings a release into an environment: wave by wave, each behind its gates, and back where one does not open.

There is no list of steps that could get lost. The wanted release is written down, and the engine makes the environment
equal to it; killed at any moment, the same call goes on from whatever is there.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from tradewind.delivery.release import Release
from tradewind.delivery.target import Phase, Progress, Rolled, Stage, Target, waves
from tradewind.errors import ExitCode, TradewindError
from tradewind.platform import Component
from tradewind.records.lease import Lease, me, of_environment
from tradewind.records.records import ConflictError, Records

Listener = Callable[[str, Progress], None]
Look = Callable[..., Progress]


@dataclass(frozen=True)
class Limits:
    """Seconds that a change may wait in each stage before it counts as failed."""

    preparing_s: float = 6 * 3600.0
    starting_s: float = 600.0
    turning_s: float = 1800.0
    draining_s: float = 3600.0
    stopping_s: float = 300.0
    confirming_s: float = 600.0

    def of(self, stage: Stage) -> float:
        """The limit of one stage."""
        return float(getattr(self, f"{stage.value}_s"))


class GateError(TradewindError):
    """A gate did not open: the release goes no further."""


@dataclass
class Engine:
    """Deploys to one environment.

    ``sleep`` and ``clock`` (Unix time in seconds) are the real ones but in tests.
    """

    environment: str
    records: Records
    target: Target
    limits: Limits = field(default=Limits())
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep

    def deploy(self, release: Release, listen: Listener, reason: str = "") -> None:
        """Make the environment run ``release``; on failure, what it ran before.

        Raises:
            TradewindError: somebody else is at it; or it failed, and what was done about that.
        """
        self._images(release)
        lease = Lease.take(self.records, of_environment(self.environment), f"deploys {release.id}", self.clock)
        try:
            unfinished = self.unfinished()
            before = unfinished["previous"] if unfinished else self.current_id()
            if unfinished:
                self._note("interrupted", unfinished["release"], reason=f"followed by {release.id}")
            self._write("deployment", {"release": release.id, "previous": before, "back": False, "reason": reason})
            self._forward(release, before, lease, listen, reason)
        finally:
            lease.give_back()

    def resume(self, listen: Listener) -> Release | None:
        """Finish what a deployment that was killed has left; the release in force then, None where nothing was left.

        Raises:
            TradewindError: as ``deploy``.
        """
        unfinished = self.unfinished()
        if unfinished is None:
            return None
        lease = Lease.take(
            self.records, of_environment(self.environment), f"resumes {unfinished['release']}", self.clock
        )
        try:
            unfinished = self.unfinished()
            if unfinished is None:
                return None
            release = self.release(unfinished["release"])
            if unfinished["back"]:
                self._back(release, unfinished["previous"], unfinished["reason"], lease, listen)
                return self.release(unfinished["previous"])
            self._forward(release, unfinished["previous"], lease, listen, unfinished["reason"])
            return release
        finally:
            lease.give_back()

    def current_id(self) -> str | None:
        """The release that was deployed last, and well; None before the first."""
        found = self._read("current")
        return str(found["release"]) if found else None

    def unfinished(self) -> dict[str, Any] | None:
        """What a deployment that did not end has written down; None where there is none."""
        return self._read("deployment")

    def release(self, release_id: str) -> Release:
        """The record of a release. TradewindError where there is none."""
        found = self.records.read(f"records/{release_id}")
        if found is None:
            raise TradewindError(
                f"there is no release {release_id!r}", hint="tradewind release list", code=ExitCode.USAGE
            )
        return Release.from_dict(found[0])

    def previous(self) -> Release:
        """The release to go back to: before an unfinished deployment, the one in force; else the one before that.

        Raises:
            TradewindError: there is none.
        """
        current = self.current_id()
        if current and self.unfinished():
            return self.release(current)
        settled = [entry["release"] for entry in self.history() if entry["event"] in {"deployed", "rolled-back"}]
        before = [release for release in settled if release != current]
        if not before:
            raise TradewindError(
                "there is nothing to go back to",
                f"no other release was ever in force in {self.environment}",
                f"tradewind history {self.environment}",
                code=ExitCode.USAGE,
            )
        return self.release(before[-1])

    def history(self) -> list[dict[str, Any]]:
        """Every change of the environment, oldest first."""
        names = self.records.names(f"environments/{self.environment}/ledger/")
        return [found[0] for name in names if (found := self.records.read(name))]

    def status(self) -> dict[str, Any]:
        """The public format of ``tradewind release status --json``; see docs/reference/json.md."""
        current, unfinished = self.current_id(), self.unfinished()
        running = {name: sorted(images) for name, images in self.target.running().items()}
        lock = self._read("lock")
        wanted = self._images(self.release(current)) if current else {}
        return {
            "version": 1,
            "environment": self.environment,
            "release": current,
            "consistent": bool(current) and unfinished is None and all(set(running[n]) <= {wanted[n]} for n in running),
            "unfinished": unfinished,
            "lock": {key: lock[key] for key in ("owner", "reason", "since", "until")} if lock else None,
            "running": running,
        }

    def _forward(self, release: Release, before: str | None, lease: Lease, listen: Listener, reason: str) -> None:
        began = self.clock()
        try:
            order = waves(self.target.services())
            self._converge(release, order, lease, listen, self.target.confirm)
        except GateError as error:
            if before is None or before == release.id:
                self._note("failed", release.id, reason=str(error))
                raise TradewindError(
                    f"{release.id} failed, and there is no other release to go back to",
                    str(error),
                    f"tradewind release deploy {self.environment} RELEASE",
                ) from error
            self._note("failed", release.id, reason=str(error))
            back = {"release": release.id, "previous": before, "back": True, "reason": str(error)}
            self._write("deployment", back)
            self._back(release, before, str(error), lease, listen)
            raise TradewindError(
                f"{release.id} failed, and {before} is in force again",
                str(error),
                f"tradewind history {self.environment}",
            ) from error
        self._settle("deployed", release, reason, self.clock() - began)

    def _back(self, failed: Release, to: str, why: str, lease: Lease, listen: Listener) -> None:
        """Dependents first, so that nothing new meets something old that does not know it. One-offs do not run back."""
        began = self.clock()
        release = self.release(to)
        order = reversed(waves(service for service in self.target.services() if not service.one_off))
        try:
            self._converge(release, order, lease, listen)
        except GateError as error:
            self._note("stuck", to, reason=str(error))
            raise TradewindError(
                f"{failed.id} failed, and so did the way back to {to}",
                f"{why}; then: {error}",
                f"tradewind release resume {self.environment}",
            ) from error
        self._settle("rolled-back", release, why, self.clock() - began)

    def _converge(
        self,
        release: Release,
        order: Iterable[Iterable[Rolled]],
        lease: Lease,
        listen: Listener,
        confirm: Callable[[float], Progress] | None = None,
    ) -> None:
        images = self._images(release)
        *earlier, last = ({s.name: partial(self.target.advance, s, images[s.name]) for s in wave} for wave in order)
        for wave in earlier:
            self._wait(wave, lease, listen)
        if confirm:
            # Until all is confirmed, old workers stay, to go back to. They may drain for hours after that; whatever
            # happens to them then is no reason to take back what has been found good.
            kept = {name: partial(look, keep=True) for name, look in last.items()}
            self._wait(kept, lease, listen, confirm)
            try:
                self._wait(last, lease, listen)
            except GateError as error:
                raise TradewindError(
                    f"{release.id} is in force, and something old is still there",
                    str(error),
                    f"tradewind release resume {self.environment}",
                ) from error
            return
        self._wait(last, lease, listen)

    def _wait(
        self,
        looks: Mapping[str, Look],
        lease: Lease,
        listen: Listener,
        confirm: Callable[[float], Progress] | None = None,
    ) -> None:
        """Until all is done; with ``confirm``, until all new work goes to what is new, and that has been confirmed."""
        waiting = dict(looks)
        stages: dict[str, tuple[Stage, float]] = {}
        while waiting:
            seen: dict[str, Progress] = {}
            for name, look in waiting.items():
                lease.renew()
                seen[name] = look()
                listen(name, seen[name])
                self._judge(name, seen[name], stages)
            waiting = {name: look for name, look in waiting.items() if seen[name].phase is not Phase.DONE}
            if confirm and all(seen[name].turned for name in waiting):
                waiting, confirm = {"confirm": partial(confirm, self.clock())}, None
            elif waiting:
                self.sleep(self.target.poll_s)

    def _judge(self, name: str, progress: Progress, stages: dict[str, tuple[Stage, float]]) -> None:
        """GateError where it failed, or has been in its stage for too long; ``stages`` says since when each is."""
        if progress.phase is Phase.FAILED:
            raise GateError(f"{name} failed", progress.detail)
        if name not in stages or stages[name][0] is not progress.stage:
            stages[name] = (progress.stage, self.clock())
        limit = self.limits.of(progress.stage)
        if progress.phase is not Phase.PENDING or self.clock() - stages[name][1] <= limit:
            return
        what = f"{name} was still {progress.stage} after {limit:.0f} s"
        if progress.stage is Stage.PREPARING:
            # Turning round would leave it running, and bring the old release onto a schema that is just being changed.
            raise TradewindError(what, progress.detail, f"tradewind release resume {self.environment}")
        raise GateError(what, progress.detail)

    def _settle(self, event: str, release: Release, reason: str, seconds: float) -> None:
        self.target.adopt({Component(name): image for name, image in release.images.items()})
        self._write("current", {"release": release.id})
        self._note(event, release.id, reason=reason, seconds=round(seconds, 1))
        name = self._name("deployment")
        if found := self.records.read(name):
            self.records.delete(name, found[1])

    def _images(self, release: Release) -> Mapping[str, str]:
        missing = {s.component for s in self.target.services()} - {Component(name) for name in release.images}
        if missing:
            raise TradewindError(f"{release.id} has no image for {', '.join(sorted(missing))}")
        return {service.name: release.images[service.component] for service in self.target.services()}

    def _name(self, what: str) -> str:
        return f"environments/{self.environment}/{what}"

    def _read(self, what: str) -> dict[str, Any] | None:
        found = self.records.read(self._name(what))
        return found[0] if found else None

    def _write(self, what: str, document: Mapping[str, Any]) -> None:
        found = self.records.read(self._name(what))
        self.records.write(self._name(what), document, found[1] if found else None)

    def _note(self, event: str, release: str, **more: Any) -> None:
        """Append to the ledger. Only who holds the lease does; nobody ever writes over an entry."""
        at = datetime.fromtimestamp(self.clock(), UTC)
        entry = {"event": event, "release": release, "by": me(), "at": at.isoformat(timespec="seconds"), **more}
        ledger = self._name("ledger/")
        number = len(self.records.names(ledger)) + 1
        self.records.write(f"{ledger}{number:06}-{at.strftime('%Y%m%dT%H%M%S')}", entry, None)


def keep(records: Records, release: Release) -> Release:
    """Keep the record of a release, and return it. One that is made again is the newest again; its parent stays."""
    name = f"records/{release.id}"
    while True:
        found = records.read(name)
        if found:
            first = Release.from_dict(found[0])
            last = max(first, release, key=lambda made: made.created)
            release = replace(last, parent=first.parent, note=release.note or first.note)
        try:
            records.write(name, release.as_dict(), found[1] if found else None)
        except ConflictError:
            continue  # made at the same time by another process
        return release


def in_force(records: Records, environment: str) -> Release | None:
    """The release that was deployed last, and well; None before the first."""
    current = records.read(f"environments/{environment}/current")
    found = records.read(f"records/{current[0]['release']}") if current else None
    return Release.from_dict(found[0]) if found else None


def known(records: Records) -> list[Release]:
    """Every release, oldest first."""
    found = [Release.from_dict(document[0]) for n in records.names("records/") if (document := records.read(n))]
    return sorted(found, key=lambda release: release.created)
