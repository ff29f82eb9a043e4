"""The AWS accounts of a configuration, with their state buckets and deploy roles. Pure."""

from __future__ import annotations

from tradewind.aws.accounts import TargetAccount
from tradewind.config import Tradewind
from tradewind.config.problems import nearest
from tradewind.errors import ExitCode, TradewindError


def state_bucket(tenant: str, account_id: str, region: str) -> str:
    """The name of an account's state bucket: at most 57 of the 63 characters that S3 allows."""
    return f"{tenant}-tf-state-{account_id}-{region}"


def target_account(tradewind: Tradewind, name: str) -> TargetAccount:
    """The account of that name. TradewindError, with the nearest name, if there is none."""
    if name not in tradewind.accounts:
        close = nearest(name, list(tradewind.accounts))
        raise TradewindError(
            f"there is no account {name!r}",
            f"did you mean {close}?" if close else "",
            f"accounts: {', '.join(tradewind.accounts)}",
            code=ExitCode.USAGE,
        )
    id_ = tradewind.accounts[name].id
    return TargetAccount(
        name=name,
        id=id_,
        region=tradewind.region,
        state_bucket=state_bucket(tradewind.tenant, id_, tradewind.region),
        role_arn=f"arn:aws:iam::{id_}:role/{tradewind.tenant}-deploy",
    )
