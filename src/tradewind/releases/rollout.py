"""Deploy a release to an environment, phase by phase. If a gate fails, roll back.

The phases are in ``phases.forward`` and ``phases.back``. The rollout does not store its phase. It stores the wanted
release and makes the environment equal to it. After a kill at any moment, the same call continues from the actual
state.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

from tradewind.blueprint import Component
from tradewind.errors import TradewindError
from tradewind.releases.phases import DAGS, Phase, PhaseInput, back, forward
from tradewind.releases.record import Release
from tradewind.releases.repository import ReleaseRepository
from tradewind.releases.target import Progress, Stage, State, Target
from tradewind.storage.lease import Lease, of_environment

Look = Callable[[], Progress]


class Listener(Protocol):
    """Receives the progress of a rollout."""

    def phase(self, phase: Phase) -> None:
        """A phase begins."""

    def look(self, name: str, progress: Progress) -> None:
        """Report the progress of a service, or of a gate. Called repeatedly."""


@dataclass(frozen=True)
class Limits:
    """Seconds that a change may wait in each stage before it counts as failed."""

    preparing_s: float = 6 * 3600.0
    starting_s: float = 600.0
    cordoning_s: float = 1800.0
    draining_s: float = 3600.0
    stopping_s: float = 300.0
    confirming_s: float = 600.0

    def of(self, stage: Stage) -> float:
        """Return the limit of one stage."""
        return float(getattr(self, f"{stage.value}_s"))


class GateError(TradewindError):
    """A gate failed: the rollout does not continue."""


@dataclass
class Rollout:
    """Deploys to one environment.

    ``sleep`` and ``clock`` (Unix time in seconds) are replaced only in tests. ``has_dags`` returns whether the
    environment has a DAG release.
    """

    releases: ReleaseRepository
    target: Target
    limits: Limits = field(default=Limits())
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep
    has_dags: Callable[[str], bool] = lambda _: True

    @property
    def environment(self) -> str:
        """The name of the environment."""
        return self.releases.environment

    def deploy(self, release: Release, listen: Listener, reason: str = "") -> None:
        """Make the environment run ``release``. On failure, make it run the previous release again.

        Raises:
            TradewindError: another process is deploying, or the deployment failed. The error then has the action that
                was taken.
        """
        self._images(release)
        if release.dags and not self.has_dags(release.dags):
            raise TradewindError(
                f"{release.id} comes with the DAG release {release.dags}, which {self.environment} does not have",
                "each environment has its own DAG releases, and removes old ones",
                f"tradewind dags deploy -e {self.environment}, or create a release with --dag-release ''",
            )
        lease = self._lease(f"deploys {release.id}")
        try:
            unfinished = self.releases.unfinished()
            before = unfinished["previous"] if unfinished else self.releases.current_id()
            if unfinished:
                self._note("interrupted", unfinished["release"], reason=f"followed by {release.id}")
            self.releases.begin(release.id, before, reason, back=False)
            self._forward(release, before, lease, listen, reason)
        finally:
            lease.release()

    def resume(self, listen: Listener) -> Release | None:
        """Finish a deployment that was killed. Returns the active release after it; None if there was none to finish.

        Raises:
            TradewindError: as ``deploy``.
        """
        unfinished = self.releases.unfinished()
        if unfinished is None:
            return None
        lease = self._lease(f"resumes {unfinished['release']}")
        try:
            unfinished = self.releases.unfinished()
            if unfinished is None:
                return None
            release = self.releases.release(unfinished["release"])
            if unfinished["back"]:
                self._back(release, unfinished["previous"], unfinished["reason"], lease, listen)
                return self.releases.release(unfinished["previous"])
            self._forward(release, unfinished["previous"], lease, listen, unfinished["reason"])
            return release
        finally:
            lease.release()

    def status(self) -> dict[str, Any]:
        """Return the status in the public format of ``tradewind release status --json``; see docs/reference/json.md."""
        current, unfinished = self.releases.current_id(), self.releases.unfinished()
        running = {name: sorted(images) for name, images in self.target.running().items()}
        wanted = self._images(self.releases.release(current)) if current else {}
        return {
            "version": 1,
            "environment": self.environment,
            "release": current,
            "consistent": bool(current) and unfinished is None and all(set(running[n]) <= {wanted[n]} for n in running),
            "unfinished": unfinished,
            "lock": self.releases.lock(),
            "running": running,
            "draining": self.target.draining(),
        }

    def plan(self, release: Release) -> list[dict[str, Any]]:
        """Return the phases and changes of a ``deploy`` at this moment, in the public format of ``--dry-run --json``.

        It changes nothing, and is no promise: a deployment depends on the state of the environment at its time.
        """
        images, running = self._images(release), self.target.running()
        found = []
        for phase in forward(self.target.services()):
            changes = [
                {"service": s.name, "from": sorted(running.get(s.name, ())), "to": images[s.name]}
                for s in phase.services
                if s.one_shot or set(running.get(s.name, ())) != {images[s.name]}
            ]
            if phase.name == DAGS and release.dags:
                before = self.releases.current()
                changes = [
                    {"service": DAGS, "from": [before.dags] if before and before.dags else [], "to": release.dags}
                ]
            found.append({"phase": phase.name, "does": phase.does, "changes": changes})
        return found

    def _forward(self, release: Release, before: str | None, lease: Lease, listen: Listener, reason: str) -> None:
        began = self.clock()
        try:
            for phase in forward(self.target.services()):
                self._carry_out(phase, release, lease, listen)
        except GateError as error:
            self._note("failed", release.id, reason=str(error))
            if before is None or before == release.id:
                raise TradewindError(
                    f"{release.id} failed, and there is no other release for a rollback",
                    str(error),
                    f"tradewind release deploy RELEASE -e {self.environment}",
                ) from error
            self.releases.begin(release.id, before, str(error), back=True)
            self._back(release, before, str(error), lease, listen)
            raise TradewindError(
                f"{release.id} failed, and {before} is active again",
                str(error),
                f"tradewind release history -e {self.environment}",
            ) from error
        self._settle("deployed", release, reason, self.clock() - began)

    def _back(self, failed: Release, to: str, why: str, lease: Lease, listen: Listener) -> None:
        began = self.clock()
        release = self.releases.release(to)
        try:
            for phase in back(self.target.services(), same_api=self._same_api(release)):
                self._carry_out(phase, release, lease, listen, failed)
        except GateError as error:
            self._note("stuck", to, reason=str(error))
            raise TradewindError(
                f"{failed.id} failed, and so did the rollback to {to}",
                f"{why}; rollback: {error}",
                f"tradewind release resume -e {self.environment}",
            ) from error
        self._settle("rolled-back", release, why, self.clock() - began)

    def _carry_out(
        self, phase: Phase, release: Release, lease: Lease, listen: Listener, failed: Release | None = None
    ) -> None:
        listen.phase(phase)
        images = self._images(release)
        looks: dict[str, Look] = {
            s.name: partial(self.target.advance, s, images[s.name], phase.until) for s in phase.services
        }
        if phase.gate:
            looks[phase.name] = partial(phase.gate, self.target, PhaseInput(release, failed, self.clock()))
        try:
            self._wait(looks, lease, listen)
            if phase.name == DAGS and release.dags:
                self.releases.brought_dags(release.dags)
        except GateError as error:
            if not phase.settled:
                raise
            raise TradewindError(
                f"{release.id} is active, but old workers still run",
                str(error),
                f"tradewind release resume -e {self.environment}",
            ) from error

    def _same_api(self, release: Release) -> bool:
        images, running = self._images(release), self.target.running()
        api = [service.name for service in self.target.services() if service.component is Component.WEBSERVER]
        return all(running[name] == {images[name]} for name in api)

    def _wait(self, looks: Mapping[str, Look], lease: Lease, listen: Listener) -> None:
        """Wait until all changes are done."""
        waiting = dict(looks)
        stages: dict[str, tuple[Stage, float]] = {}
        while waiting:
            for name, look in list(waiting.items()):
                lease.renew()
                seen = look()
                listen.look(name, seen)
                self._judge(name, seen, stages)
                if seen.state is State.DONE:
                    del waiting[name]
            if waiting:
                self.sleep(self.target.poll_s)

    def _judge(self, name: str, progress: Progress, stages: dict[str, tuple[Stage, float]]) -> None:
        """Raise GateError if a change failed, or was in its stage for too long. ``stages`` has the start of each."""
        if progress.state is State.FAILED:
            raise GateError(f"{name} failed", progress.detail)
        if name not in stages or stages[name][0] is not progress.stage:
            stages[name] = (progress.stage, self.clock())
        limit = self.limits.of(progress.stage)
        if progress.state is not State.PENDING or self.clock() - stages[name][1] <= limit:
            return
        what = f"{name} was still {progress.stage} after {limit:.0f} s"
        if progress.stage is Stage.PREPARING:
            # A rollback would leave the task running, and start the old release on a schema that is being changed.
            raise TradewindError(what, progress.detail, f"tradewind release resume -e {self.environment}")
        raise GateError(what, progress.detail)

    def _settle(self, event: str, release: Release, reason: str, seconds: float) -> None:
        self.target.adopt({Component(name): image for name, image in release.images.items()})
        self.releases.settle(release, event, self.clock(), reason=reason, seconds=round(seconds, 1))

    def _note(self, event: str, release: str, reason: str) -> None:
        self.releases.note(event, release, self.clock(), reason=reason)

    def _lease(self, why: str) -> Lease:
        return Lease.take(self.releases.records, of_environment(self.environment), why, self.clock)

    def _images(self, release: Release) -> Mapping[str, str]:
        missing = {s.component for s in self.target.services()} - {Component(name) for name in release.images}
        if missing:
            raise TradewindError(f"{release.id} has no image for {', '.join(sorted(missing))}")
        return {service.name: release.images[service.component] for service in self.target.services()}
