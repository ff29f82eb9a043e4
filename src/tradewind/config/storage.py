"""Settings of the database, the broker, the DAGs, the logs and Airflow itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from tradewind.config.fields import (
    Flag,
    GitUrl,
    InstanceClass,
    Model,
    NodeType,
    RelativePath,
    SettingKey,
    SettingValue,
    Text,
    Whole,
)
from tradewind.config.gate_settings import Gate

RetentionDays = Literal[
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653
]
"""The retention periods that CloudWatch Logs offers (PutRetentionPolicy)."""


class Database(Model):
    """Airflow's metadata database (RDS for MySQL)."""

    instance_class: InstanceClass = Field(default="db.t4g.medium", description="The RDS instance class.")
    storage_gb: Annotated[Whole, Field(ge=20, le=65_536)] = Field(default=20, description="Storage in GB.")
    multi_az: Flag | None = Field(
        default=None,
        description="Keep a standby in a second zone. If not set: true if availability is high.",
    )
    backup_days: Annotated[Whole, Field(ge=1, le=35)] = Field(default=7, description="How many days RDS keeps backups.")
    deletion_protection: Flag | None = Field(
        default=None,
        description="Protect the database from deletion. If not set: true in a production account.",
    )


class Broker(Model):
    """The Celery broker (ElastiCache)."""

    node_type: NodeType = Field(default="cache.t4g.small", description="The ElastiCache node type.")
    replicas: Annotated[Whole, Field(ge=0, le=5)] | None = Field(
        default=None, description="Replicas of the primary node. If not set: 1 if availability is high, else 0."
    )


class Dags(Model):
    """The source of the DAGs, and their gate."""

    repository: GitUrl | None = Field(
        default=None,
        description="The git repository, without credentials. If not set, DAG releases are made from a folder.",
    )
    ref: Text = Field(default="main", description="The branch or tag that is released.")
    path: RelativePath = Field(default="dags", description="The folder inside the repository that holds the DAGs.")
    gate: Gate = Field(default=Gate(), description="The checks that DAG files must pass before they are released.")


class Logs(Model):
    """Logs of the services and of the tasks."""

    retention_days: RetentionDays = Field(
        default=30, description="How many days CloudWatch keeps the services' logs: one of the periods that it offers."
    )
    task_retention_days: Annotated[Whole, Field(ge=1, le=36_500)] = Field(
        default=365, description="How many days S3 keeps the tasks' logs."
    )


class Airflow(Model):
    """Airflow's own settings."""

    settings: Mapping[SettingKey, SettingValue] = Field(
        default={},
        description="More Airflow settings, from `section.key` to a value. They override Tradewind's settings. "
        "Settings that hold secrets are refused.",
    )
