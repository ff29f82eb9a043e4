"""Runs Terraform on copies of our folders, with the stand-in in place of the provider hashicorp/aws.

The source tree is never written to: Terraform works in a copy, which holds the folder and the local modules it uses,
and which keeps `.terraform` and the state. `terraform` must be in the PATH.
"""

from __future__ import annotations

import atexit
import functools
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from standin import assemble, wheel

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parent.parent
_LOCAL_SOURCE = re.compile(r'^\s*source\s*=\s*"(\.{1,2}/[^"]*)"', re.M)
_BACKEND = re.compile(r'^\s*backend\s+"(?!local")', re.M)
_BLOCK = re.compile(r'^\s*(resource|data|ephemeral|mock_resource|mock_data)\s+"(aws_\w+)"', re.M)
_KINDS = {"resource": "", "mock_resource": "", "data": "data.", "mock_data": "data.", "ephemeral": "ephemeral."}
# Files that Terraform writes into a copy and that must stay there between two commands.
_KEPT = re.compile(r"^(\.terraform.*|.*\.tfstate.*|.*\.tfplan)$")
_NOT_COPIED = {".terraform", ".terraform.lock.hcl", "__pycache__"}
_OVERRIDE = "standin_override.tf"


class TerraformError(Exception):
    """Terraform ended with an error. The text is its output."""


@dataclass(frozen=True)
class Result:
    """The exit code and the output of a Terraform command."""

    code: int
    out: str
    err: str

    def messages(self) -> list[dict[str, Any]]:
        """The lines of a command that ran with -json."""
        return [json.loads(line) for line in self.out.splitlines() if line.startswith("{")]

    def problems(self) -> list[dict[str, Any]]:
        """The diagnostics among them that are errors."""
        found = (message.get("diagnostic", {}) for message in self.messages())
        return [diagnostic for diagnostic in found if diagnostic.get("severity") == "error"]


