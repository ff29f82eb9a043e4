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
    production: Flag = Field(default=False, description="Whether it holds production.")
    monthly_budget_usd: Annotated[Whole, Field(ge=1)] | None = Field(
        default=None, description="Warn when a month's cost reaches this many US dollars. When not given: no budget."
    )
    alert_emails: tuple[Email, ...] = Field(default=(), description="Who is told about alarms and the budget.")
    ci_principals: tuple[PrincipalArn, ...] = Field(
        default=(),
        description="ARNs of the IAM roles or users, such as your Jenkins, that may deploy to it by taking the role "
        "that `tradewind bootstrap` makes. When not given: only who has credentials of the account itself.",
    )
    permissions_boundary: PolicyArn | None = Field(
        default=None, description="An IAM policy of the company that bounds every role that Tradewind makes."
    )


class Ports(Model):
    """Ports on one machine. A port that is given is used or it is an error."""

    web: Port | None = Field(
        default=None, description="The port of the Airflow UI. When not given: 8080, or the next free port."
    )
    flower: Port | None = Field(
        default=None, description="The port of Flower. When not given: 5555, or the next free port."
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
        "Airflow keeps its own versions: what does not fit them is an error of the build.",
    )
    packages: RelativePath | None = Field(
        default=None,
        description="A file with the Debian packages that your DAGs need, one a line, relative to the folder of this "
        "file.",
    )


class Local(Model):
    """The platform on one machine (`tradewind up`)."""

    environment: Name | None = Field(
        default=None,
        description="The environment whose settings are used. When not given: the first that nothing promotes into.",
    )
    dags: RelativePath | None = Field(
        default=None,
        description="The folder with DAGs, relative to the folder of this file. When not given: the `dags.path` of "
        "the environment.",
    )
    database: Literal["embedded", "mysql"] = Field(
        default="embedded", description="`embedded` needs nothing; `mysql` starts a `mysqld` that is installed."
    )
    broker_persistence: Flag = Field(
        default=True, description="Keep queued tasks on disk. ElastiCache does not: `false` behaves like it."
    )
    web: Annotated[Whole, Field(ge=1, le=2)] = Field(
        default=1, description="How many copies of web run. Two need HAProxy, which then stands in front of them."
    )
    workers: Annotated[Whole, Field(ge=1, le=16)] = Field(default=2, description="How many workers run.")
    max_workers: Annotated[Whole, Field(ge=1, le=16)] | None = Field(
        default=None,
        description="The controller starts workers up to this number while tasks wait, and takes them away again. When "
        "not given: as many as `workers`.",
    )
    slots: Annotated[Whole, Field(ge=1, le=64)] = Field(
        default=8, description="How many tasks one worker runs at once."
    )
    outage_tolerance_s: Annotated[Whole, Field(ge=30, le=900)] = Field(
        default=45,
        description="How long, in seconds, the database or the execution API may be away on this machine without a "
        "running task being given up. A lost task is noticed only after it.",
    )
    ports: Ports = Field(default=Ports(), description="Ports of the web pages.")


class Tradewind(Model):
    """One tenant: its accounts, its environments, and the path on which releases are promoted.

    ``environments`` have ``defaults`` merged in and know their name, account id and whether they are production.
    """

    tenant: Tenant = Field(description="The short name of the company or team; a part of every AWS name.")
    region: Region = Field(
        description="The AWS region of every environment; none of China, GovCloud or another partition."
    )
    tags: Mapping[str, str] = Field(default={}, description="AWS tags of everything.")
    accounts: Annotated[Mapping[Name, Account], Field(min_length=1)] = Field(description="The AWS accounts, by name.")
    promotion: Mapping[Name, Name] = Field(
        default={},
        description="From each environment to the one that its releases are promoted to. Every environment but the "
        "last has one. Leave it out where there is one environment.",
    )
    defaults: Mapping[str, Any] = Field(
        default={},
        description="Settings of every environment, which it may override: mappings merge, lists and values replace, "
        "and `null` returns to the built-in default.",
    )
    environments: Annotated[Mapping[EnvironmentName, Environment], Field(min_length=1)] = Field(
        description="The environments, by name."
    )
    images: Images = Field(default=Images(), description="The images of the components.")
    local: Local = Field(default=Local(), description="The platform on one machine.")

    def environment(self, name: str) -> Environment:
        """The environment of that name. TradewindError, with the nearest name, where there is none."""
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
        """Every environment in the order of promotion: furthest from the last first, ties in file order."""
        return tuple(sorted(self.environments, key=self._steps_to_last, reverse=True))

    @property
    def local_environment(self) -> Environment:
        """The environment that ``tradewind up`` runs."""
        return self.environment(self.local.environment or self.entries[0])

    @property
    def entries(self) -> tuple[str, ...]:
        """The environments that nothing promotes into, in file order."""
        targets = set(self.promotion.values())
        return tuple(name for name in self.environments if name not in targets)

    def _steps_to_last(self, name: str) -> int:
        seen = {name}
        while (name := self.promotion.get(name, "")) and name not in seen:
            seen.add(name)
        return len(seen)
