"""The identity of a command in an account: the caller in the caller's own account, the deploy role in any other."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from tradewind.aws.cloud import Caller, Cloud
from tradewind.errors import ExitCode, TradewindError


@dataclass(frozen=True)
class TargetAccount:
    """An account that a command works in.

    ``name`` is its name in the configuration, and ``id`` has 12 digits. A caller from another account assumes
    ``role_arn``.
    """

    name: str
    id: str
    region: str
    state_bucket: str
    role_arn: str


@dataclass(frozen=True)
class Entered:
    """Access to AWS in an account, and the role that was assumed for it, if any."""

    cloud: Cloud
    role_arn: str | None = None


class Accounts:
    """The accounts that the credentials reach. Results are cached. ``cloud`` is AWS with the caller's credentials."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._entered: dict[str, Entered] = {}

    @cached_property
    def caller(self) -> Caller:
        """The identity of the caller. TradewindError if there are no credentials."""
        return self._cloud.caller()

    def enter(self, account: TargetAccount, what: str) -> Entered:
        """Access to an account. TradewindError if the caller has none; ``what`` is the subject of its message."""
        if account.id not in self._entered:
            self._entered[account.id] = self._enter(account, what)
        return self._entered[account.id]

    def _enter(self, account: TargetAccount, what: str) -> Entered:
        if self.caller.account_id == account.id:
            return Entered(self._cloud)
        try:
            return Entered(self._cloud.assume(account.role_arn), account.role_arn)
        except TradewindError as error:
            raise TradewindError(
                f"{what} is in the account {account.name} ({account.id}), and you are {self.caller.arn}",
                f"could not assume {account.role_arn}: {error.why or error.what}",
                f"use credentials of {account.id}, or add your role to `ci_principals` of the account",
                code=ExitCode.USAGE,
            ) from None
