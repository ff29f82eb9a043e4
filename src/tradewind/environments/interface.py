"""The interface of an environment: the same for this machine and for AWS."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tradewind import config
from tradewind.dag_releases.store import has
from tradewind.environments.external import ExternalDependencies
from tradewind.protocol.command_queue import CommandQueue
from tradewind.releases.repository import ReleaseRepository
from tradewind.releases.rollout import Limits, Rollout
from tradewind.releases.target import Target
from tradewind.storage.artifacts import ArtifactStore


@dataclass(frozen=True)
class DagStore:
    """The folder in which DAG releases are built, and the store from which the controller reads them.

    ``kept``: the number of builds that stay in the folder; None if the controller removes old ones.
    """

    store: ArtifactStore
    builds: Path
    kept: int | None = None


class Environment(Protocol):
    """One environment. A property or method that needs a response from it raises TradewindError if it gets none."""

    @property
    def name(self) -> str:
        """Its name in commands."""

    @property
    def outside(self) -> ExternalDependencies:
        """The clock and other external dependencies."""

    @property
    def described(self) -> config.Environment:
        """Its settings in the configuration."""

    @property
    def builds_here(self) -> bool:
        """Whether it runs images that were built on this machine and not pushed."""

    @property
    def dag_folder(self) -> Path:
        """The folder of DAG files that commands use if the user names none."""

    @property
    def dag_repository(self) -> str | None:
        """The git repository of its DAG files, used if the user names no folder and no repository. May be None."""

    @property
    def releases(self) -> ReleaseRepository:
        """Its releases: their records, the active release, and the ledger."""

    def rollout(self) -> Rollout:
        """Return the rollout, which deploys releases to it."""

    def controller(self) -> CommandQueue:
        """Return the command queue of its controller, which manages DAG files and workers."""

    def controller_is_reachable(self) -> bool:
        """Whether its controller can be expected to respond to commands."""

    def dags(self) -> DagStore:
        """Return the store of its DAG releases."""


def rollout_of(environment: Environment, target: Target, outside: ExternalDependencies) -> Rollout:
    """Return the rollout on a target. A worker may drain for as long as the longest task of its environment."""
    hours = max(worker.max_task_hours for worker in environment.described.workers.values())
    limits = Limits(draining_s=hours * 3600)
    store = environment.dags().store

    def has_dags(release: str) -> bool:
        return has(store, release)

    return Rollout(environment.releases, target, limits, outside.clock, outside.sleep, has_dags)
