"""An environment in memory for the rollout. Its services change in steps, and fail or hang if a test says so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tradewind.blueprint import Component
from tradewind.releases.phases import Phase
from tradewind.releases.record import Release
from tradewind.releases.repository import ReleaseRepository
from tradewind.releases.rollout import Limits, Rollout
from tradewind.releases.target import DeployableService, Progress, Stage, State, Until
from tradewind.storage import lease
from tradewind.storage.records import FolderRecords

SERVICES = (
    DeployableService("migrate-db", Component.SCHEDULER, one_shot=True),
    DeployableService("web", Component.WEBSERVER),
    DeployableService("controller", Component.SCHEDULER),
    DeployableService("scheduler", Component.SCHEDULER),
    DeployableService("worker", Component.WORKER),
    DeployableService("flower", Component.FLOWER),
)


@dataclass
class FakeTarget:
    """Each service takes ``steps`` calls from one image to another, and runs both images meanwhile.

    ``broken``: images that never become healthy. ``hang``: services that never finish. ``busy``: the number of looks
    during which the old copies of a service still work. ``preparing``: the number of looks that a one-shot task takes
    longer. ``ill``: images with which the environment is not confirmed. ``on_call`` runs before every call.
    """

    image: str
    poll_s: float = 0.5
    steps: int = 2
    broken: set[str] = field(default_factory=set)
    hang: set[str] = field(default_factory=set)
    busy: dict[str, int] = field(default_factory=dict)
    ill: set[str] = field(default_factory=set)
    preparing: int = 0
    on_call: Callable[[], None] = lambda: None
    calls: list[tuple[str, str]] = field(default_factory=list)
    adopted: dict[Component, str] = field(default_factory=dict)
    left: set[str] = field(default_factory=set)
    dag_release: str = ""

    def __post_init__(self) -> None:
        self.copies = {service.name: [self.image] for service in SERVICES}
        self.taken = dict.fromkeys(self.copies, 0)

    def services(self) -> tuple[DeployableService, ...]:
        return SERVICES

    def running(self) -> dict[str, frozenset[str]]:
        return {service.name: frozenset(self.copies[service.name]) for service in SERVICES if not service.one_shot}

    def snapshot(self, images: Mapping[Component, str]) -> Progress:
        self.on_call()
        self.calls.append(("snapshot", ""))
        return Progress(State.DONE)

    def dags(self, release: str, instead_of: str | None = None) -> Progress:
        self.on_call()
        if not release:
            self.dag_release = "before" if instead_of and self.dag_release == instead_of else self.dag_release
            return Progress(State.DONE)
        self.calls.append(("dags", release))
        if release in self.broken:
            return Progress(State.FAILED, f"{release} was rolled back: a.py: no module named x")
        self.dag_release = release
        return Progress(State.DONE)

    def draining(self) -> dict[str, str]:
        return dict.fromkeys(self.left, "2 tasks finish")

    def advance(self, service: DeployableService, image: str, until: Until = Until.GONE) -> Progress:
        self.on_call()
        self.calls.append((service.name, image))
        copies = self.copies[service.name]
        if copies == [image]:
            return Progress(State.DONE)
        if image not in copies:
            copies.append(image)
            self.taken[service.name] = 0
        if service.one_shot and self.preparing:
            self.preparing -= 1
            return Progress(State.PENDING, "migrates", Stage.PREPARING)
        if image in self.broken:
            return Progress(State.FAILED, f"{service.name} says: no such file")
        if service.name in self.hang:
            return Progress(State.PENDING, "2 tasks finish", Stage.DRAINING)
        self.taken[service.name] += 1
        if self.taken[service.name] < self.steps:
            return Progress(State.PENDING, "starts")
        if service.component is Component.WORKER and until in {Until.STARTED, Until.CORDONED}:
            return Progress(State.DONE)
        if self.busy.get(service.name):
            self.busy[service.name] -= 1
            if until is Until.GONE:
                return Progress(State.PENDING, "2 tasks finish", Stage.DRAINING)
            self.left.add(service.name)  # the controller ends the old copies
        self.copies[service.name] = [image]
        return Progress(State.DONE)

    def confirm(self, since: float) -> Progress:
        self.on_call()
        self.calls.append(("confirm", ""))
        ill = any(image in self.ill for images in self.copies.values() for image in images)
        return Progress(State.FAILED, "the canary failed") if ill else Progress(State.DONE)

    def adopt(self, images: dict[Component, str]) -> None:
        self.on_call()
        self.adopted = images


OLD, NEW, OTHER = ("sha256:" + digit * 64 for digit in "123")


class KilledError(BaseException):
    """Simulates a kill of the process: no code catches it, and no clean-up runs."""


class Clock:
    """A clock that moves only by ``sleep``."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def release(image: str) -> Release:
    return Release({component.value: image for component in Component})


@dataclass
class Listen:
    """A Listener that records its calls, and passes them to ``on_look`` and ``on_phase``."""

    on_look: Callable[[str, Progress], None] = lambda name, progress: None
    on_phase: Callable[[Phase], None] = lambda phase: None
    details: list[tuple[str, str]] = field(default_factory=list)
    phases: list[str] = field(default_factory=list)

    def phase(self, phase: Phase) -> None:
        self.phases.append(phase.name)
        self.on_phase(phase)

    def look(self, name: str, progress: Progress) -> None:
        self.details.append((name, progress.detail))
        self.on_look(name, progress)


ignore = Listen()


def fake(rollout: Rollout) -> FakeTarget:
    assert isinstance(rollout.target, FakeTarget)
    return rollout.target


def runs_only(rollout: Rollout, image: str) -> bool:
    return all(images == frozenset({image}) for images in rollout.target.running().values())


def events(rollout: Rollout) -> list[tuple[str, str]]:
    return [(entry["event"], entry["release"]) for entry in rollout.releases.history()]


def killed_at(moment: int) -> Callable[[], None]:
    """A function that kills at its call number ``moment``."""
    left = [moment]

    def on_call() -> None:
        left[0] -= 1
        if left[0] == 0:
            raise KilledError

    return on_call


def run_on(rollout: Rollout, records: FolderRecords, clock: Clock) -> Rollout:
    """A new process, after the lease of the killed process has expired."""
    clock.now += lease.LEASE_S + 1
    fake(rollout).on_call = lambda: None
    return Rollout(ReleaseRepository("dev", records), rollout.target, Limits(), clock, clock.sleep)
