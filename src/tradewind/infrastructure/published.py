"""What Terraform has made of an environment, as the stack publishes it (``terraform/stacks/environment/published.tf``).

It is an object beside the state. Who reads it needs no right on the state, no Terraform, and waits for no lock.
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
        TradewindError: it was never applied, or by a version that publishes nothing, or by a later one.
    """
    found = cloud.read(bucket, f"{PREFIX}{environment}.json")
    again = f"tradewind plan {environment}, then tradewind apply {environment}"
    if found is None:
        why = "nothing is published: it was never applied, or by an earlier version of Tradewind"
        raise TradewindError(f"{environment} is not there yet", why, again)
    if found.get("version") != VERSION:
        what = f"{environment} was applied by a later version of Tradewind"
        raise TradewindError(what, f"what it publishes has version {found.get('version')}", "update Tradewind")
    published: Mapping[str, Any] = found["outputs"]
    return published
