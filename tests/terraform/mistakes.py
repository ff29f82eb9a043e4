"""The list of mistakes, and the stage at which a check finds them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from harness import HERE, Result, Terraform

_ROOT = """terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.0, < 7.0"
    }
  }
}

provider "aws" {
  region              = "eu-west-1"
  allowed_account_ids = ["111122223333"]
}
"""


@dataclass(frozen=True)
class Mistake:
    """One entry of mistakes.yaml."""

    id: str
    rule: str
    source: str
    hcl: str
    right: str
    runtime: bool


@dataclass(frozen=True)
class Caught:
    """The stage that found a mistake (validate, plan or apply in memory), and its message."""

    stage: str
    summary: str


def listed() -> list[Mistake]:
    """All entries, each with its mended fragment."""
    return [_mistake(entry) for entry in yaml.safe_load((HERE / "mistakes.yaml").read_text())]


def _mistake(entry: dict[str, Any]) -> Mistake:
    right = entry["hcl"]
    for old, new in entry["right"]:
        if right.count(old) != 1:
            raise ValueError(f"{entry['id']}: the text to mend is there {right.count(old)} times: {old}")
        right = right.replace(old, new)
    runtime = entry.get("effect") == "runtime"
    return Mistake(entry["id"], entry["rule"], entry["source"], entry["hcl"], right, runtime)


def find(fragments: dict[str, str], folder: Path) -> dict[str, Caught]:
    """The mistakes in these fragments {id: HCL}, by validating, planning and applying in memory, in that order.

    All fragments are modules of one configuration, so that Terraform starts only a few times. A fragment that one stage
    refuses is left out of the next stage.
    """
    caught: dict[str, Caught] = {}
    for stage in ("validate", "plan", "apply"):
        while left := [identity for identity in fragments if identity not in caught]:
            found = _stage(stage, {identity: fragments[identity] for identity in left}, folder / f"{stage}-{len(left)}")
            caught.update({identity: Caught(stage, summary) for identity, summary in found.items()})
            # Terraform stops at a cycle, before it checks the rest.
            if not any(summary.startswith("Cycle") for summary in found.values()):
                break
    return caught


def _stage(stage: str, fragments: dict[str, str], folder: Path) -> dict[str, str]:
    source = folder / "source"
    for identity, hcl in fragments.items():
        (source / identity).mkdir(parents=True)
        (source / identity / "main.tf").write_text(hcl)
    modules = "".join(f'module "{identity}" {{\n  source = "./{identity}"\n}}\n' for identity in fragments)
    (source / "main.tf").write_text(_ROOT + modules)
    terraform = Terraform(source, folder / "work").init()
    if stage == "validate":
        return _summaries(terraform.validate(), fragments)
    command = ("plan", "-json") if stage == "plan" else ("apply", "-json", "-auto-approve")
    return _summaries(_run(terraform, *command).problems(), fragments)


def _run(terraform: Terraform, *command: str) -> Result:
    return terraform.run(*command, check=False)


def _summaries(problems: Iterable[dict[str, Any]], fragments: Iterable[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for problem in problems:
        if problem.get("severity") != "error":
            continue
        place = (problem.get("range") or {}).get("filename", "") or problem.get("address", "")
        text = problem["summary"]
        named = set(re.findall(r"module\.([\w-]+)", text)) if text.startswith("Cycle") else set(place.split("/")[:1])
        for identity in named & set(fragments):
            found.setdefault(identity, text)
    return found
