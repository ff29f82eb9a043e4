"""One Terraform stack: its HCL, its variables, its account, and the place of its state. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tradewind.aws.accounts import TargetAccount
from tradewind.config import Tradewind
from tradewind.infrastructure.target_account import target_account
from tradewind.infrastructure.variables import (
    Variables,
    account_variables,
    bootstrap_variables,
    environment_variables,
)


@dataclass(frozen=True)
class Stack:
    """A stack that Terraform plans and applies.

    ``kind``: the folder below ``terraform/stacks``. ``name``: the environment or the account. ``account``: the only
    account that it may change, which has its state under ``key``.
    """

    kind: str
    name: str
    account: TargetAccount
    key: str
    variables: Variables

    @property
    def title(self) -> str:
        """Its name in messages."""
        return self.name if self.kind == "environment" else f"{self.name} ({self.kind})"

    @property
    def option(self) -> str:
        """The option of a command that selects it."""
        return f"-e {self.name}" if self.kind == "environment" else f"--account {self.account.name}"

    def command(self, verb: str) -> str:
        """The command ``verb`` for this stack. ``bootstrap`` plans and applies the stacks of an account."""
        return (
            f"tradewind {verb} {self.option}"
            if self.kind == "environment"
            else f"tradewind bootstrap {self.account.name}"
        )

    def backend(self, assumed: str | None = None) -> dict[str, Any]:
        """The settings of the S3 backend: state in the stack's own account. ``assumed``: a role to assume first."""
        account = self.account
        settings: dict[str, Any] = {"bucket": account.state_bucket, "key": self.key, "region": account.region}
        settings["allowed_account_ids"] = [account.id]
        if assumed:
            settings["assume_role"] = {"role_arn": assumed, "session_name": "tradewind"}
        return settings


def environment_stack(tradewind: Tradewind, name: str) -> Stack:
    """The stack of an environment. TradewindError, with the nearest name, if there is none."""
    account = target_account(tradewind, tradewind.environment(name).account)
    return _stack("environment", name, account, f"environments/{name}", environment_variables(tradewind, name))


def account_stack(tradewind: Tradewind, name: str) -> Stack:
    """The stack of the resources that an account's environments share. TradewindError if there is no such account."""
    return _stack("account", name, target_account(tradewind, name), "account", account_variables(tradewind, name))


def bootstrap_stack(tradewind: Tradewind, name: str) -> Stack:
    """The stack that prepares an account for the other stacks. TradewindError if there is no such account."""
    return _stack("bootstrap", name, target_account(tradewind, name), "bootstrap", bootstrap_variables(tradewind, name))


def account_stacks(tradewind: Tradewind, name: str) -> tuple[Stack, ...]:
    """The stacks of an account, in the order of their creation."""
    return bootstrap_stack(tradewind, name), account_stack(tradewind, name)


def _stack(kind: str, name: str, account: TargetAccount, key: str, variables: Variables) -> Stack:
    return Stack(kind=kind, name=name, account=account, key=f"{key}.tfstate", variables=variables)
