"""The JSON Schema of ``tradewind.yaml``: for editors, for the reference page, and for error messages."""

from __future__ import annotations

import copy
from functools import cache
from typing import Any

from tradewind.config.environment import FILLED
from tradewind.config.problems import KeyPath
from tradewind.config.tenant import Tradewind

Node = dict[str, Any]
PARTIAL = "Partial"


@cache
def strict() -> Node:
    """The schema of a merged configuration, as the models accept it. The result is shared: do not change it."""
    schema = Tradewind.model_json_schema(mode="validation")
    environment = schema["$defs"]["Environment"]
    for name in FILLED:
        environment["properties"].pop(name)
    environment["required"] = [name for name in environment["required"] if name not in FILLED]
    return schema


def published() -> Node:
    """The schema of the file as users write it.

    ``defaults`` and an environment may each leave out keys that the other has. A null stands for the built-in
    default. Mappings with named entries accept only valid names.
    """
    schema = copy.deepcopy(strict())
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "tradewind.yaml"
    definitions = schema["$defs"]
    for name in _reachable(definitions, "Environment"):
        definitions[PARTIAL + name] = _partial(definitions[name])
    schema["properties"]["defaults"] = {
        "description": schema["properties"]["defaults"]["description"],
        "$ref": f"#/$defs/{PARTIAL}Environment",
    }
    # An environment is merged over `defaults`, which may have the required keys.
    _point_to_partial(schema["properties"]["environments"])
    schema["$defs"] = definitions
    for node in [schema, *definitions.values()]:
        _tidy(node)
    schema["$defs"] = {name: definitions[name] for name in sorted(_used(schema, definitions))}
    return schema


def at(path: KeyPath) -> Node:
    """The schema of the value at a path of a merged configuration; empty if there is none."""
    node = strict()
    for part in path:
        node = _child(resolved(node), part)
    return resolved(node)


def resolved(node: Node, root: Node | None = None) -> Node:
    """The node, without references and without "or null"."""
    definitions = (root or strict())["$defs"]
    while True:
        if "$ref" in node:
            node = definitions[node["$ref"].rpartition("/")[2]]
        elif len(options := [one for one in node.get("anyOf", ()) if one.get("type") != "null"]) == 1:
            node = options[0]
        else:
            return node


def _child(node: Node, part: str | int) -> Node:
    if isinstance(part, int):
        found = node.get("items", {})
    elif part in node.get("properties", {}):
        found = node["properties"][part]
    elif "patternProperties" in node:
        found = next(iter(node["patternProperties"].values()))
    else:
        found = node.get("additionalProperties", {})
    return found if isinstance(found, dict) else {}


def _reachable(definitions: Node, start: str) -> set[str]:
    found: set[str] = set()
    waiting = [start]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += _references(definitions[name])
    return found


def _used(schema: Node, definitions: Node) -> set[str]:
    found: set[str] = set()
    for name in _references(schema["properties"]):
        found |= _reachable(definitions, name)
    return found


def _references(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"].rpartition("/")[2]] if isinstance(node.get("$ref"), str) else []
        return own + [name for value in node.values() for name in _references(value)]
    if isinstance(node, list):
        return [name for value in node for name in _references(value)]
    return []


def _partial(definition: Node) -> Node:
    """A definition without required keys, in its parts too. Lists replace each other, so their items stay complete."""
    partial = copy.deepcopy(definition)
    partial.pop("required", None)
    for node in partial.get("properties", {}).values():
        _point_to_partial(node)
    return partial


def _point_to_partial(node: Any) -> None:
    if not isinstance(node, dict):
        return
    if "$ref" in node:
        node["$ref"] = "#/$defs/" + PARTIAL + node["$ref"].rpartition("/")[2]
    for one in [*node.get("anyOf", ()), *node.get("patternProperties", {}).values(), node.get("additionalProperties")]:
        _point_to_partial(one)


def _tidy(node: Node) -> None:
    """Adapt a node for editors: no generated titles, only valid names, and null if there is a built-in default."""
    required = node.get("required", ())
    if "description" in node:
        node["description"] = node["description"].splitlines()[0]
    for name, value in node.get("properties", {}).items():
        value.pop("title", None)
        if isinstance(value.get("default"), (dict, list)):
            del value["default"]
        if "patternProperties" in value:
            value["additionalProperties"] = False
        if name not in required:
            node["properties"][name] = _or_null(value)


def _or_null(value: Node) -> Node:
    if "anyOf" in value:
        nullable = any(one.get("type") == "null" for one in value["anyOf"])
        return value if nullable else {**value, "anyOf": [*value["anyOf"], {"type": "null"}]}
    outer: Node = {key: value[key] for key in ("description", "default") if key in value}
    inner = {key: item for key, item in value.items() if key not in outer}
    return {**outer, "anyOf": [inner, {"type": "null"}]}
