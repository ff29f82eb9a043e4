"""Rebuilds the schema of one resource, data source or ephemeral resource from the classes that were generated from it.

The package `cdktn-provider-aws` is generated from the provider's own schema. It keeps the type of each attribute, its
mode (required, optional, computed) and its nesting. This module reads them from comments and getters.
A schema is a dictionary like those of `terraform providers schema -json`:

    {"attributes": {NAME: {"type": ..., "required": true}}, "block_types": {NAME: {"nesting_mode": ..., "block": ...}}}
"""

from __future__ import annotations

import re
from typing import Any

Schema = dict[str, Any]

_SPLIT = re.compile(r"^(?:class (\w+) extends cdktn\.(\w+) \{|function (\w+)ToHclTerraform\(struct\) \{)$", re.M)
_FUNCTION = re.compile(r"^function \w+\(", re.M)
_MEMBER = re.compile(r"^    // (\w+) - computed: (true|false), optional: (true|false), required: (true|false)\n", re.M)
_FIELD = re.compile(
    r"^ {8,12}(\w+): \{\n\s+value: (.*),\n\s+isBlock: (true|false),\n\s+type: \"(\w+)\",\n\s+storageClassType: .*$",
    re.M,
)
_NESTED = re.compile(r"= new (cdktn\.)?(\w+?)\(this, ['\"]\w+['\"](?:, (true|false))?\)")
_INTERFACE = re.compile(r"^export interface (\w+)(?: extends [\w.]+)? \{\n(.*?)^\}", re.M | re.S)
_PROPERTY = re.compile(
    r"/\*\*\n(?:    \* (\w+) block\n)?.*?#(\w+) [^\n]*\n(?:[^/]*?\n)??    \*/\n\s+readonly \w+(\??):", re.S
)
_MAPPER = re.compile(r"(?:cdktn\.)?(listMapper|hashMapper)Hcl\((.*)", re.S)
_SCALAR = re.compile(r"cdktn\.(string|number|boolean|any)ToHclTerraform")
_STRUCT = re.compile(r"(\w+?)ToHclTerraform\b")
_PRIMITIVE = {"string": "string", "number": "number", "boolean": "bool", "any": "dynamic"}
_ROOTS = {"TerraformResource", "TerraformDataSource", "TerraformEphemeralResource", "TerraformProvider"}


class UnreadableError(ValueError):
    """The generated code has an unknown form."""


def schema(javascript: str, declarations: str) -> Schema:
    """The schema of the one resource that `index.js` and `index.d.ts` describe.

    Raises UnreadableError if the code has an unknown form.
    """
    return _Unit(javascript, declarations).root()


