"""The services of an environment: the size of each copy, and the number of copies."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from tradewind.config.fields import Cpu, Cron, Flag, Memory, Model, Name, PolicyArn, QueueName, Whole

Count = Annotated[Whole, Field(ge=0, le=1000)]
Copies = Annotated[Whole, Field(ge=1, le=1000)]

_CPU = "vCPU of each copy, one of the sizes that Fargate offers."
_MEMORY = "Memory of each copy in GB; Fargate offers certain amounts for each number of vCPU."

_POLICIES = (
    "ARNs of IAM policies to attach to the role of this service, for DAGs that call AWS. Each worker pool has its own "
    "role."
)


class Schedule(Model):
    """A change of the limits at a time of the day or week."""

    name: Name = Field(description="The name of this change, unique within the service.")
    cron: Cron = Field(description="The time, in UTC: minute, hour, day of month, month, weekday.")
    min: Count = Field(description="The smallest number of copies from then on.")
    max: Copies = Field(description="The largest number of copies from then on.")


class Size(Model):
    """The size of one copy of a service."""

    cpu: Cpu = Field(default=1, description=_CPU)
    memory_gb: Memory = Field(default=2, description=_MEMORY)


class FixedService(Size):
    """A service with a fixed number of copies."""

    count: Copies = Field(default=1, description="The number of copies.")


class ScalingService(Size):
    """A service whose number of copies follows its CPU load."""

    min: Count = Field(default=1, description="The smallest number of copies.")
    desired: Count | None = Field(default=None, description="Copies at the first start. If not set: `min`.")
    max: Copies = Field(default=2, description="The largest number of copies.")
    target_cpu_percent: Annotated[Whole, Field(ge=10, le=90)] = Field(
        default=60, description="Copies are added above this mean CPU load and removed below it."
    )
    schedule: tuple[Schedule, ...] = Field(default=(), description="Changes of `min` and `max` at certain times.")

    @property
    def desired_count(self) -> int:
        """Copies at the first start."""
        return self.min if self.desired is None else self.desired


class Scheduler(FixedService):
    """The Airflow scheduler."""

    count: Copies = Field(default=1, description="The number of schedulers; two or more if availability is high.")


class DagProcessor(FixedService):
    """The Airflow DAG processor, which parses DAG files."""


class Controller(FixedService):
    """Tradewind's controller, which scales workers and activates DAG releases. One copy is the leader, others wait."""

    cpu: Cpu = Field(default=0.25, description=_CPU)
    memory_gb: Memory = Field(default=1, description=_MEMORY)


class Web(ScalingService):
    """The Airflow UI and the public API."""

    min: Count = Field(default=1, description="The smallest number of copies; two or more if availability is high.")


class ExecutionApi(ScalingService):
    """The private API through which tasks talk to Airflow."""

    separate: Flag | None = Field(
        default=None,
        description="Run it as a separate service, so that busy tasks do not slow down the UI. "
        "If not set: true if availability is high, else it is part of `web`.",
    )


class Triggerer(ScalingService):
    """The Airflow triggerer, which runs the triggers of deferred tasks."""

    cpu: Cpu = Field(default=0.5, description=_CPU)
    capacity: Annotated[Whole, Field(ge=1, le=100_000)] = Field(
        default=1000, description="How many triggers one copy runs at the same time."
    )
    task_role_policy_arns: tuple[PolicyArn, ...] = Field(default=(), description=_POLICIES)


class Flower(ScalingService):
    """Flower, the web UI for Celery's workers and queues."""

    cpu: Cpu = Field(default=0.25, description=_CPU)
    memory_gb: Memory = Field(default=0.5, description=_MEMORY)
    max: Copies = Field(default=1, description="The largest number of copies.")


class WorkerPool(Size):
    """A worker pool: its queues, the size of a worker, and the number of workers."""

    queues: Annotated[tuple[QueueName, ...], Field(min_length=1)] | None = Field(
        default=None,
        description="The queues that these workers serve. A queue belongs to one pool. "
        "If not set: one queue with the name of the pool.",
    )
    slots: Annotated[Whole, Field(ge=1, le=64)] = Field(
        default=16, description="How many tasks one worker runs at the same time."
    )
    cpu: Cpu = Field(default=2, description=_CPU)
    memory_gb: Memory = Field(default=8, description=_MEMORY)
    min: Count = Field(
        default=1, description="The smallest number of workers. 0: no workers while the pool has no tasks."
    )
    desired: Count | None = Field(default=None, description="Workers at the first start. If not set: `min`.")
    max: Copies = Field(default=4, description="The largest number of workers.")
    spot: Flag = Field(
        default=False, description="Run on Fargate Spot: cheaper, but AWS may stop a worker with two minutes' notice."
    )
    max_task_hours: Annotated[Whole, Field(ge=1, le=720)] = Field(
        default=24, description="How long, in hours, a task of these queues may take. A drain waits as long."
    )
    scale_in_stabilization_s: Annotated[Whole, Field(ge=0, le=86_400)] = Field(
        default=300,
        description="The pool shrinks to the most workers that it needed in this period, in seconds. A new worker "
        "takes a minute to start, and costs money from the beginning.",
    )
    schedule: tuple[Schedule, ...] = Field(default=(), description="Changes of `min` and `max` at certain times.")
    task_role_policy_arns: tuple[PolicyArn, ...] = Field(default=(), description=_POLICIES)

    @property
    def desired_count(self) -> int:
        """Workers at the first start."""
        return self.min if self.desired is None else self.desired

    @property
    def max_slots(self) -> int:
        """The number of tasks that run at the same time when the pool has its largest size."""
        return self.slots * self.max
