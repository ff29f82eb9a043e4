"""One environment: an Airflow with everything that it needs."""

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
    WorkerClass,
)
from tradewind.config.storage import Airflow, Broker, Dags, Database, Logs

FILLED = frozenset({"name", "account_id", "production"})
"""Fields that follow from the rest of the file; nobody writes them inside an environment."""


class Environment(Model):
    """One environment, merged over `defaults`.

    A field that is None means "derived from the rest"; the property of the same noun (``multi_az``,
    ``broker_replicas``, ...) has the value that holds. The rules between fields are in ``relations`` and hold for
    every environment that came from a file.
    """

    name: str = Field(description="The name of the environment: its key in `environments`.")
    account: Name = Field(description="The account that it lives in: a key of `accounts`.")
    account_id: str = Field(default="000000000000", description="The 12 digits of that account.")
    production: bool = Field(default=False, description="Whether that account is a production account.")
    branch: Text | None = Field(
        default=None,
        description="The branch of this repository whose commits the pipelines deploy here. When not given: only what "
        "is promoted comes here.",
    )
    availability: Literal["standard", "high"] = Field(
        default="standard",
        description="`high` survives the loss of a zone: standby database, broker replica, a NAT gateway per zone, "
        "two schedulers and two web servers.",
    )
    architecture: Literal["arm64", "x86_64"] = Field(
        default="arm64", description="The processor of every container. `arm64` (Graviton) costs less."
    )
    network: Network = Field(default=Network(), description="The network.")
    access: Access = Field(default=Access(), description="Who can reach it.")
    identity: Identity = Field(default=Identity(), description="How people log in.")
    database: Database = Field(default=Database(), description="The metadata database.")
    broker: Broker = Field(default=Broker(), description="The Celery broker.")
    web: Web = Field(default=Web(), description="The Airflow UI and the public API.")
    execution_api: ExecutionApi = Field(
        default=ExecutionApi(), description="The private API through which tasks talk to Airflow."
    )
    triggerer: Triggerer = Field(default=Triggerer(), description="Waits on behalf of deferred tasks.")
    flower: Flower = Field(default=Flower(), description="The view on Celery's workers and queues.")
    scheduler: Scheduler = Field(default=Scheduler(), description="Decides what runs when.")
    dag_processor: DagProcessor = Field(default=DagProcessor(), description="Parses DAG files.")
    controller: Controller = Field(default=Controller(), description="Scales workers and activates DAG releases.")
    workers: Annotated[Mapping[Name, WorkerClass], Field(min_length=1)] = Field(
        default={"default": WorkerClass()},
        description="Classes of workers, by name. `null` removes a class that `defaults` has.",
    )
    dags: Dags = Field(default=Dags(), description="Where the DAGs come from.")
    outage_tolerance_s: Annotated[Whole, Field(ge=30, le=900)] = Field(
        default=180,
        description="How long, in seconds, the database or the execution API may be away without a running task "
        "being given up. A lost task is noticed only after it.",
    )
    logs: Logs = Field(default=Logs(), description="Logs of the services and of the tasks.")
    airflow: Airflow = Field(default=Airflow(), description="Airflow's own settings.")
    tags: Mapping[str, str] = Field(default={}, description="AWS tags of everything in it, added to the tenant's.")

    @property
    def high(self) -> bool:
        """Whether it survives the loss of a zone."""
        return self.availability == "high"

    @property
    def multi_az(self) -> bool:
        """Whether the database has a standby in a second zone."""
        return self.high if self.database.multi_az is None else self.database.multi_az

    @property
    def deletion_protection(self) -> bool:
        """Whether the database refuses to be deleted."""
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
        """Whether the execution API is a service of its own rather than a part of web."""
        return self.high if self.execution_api.separate is None else self.execution_api.separate

    @property
    def max_slots(self) -> int:
        """Tasks that run at the same time when every class of workers is at its largest."""
        return sum(worker.max_slots for worker in self.workers.values())

    @property
    def fixed_services(self) -> Mapping[str, FixedService]:
        """The services with a fixed number of copies, by their keys."""
        return {name: found for name, found in self if isinstance(found, FixedService)}

    @property
    def scaling_services(self) -> Mapping[str, ScalingService]:
        """The services whose number of copies follows their load, by their keys; workers are not among them."""
        return {name: found for name, found in self if isinstance(found, ScalingService)}

    def queues_of(self, worker_class: str) -> tuple[str, ...]:
        """The queues that a class of workers serves. KeyError where there is no such class."""
        return self.workers[worker_class].queues or (worker_class,)

    @property
    def class_of_queue(self) -> Mapping[str, str]:
        """From each queue to the class of workers that serves it."""
        return {queue: name for name in self.workers for queue in self.queues_of(name)}
