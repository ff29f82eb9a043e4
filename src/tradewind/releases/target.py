"""The interface of an environment for rollouts, on AWS and on one machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from tradewind.blueprint import Component


class State(StrEnum):
    """The state of one change."""

    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"


class Stage(StrEnum):
    """The reason why a change is pending. Each stage has its own time limit.

    PREPARING: a snapshot, or a one-shot task such as a migration, runs to its end.
    STARTING: new copies are not healthy yet.
    CORDONING: the controller cordons workers, or activates DAG files.
    DRAINING: old workers finish their tasks.
    STOPPING: old copies end.
    CONFIRMING: the health of the whole environment is checked.
    """

    PREPARING = "preparing"
    STARTING = "starting"
    CORDONING = "cordoning"
    DRAINING = "draining"
    STOPPING = "stopping"
    CONFIRMING = "confirming"


class Until(StrEnum):
    """How far workers move to another image. Each value goes further than the one before it.

    STARTED: new workers are healthy beside the old ones.
    CORDONED: the new workers take all new tasks. The old ones are cordoned and stay for a rollback.
    LEFT: the controller ends the old workers when they have drained. The rollout does not wait for that.
    GONE: the old workers have ended.
    """

    STARTED = "started"
    CORDONED = "cordoned"
    LEFT = "left"
    GONE = "gone"


@dataclass(frozen=True)
class Progress:
    """The state of a change, after ``advance`` took the steps that were possible at once."""

    state: State
    detail: str = ""
    stage: Stage = Stage.STARTING


@dataclass(frozen=True)
class DeployableService:
    """A service of a release: its name, the component of its image, and whether it is a one-shot task."""

    name: str
    component: Component
    one_shot: bool = False


class Target(Protocol):
    """An environment. All calls are safe to repeat: a deployment that was killed continues with the same calls."""

    poll_s: float
    """Seconds between two calls for the same change."""

    def services(self) -> tuple[DeployableService, ...]:
        """Return every service, dependencies before their dependents."""

    def running(self) -> dict[str, frozenset[str]]:
        """Map each service (no one-shot tasks) to the images of its copies. Several images: a change is unfinished.

        Workers that only finish their tasks do not count; see ``draining``.
        """

    def draining(self) -> dict[str, str]:
        """Map each service to a description of its replaced workers that still run; empty if all have ended."""

    def snapshot(self, images: Mapping[Component, str]) -> Progress:
        """Take a snapshot of the database, if one of these images may change it irreversibly."""

    def advance(self, service: DeployableService, image: str, until: Until = Until.GONE) -> Progress:
        """Take one step towards a ``service`` that runs only ``image``. No task is lost.

        The controller moves workers: this registers their image and sends a command. ``until`` is only for workers.
        """

    def dags(self, release: str, instead_of: str | None = None) -> Progress:
        """Activate a DAG release as a whole. If ``release`` is empty, the active one stays.

        In a rollback, ``instead_of`` is the DAG release of the release that failed. The DAG files are then activated
        without waiting for them. If ``release`` is empty and ``instead_of`` is active, the DAG release before
        ``instead_of`` is activated.
        """

    def confirm(self, since: float) -> Progress:
        """Check the environment: was every part of Airflow healthy after ``since`` (Unix time), does a run succeed?"""

    def adopt(self, images: dict[Component, str]) -> None:
        """Use these images from now on for all new copies, for whatever reason they start."""
