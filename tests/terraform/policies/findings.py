"""Findings of policy checkers, and their explanations.

A finding belongs to a resource in the code, also if it has many instances. It is explained in a comment
`#checkov:skip=ID:reason` inside the resource, or in explained.yaml.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from harness import HERE, PROJECT

TERRAFORM = PROJECT / "terraform"
EXPLAINED = HERE / "policies" / "explained.yaml"
_BLOCK = re.compile(r'^(?:resource|data) "(?P<type>\w+)" "(?P<name>\w+)" \{\n(?P<body>.*?)^\}', re.M | re.S)
_SKIP = re.compile(r"^ *#checkov:skip=(?P<check>\w+):(?P<reason>.+)\n", re.M)


@dataclass(frozen=True, order=True)
class Finding:
    """The tool, its check, and the place: `bucket/aws_s3_bucket.this`, or `stacks/bootstrap/aws_kms_key.state`.

    `part` is the statement of a policy. `where` has the key of an instance only if instances differ in their code.
    """

    tool: str
    check: str
    where: str
    part: str = ""


@dataclass
class Explanation:
    """A reason, and the findings that it explains. Without parts, it explains the whole resource."""

    tool: str
    check: str
    where: frozenset[str]
    parts: frozenset[str]
    reason: str
    source: str
    used: set[Finding] = field(default_factory=set)

    def covers(self, finding: Finding) -> bool:
        """Whether this explains a finding."""
        return (
            (self.tool, self.check) == (finding.tool, finding.check)
            and finding.where in self.where
            and (not self.parts or finding.part in self.parts)
        )

    def unused(self) -> list[str]:
        """The places of the explanation that have no finding."""
        seen = {each.where for each in self.used}
        parts = {each.part for each in self.used}
        return sorted(
            [f"{self.source}: {self.check} at {where}" for where in self.where - seen]
            + [f"{self.source}: {self.check} in {part}" for part in self.parts - parts]
        )


def place(stack: str, address: str, plan: dict[str, Any]) -> str:
    """The place in the code of the resource with this address: the folder, the type and the name."""
    parts = re.sub(r'\[("[^"]*"|\d+)\]', "", address).split(".")
    module, folder = plan["configuration"]["root_module"], f"stacks/{stack}"
    while parts[0] == "module":
        call = module["module_calls"][parts[1]]
        module, folder, parts = call["module"], Path(call["source"]).name, parts[2:]
    return f"{folder}/{'.'.join(parts)}"


def place_in_file(path: str, resource: str) -> str:
    """The same for a file below terraform/ and a resource as checkov names it when it reads HCL."""
    folder = Path(path.lstrip("/")).parent
    return f"{folder.name if folder.parts[0] == 'modules' else folder}/{'.'.join(resource.split('.')[-2:])}"


def without_comments(text: str) -> str:
    """The HCL without explanations."""
    return _SKIP.sub("", text)


def explanations(tool: str) -> list[Explanation]:
    """All reasons for the findings of a tool."""
    listed = [
        Explanation(
            tool,
            entry["check"],
            frozenset(entry["where"]),
            frozenset(entry.get("statements", [])),
            entry["reason"],
            EXPLAINED.name,
        )
        for entry in yaml.safe_load(EXPLAINED.read_text())[tool]
    ]
    return listed + (list(_beside_the_code()) if tool == "checkov" else [])


def unexplained(found: Iterable[Finding], reasons: list[Explanation]) -> list[Finding]:
    """The findings without a reason. Remembers which reasons were needed."""
    left = []
    for finding in sorted(set(found)):
        matching = [reason for reason in reasons if reason.covers(finding)]
        for reason in matching:
            reason.used.add(finding)
        if not matching:
            left.append(finding)
    return left


def useless(reasons: list[Explanation]) -> list[str]:
    """Explanations without a finding."""
    return sorted(line for reason in reasons for line in reason.unused())


def _beside_the_code() -> Iterable[Explanation]:
    for path in sorted(TERRAFORM.rglob("*.tf")):
        if ".terraform" in path.parts:
            continue
        relative = path.relative_to(TERRAFORM)
        for block in _BLOCK.finditer(path.read_text()):
            where = place_in_file(str(relative), f"{block['type']}.{block['name']}")
            for skip in _SKIP.finditer(block["body"]):
                yield Explanation(
                    "checkov", skip["check"], frozenset([where]), frozenset(), skip["reason"], str(relative)
                )
