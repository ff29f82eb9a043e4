"""The environment on this machine: the platform that the supervisor runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tradewind import config
from tradewind.dag_releases.shared_folder import RELEASES
from tradewind.environments.external import ExternalDependencies
from tradewind.environments.interface import DagStore, rollout_of
from tradewind.local import controller_records as places
from tradewind.local.paths import StateDirectory
from tradewind.local.platform import Platform
from tradewind.local.supervisor_requests import GetServices
from tradewind.protocol.command_queue import CommandQueue
from tradewind.releases.repository import ReleaseRepository
from tradewind.releases.rollout import Rollout
from tradewind.storage.records import FolderRecords


@dataclass(frozen=True)
class LocalEnvironment:
    """See Environment.

    Args:
        name: its name in commands.
        described: the settings of the environment that it runs.
        dag_folder: the folder of the DAG files that it runs.
        home: the state directory, ``.tradewind``, beside the configuration.
        outside: the clock and other external dependencies.
    """

    name: str
    described: config.Environment
    dag_folder: Path
    state_dir: StateDirectory
    outside: ExternalDependencies
    builds_here = True
    dag_repository = None

    @property
    def platform(self) -> Platform:
        """The platform on this machine, running or not."""
        return Platform(self.state_dir)

    @property
    def releases(self) -> ReleaseRepository:
        """See Environment. They are in the state directory."""
        return ReleaseRepository(self.name, FolderRecords(self.state_dir.root / "releases"))

    def rollout(self) -> Rollout:
        """See Environment. The platform must already run from images."""
        from tradewind.images.builder import Podman
        from tradewind.releases.dag_files import DagFiles
        from tradewind.releases.local_target import LocalTarget
        from tradewind.releases.worker_pools import WorkerPools

        platform = self.platform
        if platform.status() is None:
            raise platform.missing(
                "releases need a platform that was started with --containers",
                "tradewind up --containers --database mysql",
            )
        controls = places.records(self.state_dir)
        pools = WorkerPools(controls, places.NAME, self.outside.clock)
        dag_files = DagFiles(controls, places.NAME, self.outside.clock)
        return rollout_of(self, LocalTarget(platform, Podman("podman").fetch, pools, dag_files), self.outside)

    def controller(self) -> CommandQueue:
        """See Environment. The platform must run."""
        self.platform.ask(GetServices())  # raises TradewindError if the platform does not run
        return CommandQueue(places.records(self.state_dir), places.NAME, poll_s=places.POLL_S)

    def controller_is_reachable(self) -> bool:
        """See Environment. True only if the platform runs and is healthy. A platform that does not run is no error."""
        status = self.platform.status()
        return bool(status and status["healthy"])

    def dags(self) -> DagStore:
        """See Environment. One machine needs no separate store: releases are built where the platform reads them."""
        return DagStore(places.store(self.state_dir), self.state_dir.dags / RELEASES)