class _Unit:
    def __init__(self, javascript: str, declarations: str) -> None:
        self.classes: dict[str, str] = {}
        self.fields: dict[str, dict[str, tuple[str, str]]] = {}
        self.main = ""
        starts = list(_SPLIT.finditer(javascript))
        for start, following in zip(starts, [*starts[1:], None], strict=True):
            body = javascript[start.end() : following.start() if following else len(javascript)]
            name, base, struct = start.groups()
            if struct:
                self.fields[struct] = _fields(body)
                continue
            if function := _FUNCTION.search(body):
                body = body[: function.start()]
            self.classes[name] = body
            if base in _ROOTS:
                self.main = name
        self.blocks: dict[str, set[str]] = {}
        self.required: dict[str, set[str]] = {}
        for name, body in _INTERFACE.findall(declarations):
            for block, attribute, optional in _PROPERTY.findall(body):
                if block:
                    self.blocks.setdefault(name, set()).add(block)
                if not optional:
                    self.required.setdefault(name, set()).add(attribute)

    def root(self) -> Schema:
        if not self.main:
            raise UnreadableError("no class of a resource")
        body, _, synthesis = self.classes[self.main].partition("// SYNTHESIS")
        hcl = synthesis.partition("synthesizeHclAttributes()")[2]
        return self._block(body, _fields(hcl), f"{self.main}Config")

    def _struct(self, struct: str) -> Schema:
        interface = struct[0].upper() + struct[1:]
        return self._block(self.classes.get(f"{interface}OutputReference", ""), self.fields.get(struct, {}), interface)

    def _block(self, body: str, fields: dict[str, tuple[str, str]], interface: str) -> Schema:
        found: Schema = {"attributes": {}, "block_types": {}}
        for name, flags, code in self._members(body, fields, interface):
            kind = self._configured(*fields[name]) if name in fields else self._computed(code)
            if name in self.blocks.get(interface, ()):
                found["block_types"][name] = _nested(kind, flags)
            else:
                attribute = {"type": _object_type(kind), **dict.fromkeys(flags, True)}
                if name in fields and "markWriteOnlyAttribute" in fields[name][0]:
                    attribute["write_only"] = True
                found["attributes"][name] = attribute
        return {key: value for key, value in found.items() if value}

    def _members(
        self, body: str, fields: dict[str, tuple[str, str]], interface: str
    ) -> list[tuple[str, list[str], str]]:
        starts = list(_MEMBER.finditer(body))
        if not starts:  # a list without accessors: only the interface says what is required
            required = self.required.get(interface, set())
            return [(name, ["required" if name in required else "optional"], "") for name in fields]
        members = []
        for start, following in zip(starts, [*starts[1:], None], strict=True):
            name, *given = start.groups()
            flags = [
                flag
                for flag, is_set in zip(("computed", "optional", "required"), given, strict=True)
                if is_set == "true"
            ]
            members.append((name, flags, body[start.end() : following.start() if following else len(body)]))
        return members

    def _configured(self, value: str, nesting: str) -> Any:
        """The type of an attribute that may be set, as ["list", "string"] or ["single", {block}]."""
        kind = self._expression(value)
        if nesting == "set" and isinstance(kind, list) and kind[0] == "list":
            kind[0] = "set"
        if isinstance(kind, dict):
            # A list or set with one element is written without brackets.
            return [nesting, kind, "one"] if nesting in ("list", "set") else ["single", kind]
        return kind

    def _expression(self, value: str) -> Any:
        value = value.removeprefix("this.markWriteOnlyAttribute(")
        value = re.sub(r"^struct\.\w+ === undefined \? null : ", "", value)
        value = re.sub(r"\(0, (index_\d+\.\w+)\)", r"\1", value)
        value = re.sub(r"\bindex_\d+\.", "", value)
        if mapper := _MAPPER.match(value):
            return ["list" if mapper[1] == "listMapper" else "map", self._expression(mapper[2])]
        if scalar := _SCALAR.match(value):
            return _PRIMITIVE[scalar[1]]
        if struct := _STRUCT.match(value):
            return self._struct(struct[1])
        raise UnreadableError(value[:120])

    def _computed(self, code: str) -> Any:
        """The type of an attribute that only the provider sets, from its getter."""
        nested = _NESTED.search(code)
        if nested and nested[1]:
            element = re.sub(r"(Map|List)+$", "", nested[2]).lower()
            kind: Any = ["map", _PRIMITIVE.get(element, "dynamic")]
            return ["list", kind] if nested[2].endswith("List") else kind
        if nested:
            suffix = next(s for s in ("OutputReference", "MapList", "List", "Map") if nested[2].endswith(s))
            name = nested[2].removesuffix(suffix)
            struct = self._struct(name[0].lower() + name[1:])
            mode = {"OutputReference": "single", "List": "set" if nested[3] == "true" else "list", "Map": "map"}
            return [mode[suffix], struct]
        getter = re.search(r"(cdktn\.Fn\.tolist\()?this\.get(String|Number|Boolean|)(List|Map|)Attribute", code)
        if not getter:
            raise UnreadableError(code[:120])
        element = _PRIMITIVE[getter[2].lower() or "string"]
        if getter[3] == "Map":
            return ["map", element]
        if getter[3] == "List":
            return ["set" if getter[1] else "list", element]
        return element


def _fields(code: str) -> dict[str, tuple[str, str]]:
    return {name: (value, nesting) for name, value, _, nesting in _FIELD.findall(code)}


def _nested(kind: Any, flags: list[str]) -> Schema:
    nested: Schema = {"nesting_mode": kind[0], "block": kind[1]}
    if kind[0] in ("list", "set"):
        if "required" in flags:
            nested["min_items"] = 1
        if kind[2:] == ["one"]:
            nested["max_items"] = 1
    return nested


def _object_type(kind: Any) -> Any:
    """The type of an attribute in Terraform's JSON form; blocks inside become objects."""
    if isinstance(kind, dict):
        members = {name: attribute["type"] for name, attribute in kind.get("attributes", {}).items()}
        for name, nested in kind.get("block_types", {}).items():
            inner = _object_type(nested["block"])
            members[name] = inner if nested["nesting_mode"] == "single" else [nested["nesting_mode"], inner]
        return ["object", members]
    if isinstance(kind, list):
        inner = _object_type(kind[1])
        return inner if kind[0] == "single" else [kind[0], inner]
    return kind
