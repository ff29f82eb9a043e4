"""The outputs of an environment, as its stack publishes them (``terraform/stacks/environment/published.tf``).

They are an object beside the state. Reading it needs no access to the state, no Terraform, and no lock.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tradewind.aws.cloud import Cloud
from tradewind.errors import TradewindError

PREFIX = "published/"
VERSION = 1


def outputs(cloud: Cloud, bucket: str, environment: str) -> Mapping[str, Any]:
    """The outputs of an environment's stack, by name. ``bucket`` is the state bucket of its account.

    Raises:
        TradewindError: it was never applied, or by a version that publishes nothing, or by a later version.
    """
    found = cloud.read(bucket, f"{PREFIX}{environment}.json")
    again = f"tradewind plan -e {environment}, then tradewind apply -e {environment}"
    if found is None:
        why = "nothing is published: it was never applied, or by an earlier version of Tradewind"
        raise TradewindError(f"{environment} does not exist yet", why, again)
    if found.get("version") != VERSION:
        what = f"{environment} was applied by a later version of Tradewind"
        raise TradewindError(
            what, f"its outputs have version {found.get('version')}, not {VERSION}", "update Tradewind"
        )
    published: Mapping[str, Any] = found["outputs"]
    return published
