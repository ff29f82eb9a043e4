"""Merge ``defaults`` and an environment: pure functions on plain data."""

from __future__ import annotations

from typing import Any


def merge(base: Any, over: Any) -> Any:
    """``base`` with ``over`` on top: mappings merge, everything else replaces, a null removes the key.

    A removed key gets the built-in default. Neither argument is changed, and no null is left in a mapping.
    """
    if not isinstance(over, dict):
        return without_nulls(over)
    if not isinstance(base, dict):
        return without_nulls(over)
    result = {key: value for key, value in without_nulls(base).items() if key not in over or over[key] is not None}
    for key, value in over.items():
        if value is not None:
            result[key] = merge(result.get(key), value)
    return result


def without_nulls(data: Any) -> Any:
    """A copy of the data without keys whose value is null. Nulls inside lists stay; validation refuses them later."""
    if isinstance(data, dict):
        return {key: without_nulls(value) for key, value in data.items() if value is not None}
    if isinstance(data, list):
        return [without_nulls(item) for item in data]
    return data
