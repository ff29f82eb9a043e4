"""Where releases go: what the rollout asks of an environment, wherever it runs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from tradewind.blueprint import Component


class Phase(StrEnum):
    """How far one change is."""

    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"


class Stage(StrEnum):
    """What a pending change waits for. Each has a time limit of its own."""

    PREPARING = "preparing"  # a snapshot, or a one-off such as a migration, runs to its end
    STARTING = "starting"  # new copies are not healthy yet
    TURNING = "turning"  # workers are told who takes tasks from now on
    DRAINING = "draining"  # old workers finish their tasks
    STOPPING = "stopping"  # old copies end
    CONFIRMING = "confirming"  # the whole is looked at


@dataclass(frozen=True)
class Progress:
    """What ``advance`` saw, after it did what could be done at once.

    ``turned``: all new work goes to new copies already; the old ones only finish what they have.
    """

    phase: Phase
    detail: str = ""
    stage: Stage = Stage.STARTING
    turned: bool = False


@dataclass(frozen=True)
class Rolled:
    """A service as releases see it: its name, its image's component, and whether it runs once, to its end."""

    name: str
    component: Component
    one_off: bool = False


def waves(services: Iterable[Rolled]) -> tuple[tuple[Rolled, ...], ...]:
    """Services in the order of releases; those of one wave go together.

    One-offs (the schema) come first, one by one. What answers workers and people comes before all that asks it, so that
    nothing new meets an older API. The rest have nothing to do with each other.
    """
    found = tuple(services)
    alone = [(service,) for service in found if service.one_off]
    asked = tuple(s for s in found if not s.one_off and s.component is Component.WEBSERVER)
    rest = tuple(s for s in found if not s.one_off and s.component is not Component.WEBSERVER)
    return tuple(wave for wave in (*alone, asked, rest) if wave)


class Target(Protocol):
    """An environment. All calls are safe to repeat: a deployment that was killed goes on with the same calls."""

    poll_s: float
    """Seconds between two looks."""

    def services(self) -> tuple[Rolled, ...]:
        """Every service, dependencies before their dependents."""

    def running(self) -> dict[str, frozenset[str]]:
        """From each service (no one-offs) to the images of its copies. More than one: a change is not finished."""

    def advance(self, service: Rolled, image: str, *, keep: bool = False) -> Progress:
        """Bring ``service`` one step nearer to running ``image`` and nothing else; nothing is lost on the way.

        With ``keep``, old workers take no new tasks and stay: somebody may want to go back to them.
        """

    def confirm(self, since: float) -> Progress:
        """Look at the whole: was every part of Airflow well after ``since`` (Unix time), and does a run succeed?"""

    def adopt(self, images: dict[Component, str]) -> None:
        """From now on new copies, however they come about, run these images."""
