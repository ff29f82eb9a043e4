"""The controller of an environment on AWS: a real dispatcher, with moto's S3."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3

from tradewind.dag_releases.shared_folder import SharedFolder
from tradewind.protocol.bucket import DAGS, RECORDS
from tradewind.protocol.command_queue import LEADER, CommandQueue
from tradewind.releases.repository import ReleaseRepository
from tradewind.runtime.controller.dag_commands import DagCommands
from tradewind.runtime.controller.dag_deployment import Deployment
from tradewind.runtime.controller.dependencies import Dependencies
from tradewind.runtime.controller.dispatcher import Dispatcher
from tradewind.runtime.controller.secrets_manager import SecretsManager
from tradewind.storage.s3_artifacts import S3Artifacts
from tradewind.storage.s3_records import S3Records

BUCKET = "acme-dev-controller-111122223333"
CONFIGURATION = """
tenant: acme
region: eu-west-1
accounts: {main: {id: "111122223333"}}
environments: {dev: {account: main, network: {cidr: 10.0.0.0/20}}}
"""


@dataclass
class FakeMetadata:
    """A fake of Airflow's database. test_metadata.py tests the real queries."""

    there: dict[str, set[str]] = field(default_factory=lambda: {"pools": {"default_pool"}})
    left: dict[str, frozenset[str]] = field(default_factory=dict)

    def names(self, kind: str) -> frozenset[str]:
        return frozenset(self.there.get(kind, ()))

    def unfinished(self) -> dict[str, frozenset[str]]:
        return self.left


class ControlledEnvironment:
    """A bucket, a shared file system, and a controller that executes commands."""

    def __init__(self, folder: Path) -> None:
        self.outputs: dict[str, Any] = {"controller_bucket": BUCKET}
        self.shared = SharedFolder(folder / "efs")
        self.session = session = boto3.Session("key", "secret", region_name="eu-west-1")
        where: Any = {"LocationConstraint": "eu-west-1"}
        session.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration=where)
        records = S3Records(session, BUCKET, RECORDS)
        records.write(LEADER, {"until": 4e9}, None)
        self.stopped = threading.Event()
        commands = DagCommands(Deployment(self.shared, None), S3Artifacts(session, BUCKET, DAGS), "dev")
        self.metadata = FakeMetadata()
        self.secrets = session.client("secretsmanager")
        needs = Dependencies(self.metadata, SecretsManager("acme-dev", session).has)
        self._desk = Dispatcher(CommandQueue(records, "dev"), {**commands.handlers(), **needs.handlers()}, self.stopped)
        self._thread = threading.Thread(target=self._work)
        self._thread.start()

    def _work(self) -> None:
        while not self.stopped.wait(0.05):
            self._desk.look()

    def keep_releases_in(self, bucket: str) -> None:
        """Create the bucket in which the account keeps records of releases."""
        where: Any = {"LocationConstraint": "eu-west-1"}
        self.session.client("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration=where)
        self.releases = ReleaseRepository("dev", S3Records(self.session, bucket))

    def end(self) -> None:
        self.stopped.set()
        self._thread.join()

    @property
    def active(self) -> str:
        now = self.shared.active()
        assert now
        return now.release
