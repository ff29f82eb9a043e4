"""Generates the files that the provider serves from, once for each set of types.

The provider starts several times in each Terraform command, so all slow work happens here: reading the wheel, adding
properties that the wheel lacks, serialising the schema, and reading facts from botocore and parliament.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from standin import extract, facts, protocol, wheel

_HERE = Path(__file__).parent
_LOST = _HERE / "lost.yaml"
_CODE = ("extract.py", "assemble.py", "facts.py", "protocol.py", "lost.yaml", "wheel.txt", "enumerations.yaml")
_KINDS = {"resource": "resource_schemas", "data": "data_source_schemas", "ephemeral": "ephemeral_resource_schemas"}


def assemble(types: Iterable[str]) -> Path:
    """The folder with `schema.json`, `schema.pb` and `facts.json` for these types. It is created if it is missing.

    A type is written as in Terraform's addresses: "aws_lb", "data.aws_region", "ephemeral.aws_ssm_parameter".
    Types that the provider does not have are left out, so that Terraform itself refuses them.
    """
    names = sorted(set(types))
    key = hashlib.sha256("\n".join(names).encode())
    key.update(facts.version().encode())
    for name in _CODE:
        key.update((_HERE / name).read_bytes())
    folder = wheel.cache_folder() / "schemas" / key.hexdigest()[:20]
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(dir=folder.parent))
        blocks = _blocks(["provider", *names])
        (made / "schema.json").write_text(json.dumps(blocks, separators=(",", ":")))
        (made / "schema.pb").write_bytes(_serialised(blocks))
        shutil.copy(_facts(), made / "facts.json")
        try:
            made.rename(folder)
        except OSError:  # another run has created it first
            shutil.rmtree(made)
    return folder


def _facts() -> Path:
    """The facts for the rules, which are the same for every set of types and take seconds to collect."""
    key = hashlib.sha256(facts.version().encode())
    for name in ("facts.py", "enumerations.yaml"):
        key.update((_HERE / name).read_bytes())
    path = wheel.cache_folder() / "facts" / f"{key.hexdigest()[:20]}.json"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, json.dumps(facts.collect(), separators=(",", ":")))
    return path


def _blocks(names: list[str]) -> dict[str, Any]:
    code = hashlib.sha256((_HERE / "extract.py").read_bytes()).hexdigest()[:12]
    folder = wheel.cache_folder() / "types" / f"{wheel.version()}-{code}"
    folder.mkdir(parents=True, exist_ok=True)
    missing = [name for name in names if not (folder / f"{name}.json").exists()]
    if missing:
        read = wheel.read(missing)
        for name in missing:
            block = extract.schema(*read[name]) if name in read else None
            _write(folder / f"{name}.json", json.dumps(block))
    lost = yaml.safe_load(_LOST.read_text())
    found = {}
    for name in names:
        if block := json.loads((folder / f"{name}.json").read_text()):
            found[name] = _amended(block, lost.get(name, {}))
    return found


def _write(path: Path, text: str) -> None:
    part = path.with_name(f"{path.name}.{os.getpid()}")
    part.write_text(text)
    part.replace(path)


def _amended(block: dict[str, Any], lost: dict[str, Any]) -> dict[str, Any]:
    block["replace"] = lost.get("replace", [])
    block["default"] = lost.get("default", {})
    block["wait"] = lost.get("wait", 0)
    for path in lost.get("sensitive", []):
        *outer, last = path.split(".")
        inner = block
        for name in outer:
            inner = inner["block_types"][name]["block"]
        inner["attributes"][last]["sensitive"] = True
    for name, most in lost.get("most", {}).items():
        block["block_types"][name]["max_items"] = most
    return block


def _serialised(blocks: dict[str, Any]) -> bytes:
    response: dict[str, Any] = {"provider": _schema(blocks["provider"])}
    for name, block in blocks.items():
        if name == "provider":
            continue
        kind, _, type_name = name.rpartition(".")
        entry = protocol.message("SchemaEntry", key=type_name, value=_schema(block))
        response.setdefault(_KINDS[kind or "resource"], []).append(entry)
    capabilities = protocol.message("Capabilities", get_provider_schema_optional=True, move_resource_state=True)
    message = protocol.message("GetProviderSchemaResponse", server_capabilities=capabilities, **response)
    serialised: bytes = message.SerializeToString()
    return serialised


def _schema(block: dict[str, Any]) -> Any:
    return protocol.message("Schema", version=0, block=_block(block))


def _block(block: dict[str, Any]) -> Any:
    attributes = []
    for name, attribute in sorted(block.get("attributes", {}).items()):
        flags = {key: value for key, value in attribute.items() if key != "type"}
        kind = json.dumps(attribute["type"]).encode()
        attributes.append(protocol.message("Attribute", name=name, type=kind, **flags))
    nested = [
        protocol.message(
            "NestedBlock",
            type_name=name,
            block=_block(inner["block"]),
            nesting=protocol.NESTING[inner["nesting_mode"]],
            min_items=inner.get("min_items", 0),
            max_items=inner.get("max_items", 0),
        )
        for name, inner in sorted(block.get("block_types", {}).items())
    ]
    return protocol.message("Block", attributes=attributes, block_types=nested)
