"""Where releases go: what the rollout asks of an environment, wherever it runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from tradewind.blueprint import Component


class State(StrEnum):
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


class Until(StrEnum):
    """How far workers shall go to another image. Each is beyond the one before."""

    STARTED = "started"  # new workers are healthy beside the old ones
    TURNED = "turned"  # all new tasks go to them; the old ones stay, so that a rollout can go back to them
    LEFT = "left"  # the old ones are left to the controller, which ends them when they have finished their tasks
    GONE = "gone"  # they have ended


@dataclass(frozen=True)
class Progress:
    """What ``advance`` saw, after it did what could be done at once."""

    state: State
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

    poll_s: float
    """Seconds between two looks."""

    def services(self) -> tuple[Rolled, ...]:
        """Every service, dependencies before their dependents."""

    def running(self) -> dict[str, frozenset[str]]:
        """From each service (no one-offs) to the images of its copies. More than one: a change is not finished.

        Workers that only finish their tasks do not count; ``draining`` tells of them.
        """

    def draining(self) -> dict[str, str]:
        """What is left of workers that were replaced, by service; nothing where all of them have ended."""

    def snapshot(self, images: Mapping[Component, str]) -> Progress:
        """Keep a copy of the database as it is, where one of these images may change it for good."""

    def advance(self, service: Rolled, image: str, until: Until = Until.GONE) -> Progress:
        """Bring ``service`` one step nearer to running ``image`` and nothing else; nothing is lost on the way.

        Workers are the controller's: this registers what they shall run, and asks. ``until`` is about them alone.
        """

    def dags(self, release: str, instead_of: str | None = None) -> Progress:
        """Bring a release of DAG files in force, as a whole. With an empty one, what is in force stays.

        ``instead_of`` is given on the way back: the DAG files of the release that failed. Then they are put in force
        and not waited for; and with an empty ``release`` what was before ``instead_of``, where that is in force.
        """

    def confirm(self, since: float) -> Progress:
        """Look at the whole: was every part of Airflow well after ``since`` (Unix time), and does a run succeed?"""

    def adopt(self, images: dict[Component, str]) -> None:
        """From now on new copies, however they come about, run these images."""
