"""Explain validation errors in plain words, from the schema that editors use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic_core import ErrorDetails

from tradewind.config import json_schema
from tradewind.config.problems import KeyPath, nearest

KEY = "[key]"
"""The marker that pydantic appends to the path if the key of a mapping, not its value, is invalid."""


RENAMED = {
    "import_s": "import_timeout_s",
    "longest_task_hours": "max_task_hours",
    "policies": "task_role_policy_arns",
    "shrink_after_s": "scale_in_stabilization_s",
    "slow_s": "slow_import_s",
    "tests_s": "tests_timeout_s",
}
"""Keys of earlier revisions, and their names now."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """An error about one setting. ``at_key``: the key is wrong, not its value."""

    path: KeyPath
    message: str
    allowed: tuple[str, ...] = ()
    nearest: str | None = None
    at_key: bool = False


def explain(error: ErrorDetails) -> Explanation:
    """Explain one pydantic error about a merged configuration."""
    path = error["loc"]
    kind = error["type"]
    if path[-1:] == (KEY,):
        own = error.get("ctx", {}).get("message") if kind == "plain" else None
        words = json_schema.at(path[:-2]).get("propertyNames", {}).get("patternErrorMessage", "is not a valid name")
        return Explanation(path[:-1], own or f"the name {words}", at_key=True)
    if kind == "missing":
        return Explanation(path, "is required")
    if kind == "extra_forbidden":
        return unknown_key(path)
    node = json_schema.at(path)
    allowed = tuple(_yaml(value) for value in node.get("enum", ()))
    if kind == "plain":
        return Explanation(path, error["ctx"]["message"], allowed)
    if kind == "literal_error":
        return Explanation(path, "is not one of the allowed values", allowed, nearest(error["input"], allowed))
    return Explanation(path, expectation(node, error["input"]), allowed)


def unknown_key(path: KeyPath) -> Explanation:
    """The error for an unknown key, with the valid keys."""
    allowed = tuple(json_schema.at(path[:-1]).get("properties", ()))
    if (renamed := RENAMED.get(str(path[-1]))) in allowed:
        return Explanation(path, "was renamed", nearest=renamed, at_key=True)
    return Explanation(path, "unknown key", tuple(sorted(allowed)), nearest(path[-1], allowed), at_key=True)


def expectation(node: json_schema.Node, value: Any) -> str:
    """Describe the values that a schema allows, for an error about ``value``."""
    kind = node.get("type")
    if kind == "string":
        if isinstance(value, str):
            return str(node.get("patternErrorMessage") or "must not be empty")
        scalar = isinstance(value, (bool, int, float))
        return "must be text: write it in quotes" if scalar else str(node.get("patternErrorMessage") or "must be text")
    if kind in ("integer", "number"):
        noun = "a whole number" if kind == "integer" else "a number"
        return f"must be {noun}{_bounds(node)}"
    if kind == "boolean":
        return "must be true or false"
    if kind == "array":
        return "must not be empty" if isinstance(value, list) else "must be a list"
    if kind == "object":
        return "must not be empty" if isinstance(value, dict) else "must be a mapping (`key: value`)"
    return "is not valid"


def _bounds(node: json_schema.Node) -> str:
    low, high = node.get("minimum"), node.get("maximum")
    if low is not None and high is not None:
        return f" from {low:,} to {high:,}"
    return f" of {low:,} or more" if low is not None else ""


def _yaml(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
