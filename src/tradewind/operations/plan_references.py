"""Which resource of a plan refers to which, even if AWS has not assigned the identifiers yet.

A plan of a new environment has no identifier of a subnet or a security group; Terraform writes "known after apply".
But the plan also contains the configuration, in which each argument has its references. This module follows them
through modules, as Terraform itself does, with the same result. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tradewind.errors import TradewindError

Key = str | int | None
"""The index of an instance: a key of ``for_each``, a number of ``count``, or None."""

Place = tuple[tuple[str, Key], ...]
"""A module: the path to it, each step with its index. The root is empty."""


@dataclass(frozen=True)
class Resource:
    """One instance of a resource, as it will be. ``values`` lacks values that are not known yet."""

    address: str
    place: Place
    type: str
    name: str
    key: Key
    values: Mapping[str, Any] = field(hash=False, compare=False)


class Wiring:
    """The resources of a plan, and the references of their arguments.

    Args:
        plan: the output of ``terraform show -json`` for a plan.
    """

    def __init__(self, plan: Mapping[str, Any]) -> None:
        self._root = plan["configuration"]["root_module"]
        self.resources = tuple(_resources(plan["planned_values"]["root_module"], ()))
        self._by_type: dict[str, list[Resource]] = {}
        for resource in self.resources:
            self._by_type.setdefault(resource.type, []).append(resource)
        self._answers: dict[tuple[str, str, str], frozenset[Resource]] = {}
        self._by_id = {
            (resource.type, identity): resource
            for resource in self.resources
            for name in ("id", "arn")
            if isinstance(identity := resource.values.get(name), str)
        }

    def of(self, *types: str) -> Iterator[Resource]:
        """The resources of these types."""
        return (resource for type_ in types for resource in self._by_type.get(type_, ()))

    def gives(self, resource: Resource, argument: str) -> bool:
        """Whether the configuration sets an argument to a value other than null, known or not."""
        if argument not in self._block(resource)["expressions"]:
            return False
        return resource.values.get(argument, ...) is not None

    def one(self, resource: Resource, argument: str, wanted: str) -> Resource | None:
        """The one resource of type ``wanted`` that an argument refers to, or None if it refers to none.

        TradewindError if the plan does not say which of several it is.
        """
        found = self.many(resource, argument, wanted)
        if len(found) > 1:
            raise TradewindError(
                f"the plan does not say what {argument} of {resource.address} refers to",
                f"it may be {', '.join(sorted(each.address for each in found))}",
                "apply first: the plan of an existing environment has every identifier",
            )
        return next(iter(found), None)

    def many(self, resource: Resource, argument: str, wanted: str) -> frozenset[Resource]:
        """The resources of type ``wanted`` that an argument refers to."""
        asked = (resource.address, argument, wanted)
        if asked not in self._answers:
            self._answers[asked] = self._find(resource, argument, wanted)
        return self._answers[asked]

    def _find(self, resource: Resource, argument: str, wanted: str) -> frozenset[Resource]:
        value = resource.values.get(argument)
        known = value if isinstance(value, list) else [value]
        # The plan has the length of a list even if its values are not known yet.
        if known and all(isinstance(each, str) for each in known):
            return frozenset(self._by_id[wanted, str(each)] for each in known if (wanted, str(each)) in self._by_id)
        block = self._block(resource)
        expression = _expression(block["expressions"], argument)
        scope = _Scope(resource.place, resource.key, block.get("for_each_expression"))
        return frozenset(self._follow(expression, scope, wanted))

    def _follow(
        self, expression: Mapping[str, Any], scope: _Scope, wanted: str, beyond: Sequence[str] = ()
    ) -> Iterator[Resource]:
        """Follow every reference of an expression. ``beyond``: attributes of its value (``var.made.subnet_ids``)."""
        references = expression.get("references", [])
        for reference in references:
            # Terraform lists `a.b.c` together with its shorter forms; only the longest is needed.
            if any(other != reference and other.startswith((f"{reference}.", f"{reference}[")) for other in references):
                continue
            yield from self._target(reference, references, scope, wanted, beyond)

    def _target(
        self, reference: str, all_: Sequence[str], scope: _Scope, wanted: str, beyond: Sequence[str]
    ) -> Iterator[Resource]:
        head, key, rest = _split(reference)
        rest = [*rest, *beyond]
        if head == "var":
            yield from self._argument(rest[0], scope, wanted, rest[1:])
        elif head == "module":
            place = (*scope.place, (rest[0], key))
            yield from self._outputs(place, rest[1:], scope if "each.key" in all_ else None, wanted)
        elif head == "each.value" and scope.for_each:
            # `{ public = aws_subnet.public }`: the value has the name of the key. Otherwise it may be any of them.
            given = scope.for_each.get("references", [])
            named = [other for other in given if other.split(".")[-1] == str(scope.key)]
            for other in named or given:
                yield from self._target(other, (), scope, wanted, ())
        elif head == wanted:
            called = [r for r in self.of(wanted) if r.place == scope.place and r.name == rest[0]]
            if key is not None:
                yield from (r for r in called if r.key == key)
            elif any(other.startswith("each.") for other in all_) and scope.key is not None:
                # A key such as `data/ingress/mysql` begins with the key of its owner.
                first = str(scope.key).split("/")[0]
                yield from [r for r in called if r.key is None or str(r.key) == first] or called
            else:
                yield from called

    def _argument(self, name: str, scope: _Scope, wanted: str, beyond: Sequence[str]) -> Iterator[Resource]:
        """Follow a variable to the expression that the caller of the module gives it."""
        if not scope.place:
            return
        *above, (module, key) = scope.place
        call = self._module(tuple(above))["module_calls"][module]
        expression = call["expressions"].get(name)
        if expression is not None:
            yield from self._follow(
                expression, _Scope(tuple(above), key, call.get("for_each_expression")), wanted, beyond
            )

    def _outputs(self, place: Place, output: Sequence[str], each: _Scope | None, wanted: str) -> Iterator[Resource]:
        """Follow an output of a module. If its name is lost (`module.x[each.key].name`), take all of this type."""
        module = self._module(place)
        name, key = place[-1]
        above, depth = place[:-1], len(place)
        made = {r.place[:depth] for r in self.resources if r.place[: depth - 1] == above and len(r.place) >= depth}
        instances = {
            real
            for real in made
            if real[-1][0] == name
            and (key is None or real[-1][1] == key)
            and (each is None or real[-1][1] is None or real[-1][1] == each.key)
        }
        # A module without resources is not among the planned values, but passes references on.
        for real in instances or {place}:
            if output and output[0] in module.get("outputs", {}):
                expression = module["outputs"][output[0]]["expression"]
                yield from self._follow(expression, _Scope(real, None, None), wanted)
            else:
                yield from (r for r in self.of(wanted) if r.place == real)

    def _block(self, resource: Resource) -> Mapping[str, Any]:
        """The configuration of a resource."""
        blocks = self._module(resource.place)["resources"]
        found: Mapping[str, Any] = next(b for b in blocks if (b["type"], b["name"]) == (resource.type, resource.name))
        return found

    def _module(self, place: Place) -> Mapping[str, Any]:
        module = self._root
        for name, _ in place:
            module = module["module_calls"][name]["module"]
        found: Mapping[str, Any] = module
        return found


@dataclass(frozen=True)
class _Scope:
    """The place of an expression: its module, the key of the instance, and the ``for_each`` of that key."""

    place: Place
    key: Key
    for_each: Mapping[str, Any] | None


def _resources(module: Mapping[str, Any], place: Place) -> Iterator[Resource]:
    for entry in module.get("resources", ()):
        if entry["mode"] == "managed":
            yield Resource(
                entry["address"], place, entry["type"], entry["name"], entry.get("index"), entry.get("values", {})
            )
    for child in module.get("child_modules", ()):
        yield from _resources(child, (*place, _last_step(child["address"])))


def _last_step(address: str) -> tuple[str, Key]:
    """The name and the index of the innermost module of an address such as ``module.a["x"].module.b[0]``."""
    name, _, index = address.rpartition("module.")[2].partition("[")
    return name, _key(index.rstrip("]")) if index else None


def _key(text: str) -> Key:
    return text.strip('"') if text.startswith('"') else int(text)


def _split(reference: str) -> tuple[str, Key, list[str]]:
    """Split a reference into its kind, the index of its name, and the rest: ``module.x[0].y`` is module, 0, [x, y]."""
    parts: list[str] = []
    key: Key = None
    for part in reference.split("."):
        name, _, index = part.partition("[")
        if index and len(parts) == 1:
            key = _key(index.rstrip("]"))
        parts.append(name)
    if parts[0] == "each":
        return ".".join(parts[:2]), key, parts[2:]
    return parts[0], key, parts[1:]


def _expression(expressions: Mapping[str, Any], argument: str) -> Mapping[str, Any]:
    """The expression of an argument, which may be inside a block (``network_configuration.subnets``)."""
    found: Any = expressions
    for part in argument.split("."):
        found = found.get(part, {}) if isinstance(found, Mapping) else {}
        if isinstance(found, list):
            found = found[0] if found else {}
    return found if isinstance(found, Mapping) else {}