@dataclass
class Terraform:
    """Terraform in a copy of `source`, below `work`. The copy is made at once and refreshed by `sync`."""

    source: Path
    work: Path
    account: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    top: Path = field(init=False)
    folder: Path = field(init=False)

    def __post_init__(self) -> None:
        self.source = self.source.resolve()
        self.sync()

    def sync(self) -> None:
        """Copies the source again. State, plans and the downloads of `init` stay."""
        folders = sorted(_with_local_modules(self.source))
        self.top = Path(os.path.commonpath(folders))
        self.folder = self.work / self.source.relative_to(self.top)
        for folder in folders:
            copy = self.work / folder.relative_to(self.top)
            if not any(
                copy != other and other in copy.parents
                for other in (self.work / f.relative_to(self.top) for f in folders)
            ):
                _refresh(folder, copy)
        if any(_BACKEND.search(path.read_text()) for path in self.folder.glob("*.tf")):
            (self.folder / _OVERRIDE).write_text('terraform {\n  backend "local" {}\n}\n')

    def run(self, *arguments: str, check: bool = True) -> Result:
        """Runs a command and returns its output. Raises TerraformError if it fails and `check` is set."""
        run = subprocess.run(
            ["terraform", *arguments],
            cwd=self.folder,
            env=self.variables(),
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        if check and run.returncode:
            raise TerraformError(f"terraform {' '.join(arguments)}\n{run.stdout}{run.stderr}")
        return Result(run.returncode, run.stdout, run.stderr)

    def variables(self) -> dict[str, str]:
        """The environment for Terraform: the stand-in, and none of the user's AWS or Terraform settings."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TF_"))}
        return {**kept, **serving(used_types(self.work), self.account), **self.environment}

    def init(self) -> Terraform:
        """Prepares the copy, always with a local state, whatever the configured backend."""
        self.run("init", "-no-color")
        return self

    def validate(self) -> list[dict[str, Any]]:
        """The diagnostics of `terraform validate`."""
        diagnostics: list[dict[str, Any]] = json.loads(self.run("validate", "-json", check=False).out)["diagnostics"]
        return diagnostics

    def plan(self, **variables: Any) -> dict[str, Any]:
        """The plan as JSON, from `terraform show -json`. Raises TerraformError if it fails."""
        self.run("plan", "-no-color", "-out=standin.tfplan", *_given(self.folder, variables))
        shown: dict[str, Any] = json.loads(self.run("show", "-json", "standin.tfplan").out)
        return shown

    def apply(self, **variables: Any) -> dict[str, Any]:
        """Applies in memory and returns the state as JSON. Raises TerraformError if it fails."""
        self.run("apply", "-no-color", "-auto-approve", *_given(self.folder, variables))
        shown: dict[str, Any] = json.loads(self.run("show", "-json").out)
        return shown

    def test(self, *arguments: str) -> Result:
        """Runs the folder's tests."""
        return self.run("test", "-no-color", *arguments, check=False)


def changes(plan: Mapping[str, Any]) -> dict[str, list[str]]:
    """The actions of each resource that a plan changes: {"aws_vpc.main": ["create"]}."""
    found = {change["address"]: change["change"]["actions"] for change in plan.get("resource_changes", [])}
    return {address: actions for address, actions in found.items() if actions not in (["no-op"], ["read"])}


def serving(types: Iterable[str] = (), account: str | None = None) -> dict[str, str]:
    """Environment variables with which Terraform uses the stand-in, in any program that runs Terraform.

    They work while this process lives. `types`: types beyond those of the project's own folders.
    """
    common = {"CHECKPOINT_DISABLE": "1", "TF_CLI_CONFIG_FILE": os.devnull, "TF_IN_AUTOMATION": "1", "TF_INPUT": "0"}
    if os.environ.get("TRADEWIND_TEST_PROVIDER") == "real":
        providers = wheel.cache_folder() / "providers"
        providers.mkdir(parents=True, exist_ok=True)
        return {**common, "TF_PLUGIN_CACHE_DIR": str(providers)}
    return {
        **common,
        "TF_REATTACH_PROVIDERS": _serve(assemble.assemble(project_types() | set(types)), account or ""),
    }


def used_types(folder: Path) -> set[str]:
    """The types of this provider in all configuration below a folder."""
    paths = (path for pattern in ("*.tf", "*.tftest.hcl") for path in folder.rglob(pattern))
    return set().union(*(_types(path) for path in paths if not _NOT_COPIED & set(path.parts)))


@functools.cache
def project_types() -> set[str]:
    """All types that the project uses: one set, so that one schema serves all tests."""
    return _types(HERE / "mistakes.yaml") | used_types(HERE / "fixtures") | used_types(PROJECT / "terraform")


def _types(path: Path) -> set[str]:
    return {_KINDS[kind] + name for kind, name in _BLOCK.findall(path.read_text())}


def _with_local_modules(folder: Path) -> set[Path]:
    found: set[Path] = set()
    waiting = [folder]
    while waiting:
        current = waiting.pop()
        if current in found or not current.is_dir():
            continue
        found.add(current)
        for path in [*current.glob("*.tf"), *current.glob("*.tftest.hcl"), *current.glob("tests/*.tftest.hcl")]:
            # Module paths in a test file are relative to the tested folder.
            waiting.extend((current / source).resolve() for source in _LOCAL_SOURCE.findall(path.read_text()))
    return found


def _refresh(source: Path, copy: Path) -> None:
    copy.mkdir(parents=True, exist_ok=True)
    for old in copy.iterdir():
        if not _KEPT.match(old.name):
            shutil.rmtree(old) if old.is_dir() and not old.is_symlink() else old.unlink()
    for new in source.iterdir():
        if new.name in _NOT_COPIED or _KEPT.match(new.name):
            continue
        if new.is_dir():
            shutil.copytree(new, copy / new.name, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*_NOT_COPIED))
        else:
            shutil.copy2(new, copy / new.name)


def _given(folder: Path, variables: Mapping[str, Any]) -> Iterator[str]:
    if variables:
        (folder / "given.tfvars.json").write_text(json.dumps(variables))
        yield "-var-file=given.tfvars.json"


@functools.cache
def _serve(schema: Path, account: str) -> str:
    """Starts the stand-in for the life of this process. Returns the variable with its address for Terraform."""
    server = subprocess.Popen(
        [sys.executable, "-c", "from standin.server import main; main()", str(schema), account],
        cwd=HERE,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    # It ends when its input closes: at the exit or the kill of this process.
    atexit.register(_stop, server)
    line = server.stdout.readline() if server.stdout else ""
    if not line:
        raise RuntimeError("the stand-in did not start; what it printed is above")
    return line.strip()


def _stop(server: subprocess.Popen[str]) -> None:
    for pipe in (server.stdin, server.stdout):
        if pipe:
            pipe.close()
    server.wait()
