"""The saved plan of a workspace: its hash, its record, and whether it is the expected plan.

A plan is named by the SHA-256 of its file. Plans with the same hash are the same, whether shown, audited or applied.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tradewind.errors import ExitCode, TradewindError
from tradewind.infrastructure.stack import Stack
from tradewind.infrastructure.workspace import Workspace, fingerprint

NEEDED = {"role", "audit", "losses", "counts", "destroy", "made_at", "made_by"}
"""The keys that a record must have. Records of older versions of the command have fewer."""


def identity(stack: Stack) -> dict[str, str]:
    """The stack of a plan, and the place of its state. A plan that was copied from elsewhere differs in one of them."""
    return {
        "stack": stack.kind,
        "name": stack.name,
        "account_id": stack.account.id,
        "bucket": stack.account.state_bucket,
    }


def sha256(path: Path) -> str:
    """The hash of a file, in hexadecimal digits."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def again(stack: Stack, destroy: bool) -> str:
    """The command that makes the plan again."""
    return stack.command("destroy" if destroy else "plan")


def record_of(workspace: Workspace, stack: Stack, destroy: bool, only: str | None = None) -> dict[str, Any]:
    """The record of the saved plan. TradewindError if there is none, or if it is not the expected one.

    Args:
        workspace: the workspace that keeps it.
        stack: the stack that it must be for, as the configuration and the Terraform files describe it now.
        destroy: whether it must be one that destroys the stack, or must not be.
        only: the hash that it must have; None: any.
    """
    hint = again(stack, destroy)
    record = workspace.read_record()
    if record is None or not workspace.plan.exists():
        raise TradewindError(f"there is no plan for {stack.title}", "", hint)
    kept = sha256(workspace.plan)
    if record.get("plan_sha256") != kept:
        raise TradewindError(f"the plan for {stack.title} was changed", "", hint)
    if only is not None and only != kept:
        raise TradewindError(
            f"another plan is saved for {stack.title}",
            f"expected {only or 'an empty hash'}, but {kept} is saved, made at {record.get('made_at')}",
            f"{hint}, then audit the new plan",
            code=ExitCode.USAGE,
        )
    foreign = sorted(key for key, value in identity(stack).items() if record.get(key) != value)
    if foreign:
        raise TradewindError(f"the plan saved for {stack.title} is of another {', '.join(foreign)}", "", hint)
    if record.get("sources") != fingerprint(stack) or not record.keys() >= NEEDED:
        why = "the configuration or the Terraform files have changed since"
        raise TradewindError(f"the plan for {stack.title} is out of date", why, hint)
    if record["destroy"] is not destroy:
        made = "destroys" if record["destroy"] else "does not destroy"
        raise TradewindError(f"the plan for {stack.title} {made} it", "", hint)
    if not workspace.stack_folder(stack).is_dir():
        why = f"{workspace.folder} has the plan, but not the Terraform files that it was made from"
        raise TradewindError(f"the plan for {stack.title} was made elsewhere", why, hint)
    return record


def must_have_passed(stack: Stack, record: Mapping[str, Any]) -> None:
    """TradewindError if a plan was not audited, or did not pass."""
    command = stack.command("audit")
    found = record["audit"]
    if found is None:
        raise TradewindError(f"the plan for {stack.title} was not audited", "", command, code=ExitCode.USAGE)
    if not found["passed"]:
        raise TradewindError(
            f"the plan for {stack.title} did not pass the audit",
            f"it was audited at {found['at']}",
            f"{command}, which lists every violation",
            code=ExitCode.USAGE,
        )


def must_be_reached_alike(stack: Stack, record: Mapping[str, Any], role: str | None, caller: str) -> None:
    """TradewindError if a plan was made through another role: Terraform keeps settings in it that need that role."""
    if record["role"] != role:
        raise TradewindError(
            f"the plan for {stack.title} was made with other credentials, and works only with those",
            f"{record['made_by']} made it {_through(record['role'])}; you are {caller} {_through(role)}",
            f"use those credentials, or make a plan with yours: {again(stack, bool(record['destroy']))}",
            code=ExitCode.USAGE,
        )


def _through(role: str | None) -> str:
    return f"through {role}" if role else "without another role"
