"""The whole file: a tenant with its accounts, environments and promotion path."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from tradewind.config.environment import Environment
from tradewind.config.fields import (
    AccountId,
    Email,
    EnvironmentName,
    Flag,
    ImageReference,
    Model,
    Name,
    PolicyArn,
    PrincipalArn,
    Region,
    RelativePath,
    Tenant,
    Whole,
)
from tradewind.config.problems import nearest
from tradewind.errors import ExitCode, TradewindError

Port = Annotated[Whole, Field(ge=1, le=65_535)]


class Account(Model):
    """One AWS account."""

    id: AccountId = Field(description="The 12 digits of the AWS account, in quotes.")
    production: Flag = Field(default=False, description="Whether it is a production account.")
    monthly_budget_usd: Annotated[Whole, Field(ge=1)] | None = Field(
        default=None, description="Warn when a month's cost reaches this many US dollars. If not set: no budget."
    )
    alert_emails: tuple[Email, ...] = Field(
        default=(), description="The addresses that get alarms and budget warnings."
    )
    ci_principals: tuple[PrincipalArn, ...] = Field(
        default=(),
        description="ARNs of the IAM roles or users that may deploy to the account, such as the role of your Jenkins. "
        "They assume the role that `tradewind bootstrap` makes. If not set, only principals of the account can deploy.",
    )
    permissions_boundary: PolicyArn | None = Field(
        default=None, description="The IAM policy that is the permissions boundary of every role that Tradewind makes."
    )


class Ports(Model):
    """Ports on one machine. If a port that you set is in use, the start fails."""

    web: Port | None = Field(
        default=None, description="The port of the Airflow UI. If not set: 8080, or the next free port."
    )
    flower: Port | None = Field(
        default=None, description="The port of Flower. If not set: 5555, or the next free port."
    )


class Images(Model):
    """The images of the components (`tradewind images`)."""

    base: ImageReference = Field(
        default="docker.io/library/python:3.11-slim-bookworm",
        description="The image that all others are built from: Debian with Python 3.11 or newer. With a digest "
        "(`…@sha256:…`), the same sources always give the same images.",
    )
    requirements: RelativePath | None = Field(
        default=None,
        description="A file with the Python packages that your DAGs import, relative to the folder of this file. "
        "Airflow keeps its own versions: a package that conflicts with them fails the build.",
    )
    packages: RelativePath | None = Field(
        default=None,
        description="A file with the Debian packages that your DAGs need, one per line, relative to the folder of this "
        "file.",
    )


class Local(Model):
    """The platform on one machine (`tradewind up`)."""

    environment: Name | None = Field(
        default=None,
        description="The environment whose settings are used. If not set: the first environment of the promotion path.",
    )
    dags: RelativePath | None = Field(
        default=None,
        description="The folder with DAGs, relative to the folder of this file. If not set: the `dags.path` of the "
        "environment.",
    )
    database: Literal["embedded", "mysql"] = Field(
        default="embedded",
        description="`embedded`: PostgreSQL, which comes with Tradewind. `mysql`: an installed `mysqld`.",
    )
    broker_persistence: Flag = Field(
        default=True, description="Keep queued tasks on disk. ElastiCache does not; use `false` to behave like it."
    )
    web: Annotated[Whole, Field(ge=1, le=2)] = Field(
        default=1, description="The number of copies of web. Two need an installed HAProxy, which balances their load."
    )
    workers: Annotated[Whole, Field(ge=1, le=16)] = Field(default=2, description="The number of workers.")
    max_workers: Annotated[Whole, Field(ge=1, le=16)] | None = Field(
        default=None,
        description="The most workers. The controller adds workers up to this number while tasks wait, and removes "
        "them later. If not set: the value of `workers`.",
    )
    slots: Annotated[Whole, Field(ge=1, le=64)] = Field(
        default=8, description="How many tasks one worker runs at the same time."
    )
    outage_tolerance_s: Annotated[Whole, Field(ge=30, le=900)] = Field(
        default=45,
        description="How long, in seconds, the database or the execution API may be unavailable on this machine before "
        "running tasks fail. Airflow notices a lost task only after this time.",
    )
    ports: Ports = Field(default=Ports(), description="Ports of the web pages.")


class Tradewind(Model):
    """One tenant: its accounts, its environments, and its promotion path.

    ``environments`` have ``defaults`` merged in, their names and account ids, and whether they are production.
    """

    tenant: Tenant = Field(description="The short name of the company or team; part of every name in AWS.")
    region: Region = Field(
        description="The AWS region of every environment. China, GovCloud and other partitions are not supported."
    )
    tags: Mapping[str, str] = Field(default={}, description="AWS tags of every resource.")
    accounts: Annotated[Mapping[Name, Account], Field(min_length=1)] = Field(description="The AWS accounts, by name.")
    promotion: Mapping[Name, Name] = Field(
        default={},
        description="Maps each environment to the environment that its releases are promoted to. Every environment but "
        "the last has a target. Leave it out if there is only one environment.",
    )
    defaults: Mapping[str, Any] = Field(
        default={},
        description="Settings of every environment. An environment may override them: mappings merge, lists and single "
        "values replace, and `null` restores the built-in default.",
    )
    environments: Annotated[Mapping[EnvironmentName, Environment], Field(min_length=1)] = Field(
        description="The environments, by name."
    )
    images: Images = Field(default=Images(), description="The images of the components.")
    local: Local = Field(default=Local(), description="The platform on one machine.")

    def environment(self, name: str) -> Environment:
        """The environment of that name. TradewindError, with the nearest name, if there is none."""
        if name in self.environments:
            return self.environments[name]
        close = nearest(name, list(self.environments))
        raise TradewindError(
            f"there is no environment {name!r}",
            f"did you mean {close}?" if close else "",
            f"environments: {', '.join(self.path_order())}",
            code=ExitCode.USAGE,
        )

    def path_order(self) -> tuple[str, ...]:
        """Every environment in promotion order: the farthest from the last comes first, ties are in file order."""
        return tuple(sorted(self.environments, key=self._steps_to_last, reverse=True))

    @property
    def local_environment(self) -> Environment:
        """The environment that ``tradewind up`` runs."""
        return self.environment(self.local.environment or self.entries[0])

    @property
    def entries(self) -> tuple[str, ...]:
        """The first environments of the promotion path: no promotion targets, in file order."""
        targets = set(self.promotion.values())
        return tuple(name for name in self.environments if name not in targets)

    def _steps_to_last(self, name: str) -> int:
        seen = {name}
        while (name := self.promotion.get(name, "")) and name not in seen:
            seen.add(name)
        return len(seen)
