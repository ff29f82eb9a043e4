"""As whom a command is in an account: as the caller in the caller's own, as the role that deploys in every other."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from tradewind.aws.cloud import Caller, Cloud
from tradewind.errors import ExitCode, TradewindError


@dataclass(frozen=True)
class TargetAccount:
    """An account that is worked in.

    ``name`` is that of the configuration, ``id`` has 12 digits; ``role_arn`` is taken where the caller comes from
    another account.
    """

    name: str
    id: str
    region: str
    state_bucket: str
    role_arn: str


@dataclass(frozen=True)
class Entered:
    """AWS as seen from an account, and the role that was taken for it, if any."""

    cloud: Cloud
    role_arn: str | None = None


class Accounts:
    """The accounts that the credentials reach. Each question is asked once: ``cloud`` is AWS as the caller sees it."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._entered: dict[str, Entered] = {}

    @cached_property
    def caller(self) -> Caller:
        """Who calls. TradewindError where there are no credentials."""
        return self._cloud.caller()

    def enter(self, account: TargetAccount, what: str) -> Entered:
        """The account, seen from inside. TradewindError where the caller may not be there; ``what`` is for people."""
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
                f"{account.role_arn} could not be taken: {error.why or error.what}",
                f"use credentials of {account.id}, or let `ci_principals` of the account name you",
                code=ExitCode.USAGE,
            ) from None
