"""What an environment is to commands, wherever it runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tradewind import config
from tradewind.dag_releases.store import has
from tradewind.environments.outside import Outside
from tradewind.protocol.command_queue import CommandQueue
from tradewind.releases.repository import ReleaseRepository
from tradewind.releases.rollout import Limits, Rollout
from tradewind.releases.target import Target
from tradewind.storage.artifacts import ArtifactStore


@dataclass(frozen=True)
class DagStore:
    """Where releases of DAG files are made, and where the controller finds them.

    ``kept``: how many of those that were made stay; None where the controller tidies up there itself.
    """

    store: ArtifactStore
    builds: Path
    kept: int | None = None


class Environment(Protocol):
    """One environment. Where a property or a method asks it something, TradewindError says why it cannot be asked."""

    @property
    def name(self) -> str:
        """As commands call it."""

    @property
    def outside(self) -> Outside:
        """The clock, and what else it meets."""

    @property
    def described(self) -> config.Environment:
        """What the configuration says of it."""

    @property
    def builds_here(self) -> bool:
        """Whether it runs images that were only built, and not pushed."""

    @property
    def dag_folder(self) -> Path:
        """The folder of DAG files that is meant where none is named."""

    @property
    def dag_repository(self) -> str | None:
        """The git repository that its DAG files come from where neither folder nor repository is named; None: none."""

    @property
    def releases(self) -> ReleaseRepository:
        """Its releases: what they are, which is in force, what became of each."""

    def rollout(self) -> Rollout:
        """What brings releases into it."""

    def controller(self) -> CommandQueue:
        """Its controller, which is asked about DAG files and workers."""

    def can_be_asked(self) -> bool:
        """Whether its controller can be expected to answer."""

    def dags(self) -> DagStore:
        """Where its releases of DAG files go."""


def rollout_of(environment: Environment, target: Target, outside: Outside) -> Rollout:
    """The rollout on a target. A worker may drain for as long as the longest task of its environment."""
    hours = max(worker.longest_task_hours for worker in environment.described.workers.values())
    limits = Limits(draining_s=hours * 3600)
    store = environment.dags().store

    def has_dags(release: str) -> bool:
        return has(store, release)

    return Rollout(environment.releases, target, limits, outside.clock, outside.sleep, has_dags)
