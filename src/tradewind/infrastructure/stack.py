"""One stack: which HCL, with which variables, in which account, with its state where. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tradewind.config import Tradewind
from tradewind.config.problems import nearest
from tradewind.errors import ExitCode, TradewindError
from tradewind.infrastructure.variables import (
    Variables,
    account_variables,
    bootstrap_variables,
    environment_variables,
)


@dataclass(frozen=True)
class Stack:
    """What Terraform runs on.

    ``kind`` is the folder below ``terraform/stacks``; ``name`` is the environment or the account; ``account_id`` is the
    only account it may touch; ``role_arn`` is the role that is taken where the caller comes from another account.
    """

    kind: str
    name: str
    account: str
    account_id: str
    region: str
    bucket: str
    key: str
    role_arn: str
    variables: Variables

    @property
    def title(self) -> str:
        """How messages call it."""
        return self.name if self.kind == "environment" else f"{self.name} ({self.kind})"

    def command(self, verb: str) -> str:
        """The command that does something to it. Stacks of an account are planned and applied by ``bootstrap``."""
        return f"tradewind {verb} {self.name}" if self.kind == "environment" else f"tradewind bootstrap {self.account}"

    def backend(self, assumed: str | None = None) -> dict[str, Any]:
        """The settings of the S3 backend: state in the stack's own account. ``assumed``: a role to take first."""
        settings: dict[str, Any] = {"bucket": self.bucket, "key": self.key, "region": self.region}
        settings["allowed_account_ids"] = [self.account_id]
        if assumed:
            settings["assume_role"] = {"role_arn": assumed, "session_name": "tradewind"}
        return settings


def state_bucket(tenant: str, account_id: str, region: str) -> str:
    """The name of an account's state bucket: at most 57 of the 63 characters that S3 allows."""
    return f"{tenant}-tf-state-{account_id}-{region}"


def environment_stack(tradewind: Tradewind, name: str) -> Stack:
    """The stack of an environment. TradewindError, with the nearest name, where there is none."""
    environment = tradewind.environment(name)
    return _stack(
        tradewind,
        "environment",
        name,
        environment.account,
        f"environments/{name}",
        environment_variables(tradewind, name),
    )


def account_stack(tradewind: Tradewind, name: str) -> Stack:
    """The stack of what the environments of an account share. TradewindError where there is no such account."""
    _known(tradewind, name)
    return _stack(tradewind, "account", name, name, "account", account_variables(tradewind, name))


def bootstrap_stack(tradewind: Tradewind, name: str) -> Stack:
    """The stack that makes an account ready for the others. TradewindError where there is no such account."""
    _known(tradewind, name)
    return _stack(tradewind, "bootstrap", name, name, "bootstrap", bootstrap_variables(tradewind, name))


def stacks_named(tradewind: Tradewind, name: str) -> tuple[Stack, ...]:
    """The stacks of the environment and of the account of that name. TradewindError where there is neither."""
    found = [environment_stack(tradewind, name)] if name in tradewind.environments else []
    if name in tradewind.accounts:
        found += [bootstrap_stack(tradewind, name), account_stack(tradewind, name)]
    return tuple(found) or (environment_stack(tradewind, name),)


def _stack(tradewind: Tradewind, kind: str, name: str, account: str, key: str, variables: Variables) -> Stack:
    account_id = tradewind.accounts[account].id
    return Stack(
        kind=kind,
        name=name,
        account=account,
        account_id=account_id,
        region=tradewind.region,
        bucket=state_bucket(tradewind.tenant, account_id, tradewind.region),
        key=f"{key}.tfstate",
        role_arn=f"arn:aws:iam::{account_id}:role/{tradewind.tenant}-deploy",
        variables=variables,
    )


def _known(tradewind: Tradewind, account: str) -> None:
    if account not in tradewind.accounts:
        close = nearest(account, list(tradewind.accounts))
        raise TradewindError(
            f"there is no account {account!r}",
            f"did you mean {close}?" if close else "",
            f"accounts: {', '.join(tradewind.accounts)}",
            code=ExitCode.USAGE,
        )
