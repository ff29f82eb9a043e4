"""An environment in memory for the engine: services that take steps, and fail or hang where a test says so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from tradewind.delivery.target import Phase, Progress, Rolled, Stage
from tradewind.platform import Component

SERVICES = (
    Rolled("migrate", Component.SCHEDULER, one_off=True),
    Rolled("web", Component.WEBSERVER),
    Rolled("scheduler", Component.SCHEDULER),
    Rolled("worker", Component.WORKER),
    Rolled("flower", Component.FLOWER),
)


@dataclass
class FakeTarget:
    """Each service takes ``steps`` calls from one image to another, and runs both in between.

    ``broken`` holds images that never become healthy; ``hang`` names services that never finish; ``ill`` images whose
    environment is not confirmed. ``on_call`` runs before every call.
    """

    image: str
    steps: int = 2
    broken: set[str] = field(default_factory=set)
    hang: set[str] = field(default_factory=set)
    ill: set[str] = field(default_factory=set)
    on_call: Callable[[], None] = lambda: None
    calls: list[tuple[str, str]] = field(default_factory=list)
    adopted: dict[Component, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.copies = {service.name: [self.image] for service in SERVICES}
        self.taken = dict.fromkeys(self.copies, 0)

    def services(self) -> tuple[Rolled, ...]:
        return SERVICES

    def running(self) -> dict[str, frozenset[str]]:
        return {service.name: frozenset(self.copies[service.name]) for service in SERVICES if not service.one_off}

    def advance(self, service: Rolled, image: str) -> Progress:
        self.on_call()
        self.calls.append((service.name, image))
        copies = self.copies[service.name]
        if copies == [image]:
            return Progress(Phase.DONE)
        if image not in copies:
            copies.append(image)
            self.taken[service.name] = 0
        if image in self.broken:
            return Progress(Phase.FAILED, f"{service.name} says: no such file")
        if service.name in self.hang:
            return Progress(Phase.PENDING, "2 tasks finish", Stage.DRAINING)
        self.taken[service.name] += 1
        if self.taken[service.name] >= self.steps:
            self.copies[service.name] = [image]
        return Progress(Phase.PENDING, "starts")

    def confirm(self, since: float) -> Progress:
        self.on_call()
        ill = any(image in self.ill for images in self.copies.values() for image in images)
        return Progress(Phase.FAILED, "the canary failed") if ill else Progress(Phase.DONE)

    def adopt(self, images: dict[Component, str]) -> None:
        self.on_call()
        self.adopted = images
