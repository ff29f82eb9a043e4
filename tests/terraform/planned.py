"""Plans of the stacks with the project's own configurations, each made once per process."""

from __future__ import annotations

import functools
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness import PROJECT, Terraform

from tradewind.config import Tradewind, load
from tradewind.infrastructure.stack import Stack, account_stack, bootstrap_stack, environment_stack

SMALL = load(PROJECT / "tradewind.yaml")
LARGE = load(PROJECT / "examples/large/tradewind.yaml")
STACKS = PROJECT / "terraform/stacks"


def stacks(tradewind: Tradewind) -> list[Stack]:
    """Every stack of a configuration."""
    return [
        *(bootstrap_stack(tradewind, name) for name in tradewind.accounts),
        *(account_stack(tradewind, name) for name in tradewind.accounts),
        *(environment_stack(tradewind, name) for name in tradewind.environments),
    ]


def variables(stack: Stack) -> dict[str, Any]:
    """The variables of a stack, as Terraform reads them from JSON."""
    given: dict[str, Any] = json.loads(json.dumps(stack.variables))
    return given


@functools.cache
def _scratch() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="tradewind-plans-")


def scratch() -> Path:
    """A folder for copies of stacks."""
    return Path(_scratch().name)


def terraform(stack: Stack, name: str) -> Terraform:
    """Terraform in a copy of a stack's folder; ``name`` keeps copies apart."""
    return Terraform(STACKS / stack.kind, scratch() / name).init()


@functools.cache
def _plan(large: bool, name: str) -> dict[str, Any]:
    stack = environment_stack(LARGE if large else SMALL, name)
    return terraform(stack, f"{name}-{large}").plan(**variables(stack))


def plan_of(tradewind: Tradewind, name: str) -> dict[str, Any]:
    """The plan of an environment of SMALL or LARGE that does not exist yet. Copy it before changing it."""
    return _plan(tradewind is LARGE, name)


def planned_types(plan: Mapping[str, Any]) -> set[str]:
    """The types of the resources that a plan creates."""
    return {entry["type"] for entry in plan["resource_changes"] if entry["mode"] == "managed"}
