"""One stack: which HCL, with which variables, in which account, with its state where. Pure."""

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
    """What Terraform runs on.

    ``kind`` is the folder below ``terraform/stacks``; ``name`` is the environment or the account; ``account`` is the
    only one that it may touch, and has its state under ``key``.
    """

    kind: str
    name: str
    account: TargetAccount
    key: str
    variables: Variables

    @property
    def title(self) -> str:
        """How messages call it."""
        return self.name if self.kind == "environment" else f"{self.name} ({self.kind})"

    def command(self, verb: str) -> str:
        """The command that does something to it. Stacks of an account are planned and applied by ``bootstrap``."""
        return (
            f"tradewind {verb} {self.name}"
            if self.kind == "environment"
            else f"tradewind bootstrap {self.account.name}"
        )

    def backend(self, assumed: str | None = None) -> dict[str, Any]:
        """The settings of the S3 backend: state in the stack's own account. ``assumed``: a role to take first."""
        account = self.account
        settings: dict[str, Any] = {"bucket": account.state_bucket, "key": self.key, "region": account.region}
        settings["allowed_account_ids"] = [account.id]
        if assumed:
            settings["assume_role"] = {"role_arn": assumed, "session_name": "tradewind"}
        return settings


def environment_stack(tradewind: Tradewind, name: str) -> Stack:
    """The stack of an environment. TradewindError, with the nearest name, where there is none."""
    account = target_account(tradewind, tradewind.environment(name).account)
    return _stack("environment", name, account, f"environments/{name}", environment_variables(tradewind, name))


def account_stack(tradewind: Tradewind, name: str) -> Stack:
    """The stack of what the environments of an account share. TradewindError where there is no such account."""
    return _stack("account", name, target_account(tradewind, name), "account", account_variables(tradewind, name))


def bootstrap_stack(tradewind: Tradewind, name: str) -> Stack:
    """The stack that makes an account ready for the others. TradewindError where there is no such account."""
    return _stack("bootstrap", name, target_account(tradewind, name), "bootstrap", bootstrap_variables(tradewind, name))


def stacks_named(tradewind: Tradewind, name: str) -> tuple[Stack, ...]:
    """The stacks of the environment and of the account of that name. TradewindError where there is neither."""
    found = [environment_stack(tradewind, name)] if name in tradewind.environments else []
    if name in tradewind.accounts:
        found += [bootstrap_stack(tradewind, name), account_stack(tradewind, name)]
    return tuple(found) or (environment_stack(tradewind, name),)


def _stack(kind: str, name: str, account: TargetAccount, key: str, variables: Variables) -> Stack:
    return Stack(kind=kind, name=name, account=account, key=f"{key}.tfstate", variables=variables)
