"""Terraform's values as Python's: null is None, unknown is UNKNOWN, objects and maps are dictionaries."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import msgpack

from standin import protocol

Block = dict[str, Any]
Value = Any


class _Unknown:
    """A value that is known only after apply."""

    def __repr__(self) -> str:
        return "UNKNOWN"

    def __deepcopy__(self, memo: object) -> _Unknown:
        return self


UNKNOWN = _Unknown()
# Terraform writes unknown values as extension type 0, or 12 when it knows something about them.
_UNKNOWN_BYTES = msgpack.ExtType(0, b"\x00")


def decode(value: Any) -> Value:
    """A protocol DynamicValue as Python's."""
    if value.msgpack:
        return msgpack.unpackb(value.msgpack, raw=False, strict_map_key=False, ext_hook=lambda code, data: UNKNOWN)
    return json.loads(value.json) if value.json else None


def encode(value: Value) -> Any:
    """A DynamicValue from a Python value."""
    return protocol.message("DynamicValue", msgpack=msgpack.packb(value, default=lambda unknown: _UNKNOWN_BYTES))


def known(value: Value) -> bool:
    """Whether the value, and every value inside it, is known."""
    if isinstance(value, dict):
        return all(known(item) for item in value.values())
    if isinstance(value, list):
        return all(known(item) for item in value)
    return value is not UNKNOWN


def blocks(nested: Block, value: Value) -> list[dict[str, Value]]:
    """The elements of a nested block, for every kind of nesting."""
    if value is None or value is UNKNOWN:
        return []
    if nested["nesting_mode"] == "single":
        return [value]
    return list(value.values()) if nested["nesting_mode"] == "map" else [item for item in value if item is not UNKNOWN]


def each_attribute(block: Block, value: dict[str, Value], change: Callable[[str, Block, Value], Value]) -> None:
    """Replaces every attribute, in nested blocks too, by the result of `change(name, attribute, value)`."""
    for name, attribute in block.get("attributes", {}).items():
        value[name] = change(name, attribute, value.get(name))
    for name, nested in block.get("block_types", {}).items():
        for item in blocks(nested, value.get(name)):
            each_attribute(nested["block"], item, change)


def at(value: Value, path: str) -> Iterator[Value]:
    """All values at a path such as "rule.transition.days", through lists of blocks."""
    head, _, rest = path.partition(".")
    items = value if isinstance(value, list) else [value]
    for item in items:
        if not isinstance(item, dict):
            continue
        found = item.get(head)
        if rest:
            yield from at(found, rest)
        elif isinstance(found, list):
            yield from found
        else:
            yield found
