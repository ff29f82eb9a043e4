"""Where releases go: what the engine asks of an environment, wherever it runs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from tradewind.platform import Component


class Phase(StrEnum):
    """How far one change is."""

    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"


class Stage(StrEnum):
    """What a pending change waits for. Each has a time limit of its own."""

    STARTING = "starting"  # new copies are not healthy yet
    DRAINING = "draining"  # old workers finish their tasks
    STOPPING = "stopping"  # old copies end
    CONFIRMING = "confirming"  # the whole is looked at


@dataclass(frozen=True)
class Progress:
    """What ``advance`` saw, after it did what could be done at once."""

    phase: Phase
    detail: str = ""
    stage: Stage = Stage.STARTING


@dataclass(frozen=True)
class Rolled:
    """A service as releases see it: its name, its image's component, and whether it runs once, to its end."""

    name: str
    component: Component
    one_off: bool = False


class Target(Protocol):
    """An environment. All calls are safe to repeat: a deployment that was killed goes on with the same calls."""

    def services(self) -> tuple[Rolled, ...]:
        """Every service, dependencies before their dependents."""

    def running(self) -> dict[str, frozenset[str]]:
        """From each service (no one-offs) to the images of its copies. More than one: a change is not finished."""

    def advance(self, service: Rolled, image: str) -> Progress:
        """Bring ``service`` one step nearer to running ``image`` and nothing else; nothing is lost on the way."""

    def confirm(self, since: float) -> Progress:
        """Look at the whole: does Airflow say that all is well, and does a DAG run succeed? ``since``: Unix time."""

    def adopt(self, images: dict[Component, str]) -> None:
        """From now on new copies, however they come about, run these images."""
