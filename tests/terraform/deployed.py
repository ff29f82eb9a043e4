"""Every stack of the large example: planned, applied in memory, and planned again.

Policy checkers read the second plan. In the first plan, names from AWS are unknown, and for the checkers an unknown key
is no key.
"""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import HERE, Terraform, project_types
from planned import LARGE, STACKS, stacks, variables
from standin import assemble


@dataclass(frozen=True)
class Deployed:
    """Terraform's plans and state of one stack, as JSON, and the plan file."""

    name: str
    given: str
    plan: str
    state: str
    settled: str

    @property
    def resources(self) -> list[dict[str, Any]]:
        """The resources of the stack, with every value known."""
        return [each for each in json.loads(self.settled)["resource_changes"] if each["mode"] == "managed"]


@functools.cache
def everything() -> tuple[list[Deployed], list[tuple[str, str, str]]]:
    """All stacks, and all secrets that passed through the provider: type, argument, value."""
    with tempfile.TemporaryDirectory(prefix="tradewind-policies-") as scratch:
        folder = Path(scratch)
        record = folder / "secrets.jsonl"
        with _recording(record) as server:
            assert server.stdout is not None
            environment = {"TF_REATTACH_PROVIDERS": server.stdout.readline().strip()}
            made = [_deploy(stack, folder, environment) for stack in stacks(LARGE)]
            server.communicate()
        return made, [tuple(json.loads(line)) for line in record.read_text().splitlines()]


def _recording(record: Path) -> subprocess.Popen[str]:
    schema = assemble.assemble(project_types())
    return subprocess.Popen(
        [sys.executable, "-m", "recording", str(schema), "", str(record)],
        cwd=HERE,
        env={**os.environ, "PYTHONPATH": str(HERE)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _deploy(stack: Any, folder: Path, environment: dict[str, str]) -> Deployed:
    name = f"{stack.kind}-{stack.name}"
    copy = Terraform(STACKS / stack.kind, folder / name, environment=environment).init()
    given = json.dumps(variables(stack))
    (copy.folder / "given.tfvars.json").write_text(given)
    written = ["-no-color", "-var-file=given.tfvars.json"]
    copy.run("plan", *written, "-out=first.tfplan")
    plan = copy.run("show", "-json", "first.tfplan").out
    copy.run("apply", "-no-color", "first.tfplan")
    copy.run("plan", *written, "-out=second.tfplan")
    settled = copy.run("show", "-json", "second.tfplan").out
    return Deployed(name, given, plan, (copy.folder / "terraform.tfstate").read_text(), settled)
