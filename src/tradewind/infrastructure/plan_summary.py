"""A summary of the changes in a plan, from Terraform's plan JSON. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Action(StrEnum):
    """What happens to a resource."""

    CREATE = "create"
    UPDATE = "change"
    REPLACE = "replace"
    DESTROY = "destroy"
    FORGET = "forget"  # no longer managed, and left as it is


_ACTIONS: Mapping[tuple[str, ...], Action] = {
    ("create",): Action.CREATE,
    ("update",): Action.UPDATE,
    ("delete",): Action.DESTROY,
    ("delete", "create"): Action.REPLACE,
    ("create", "delete"): Action.REPLACE,
    ("forget",): Action.FORGET,
    ("create", "forget"): Action.REPLACE,
}

DATA = {
    "aws_db_instance": "the metadata database",
    "aws_efs_file_system": "the shared file system with DAGs",
    "aws_elasticache_replication_group": "the broker with queued messages",
    "aws_s3_bucket": "a bucket",
    "aws_secretsmanager_secret": "a secret",
    "aws_kms_key": "a key, and all data that it encrypts",
    "aws_ecr_repository": "images",
    "aws_cloudwatch_log_group": "logs",
}
"""Resources whose removal loses data that Terraform cannot restore."""


@dataclass(frozen=True)
class Change:
    """The change of one resource. ``because``: arguments that force a replacement; ``loses``: the data that is lost."""

    address: str
    type: str
    action: Action
    because: tuple[str, ...] = ()
    loses: str = ""


@dataclass(frozen=True)
class Summary:
    """All changes of a plan, in the order of their addresses."""

    changes: tuple[Change, ...]
    outputs_change: bool

    @property
    def empty(self) -> bool:
        """Whether applying it would do nothing."""
        return not self.changes and not self.outputs_change

    @property
    def losses(self) -> tuple[Change, ...]:
        """The changes that lose data."""
        return tuple(change for change in self.changes if change.loses)

    def count(self, action: Action) -> int:
        """How many resources have this action."""
        return sum(change.action is action for change in self.changes)

    def as_dict(self) -> dict[str, Any]:
        """For ``--json``: counts by action, and every change."""
        return {
            "counts": {action.value: self.count(action) for action in Action},
            "changes": [
                {
                    "address": change.address,
                    "type": change.type,
                    "action": change.action.value,
                    "because": list(change.because),
                    "loses": change.loses or None,
                }
                for change in self.changes
            ],
        }


def summarise(plan: Mapping[str, Any]) -> Summary:
    """The changes in a plan (``terraform show -json`` of a plan file)."""
    outputs = plan.get("output_changes", {}).values()
    return Summary(
        tuple(sorted(_changes(plan.get("resource_changes", ())), key=lambda change: change.address)),
        any(output["actions"] != ["no-op"] for output in outputs),
    )


def drifted(plan: Mapping[str, Any]) -> tuple[str, ...]:
    """Resources that were changed or removed outside Terraform, by address."""
    return tuple(sorted({entry["address"] for entry in plan.get("resource_drift", ())}))


def _changes(entries: Iterable[Mapping[str, Any]]) -> Iterable[Change]:
    for entry in entries:
        action = _ACTIONS.get(tuple(entry["change"]["actions"]))
        if action is None or entry.get("mode") == "data":
            continue
        ends = action in {Action.REPLACE, Action.DESTROY}
        yield Change(
            entry["address"],
            entry["type"],
            action,
            tuple(".".join(str(step) for step in path) for path in entry["change"].get("replace_paths", ())),
            DATA.get(entry["type"], "") if ends else "",
        )
