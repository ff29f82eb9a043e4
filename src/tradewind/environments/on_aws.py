"""An environment on AWS: the published outputs of its stack describe it, and its credentials renew automatically."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tradewind import config
from tradewind.aws.accounts import Accounts, TargetAccount
from tradewind.aws.cloud import Cloud
from tradewind.blueprint import services
from tradewind.environments.external import ExternalDependencies
from tradewind.environments.interface import DagStore, rollout_of
from tradewind.errors import TradewindError
from tradewind.infrastructure import published
from tradewind.protocol import bucket as places
from tradewind.protocol.command_queue import CommandQueue
from tradewind.releases.repository import ReleaseRepository
from tradewind.releases.rollout import Rollout

if TYPE_CHECKING:  # boto3 takes long to import
    import boto3

KEPT = 5
"""The number of DAG release builds that stay on this machine: a build that exists is not made again."""


@dataclass(frozen=True)
class AwsEnvironment:
    """See Environment.

    Args:
        name: the name of the environment.
        described: its settings in the configuration.
        dag_folder: the folder of its DAG files on this machine.
        account: the AWS account that it is in.
        accounts: the AWS accounts that the caller can enter.
        state: the state directory, ``.tradewind``, beside the configuration.
        outside: the clock and other external dependencies.
    """

    name: str
    described: config.Environment
    dag_folder: Path
    account: TargetAccount
    accounts: Accounts
    state: Path
    outside: ExternalDependencies
    builds_here = False

    @property
    def dag_repository(self) -> str | None:
        """See Environment."""
        return self.described.dags.repository

    @property
    def cloud(self) -> Cloud:
        """AWS, as seen from its account."""
        return self.accounts.enter(self.account, self.name).cloud

    @cached_property
    def session(self) -> boto3.Session:
        """The boto3 session for adapters that call AWS themselves."""
        return self.cloud.session()

    @cached_property
    def outputs(self) -> Mapping[str, Any]:
        """The outputs of its stack: addresses, names, ARNs. See ``infrastructure.published``."""
        return published.outputs(self.cloud, self.account.state_bucket, self.name)

    @cached_property
    def releases(self) -> ReleaseRepository:
        """See Environment. They are in the state bucket of its account."""
        from tradewind.storage.s3_records import S3Records

        return ReleaseRepository(self.name, S3Records(self.session, self.account.state_bucket))

    def rollout(self) -> Rollout:
        """See Environment."""
        from tradewind.releases.dag_files import DagFiles
        from tradewind.releases.ecs import EcsTarget, Layout
        from tradewind.releases.worker_pools import WorkerPools
        from tradewind.storage.s3_records import S3Records

        controls = S3Records(self.session, self._bucket, places.RECORDS)
        pools = WorkerPools(controls, self.name, self.outside.clock)
        dag_files = DagFiles(controls, self.name, self.outside.clock)
        layout = Layout.from_outputs(self.outputs)
        target = EcsTarget(layout, services(self.described), self.session, pools, dag_files)
        return rollout_of(self, target, self.outside)

    def controller(self) -> CommandQueue:
        """See Environment. Commands and results go through the controller's bucket."""
        from tradewind.storage.s3_records import S3Records

        return CommandQueue(S3Records(self.session, self._bucket, places.RECORDS), self.name)

    def controller_is_reachable(self) -> bool:
        """See Environment. Always true."""
        return True

    def dags(self) -> DagStore:
        """See Environment."""
        from tradewind.storage.s3_artifacts import S3Artifacts

        store = S3Artifacts(self.session, self._bucket, places.DAGS)
        return DagStore(store, self.state / "dag-builds" / self.name, KEPT)

    @property
    def _bucket(self) -> str:
        bucket = self.outputs.get("controller_bucket")
        if bucket is None:
            why = "an earlier version of Tradewind made it"
            hint = f"tradewind plan -e {self.name}, then tradewind apply -e {self.name}"
            raise TradewindError(f"{self.name} has no controller", why, hint)
        return str(bucket)
