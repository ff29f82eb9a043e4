"""One environment: an Airflow deployment with everything that it needs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from tradewind.config.fields import Model, Name, Text, Whole
from tradewind.config.network import Access, Identity, Network
from tradewind.config.service_settings import (
    Controller,
    DagProcessor,
    ExecutionApi,
    FixedService,
    Flower,
    ScalingService,
    Scheduler,
    Triggerer,
    Web,
    WorkerPool,
)
from tradewind.config.storage import Airflow, Broker, Dags, Database, Logs

FILLED = frozenset({"name", "account_id", "production"})
"""Fields that Tradewind derives from the rest of the file. An environment in the file may not have them."""


class Environment(Model):
    """One environment, merged over `defaults`.

    If a field is None, its value is derived from other fields. The property of a similar name (``multi_az``,
    ``broker_replicas``, ...) has the effective value. The rules between fields are in ``relations``; every
    environment that was loaded from a file obeys them.
    """

    name: str = Field(description="The name of the environment: its key in `environments`.")
    account: Name = Field(description="The account that it runs in: a key of `accounts`.")
    account_id: str = Field(default="000000000000", description="The 12-digit id of that account.")
    production: bool = Field(default=False, description="Whether that account is a production account.")
    branch: Text | None = Field(
        default=None,
        description="The branch of this repository whose commits the pipelines deploy to this environment. If not "
        "set, only promoted releases are deployed to it.",
    )
    availability: Literal["standard", "high"] = Field(
        default="standard",
        description="`high` survives the loss of an availability zone. It adds a standby database, a broker replica, a "
        "NAT gateway per zone and a separate execution API, and requires two or more schedulers and web servers.",
    )
    architecture: Literal["arm64", "x86_64"] = Field(
        default="arm64", description="The processor architecture of every container. `arm64` (Graviton) costs less."
    )
    network: Network = Field(default=Network(), description="The network of the environment.")
    access: Access = Field(default=Access(), description="Access to the UI and the public API.")
    identity: Identity = Field(default=Identity(), description="How users log in.")
    database: Database = Field(default=Database(), description="The metadata database.")
    broker: Broker = Field(default=Broker(), description="The Celery broker.")
    web: Web = Field(default=Web(), description="The Airflow UI and the public API.")
    execution_api: ExecutionApi = Field(
        default=ExecutionApi(), description="The private API through which tasks talk to Airflow."
    )
    triggerer: Triggerer = Field(default=Triggerer(), description="Runs the triggers of deferred tasks.")
    flower: Flower = Field(default=Flower(), description="The web UI for Celery's workers and queues.")
    scheduler: Scheduler = Field(default=Scheduler(), description="Decides which task runs when.")
    dag_processor: DagProcessor = Field(default=DagProcessor(), description="Parses DAG files.")
    controller: Controller = Field(default=Controller(), description="Scales workers and activates DAG releases.")
    workers: Annotated[Mapping[Name, WorkerPool], Field(min_length=1)] = Field(
        default={"default": WorkerPool()},
        description="Worker pools, by name. `null` removes a pool that `defaults` has.",
    )
    dags: Dags = Field(default=Dags(), description="The source of the DAGs, and their gate.")
    outage_tolerance_s: Annotated[Whole, Field(ge=30, le=900)] = Field(
        default=180,
        description="How long, in seconds, the database or the execution API may be unavailable before running tasks "
        "fail. Airflow notices a lost task only after this time.",
    )
    logs: Logs = Field(default=Logs(), description="Logs of the services and of the tasks.")
    airflow: Airflow = Field(default=Airflow(), description="Airflow's own settings.")
    tags: Mapping[str, str] = Field(
        default={}, description="AWS tags of all its resources, added to the tenant's tags."
    )

    @property
    def high(self) -> bool:
        """Whether the environment survives the loss of an availability zone."""
        return self.availability == "high"

    @property
    def multi_az(self) -> bool:
        """Whether the database has a standby in a second zone."""
        return self.high if self.database.multi_az is None else self.database.multi_az

    @property
    def deletion_protection(self) -> bool:
        """Whether the database is protected from deletion."""
        chosen = self.database.deletion_protection
        return self.production if chosen is None else chosen

    @property
    def broker_replicas(self) -> int:
        """Replicas of the broker's primary node."""
        return int(self.high) if self.broker.replicas is None else self.broker.replicas

    @property
    def nat_per_zone(self) -> bool:
        """Whether each zone has a NAT gateway of its own."""
        chosen = self.network.nat_gateways
        return self.high if chosen is None else chosen == "per-zone"

    @property
    def separate_execution_api(self) -> bool:
        """Whether the execution API is a separate service, not a part of web."""
        return self.high if self.execution_api.separate is None else self.execution_api.separate

    @property
    def max_slots(self) -> int:
        """The number of tasks that run at the same time when every worker pool has its largest size."""
        return sum(worker.max_slots for worker in self.workers.values())

    @property
    def fixed_services(self) -> Mapping[str, FixedService]:
        """The services with a fixed number of copies, by their keys."""
        return {name: found for name, found in self if isinstance(found, FixedService)}

    @property
    def scaling_services(self) -> Mapping[str, ScalingService]:
        """The services whose number of copies follows their load, by their keys. Worker pools are not included."""
        return {name: found for name, found in self if isinstance(found, ScalingService)}

    def queues_of(self, worker_pool: str) -> tuple[str, ...]:
        """The queues that a worker pool serves. KeyError if there is no such pool."""
        return self.workers[worker_pool].queues or (worker_pool,)

    @property
    def pool_of_queue(self) -> Mapping[str, str]:
        """Maps each queue to the worker pool that serves it."""
        return {queue: name for name in self.workers for queue in self.queues_of(name)}
