"""The folder in which Terraform runs for one stack: a copy of the HCL, the rendered variables, the plan.

The copy ensures that the applied files are the planned ones, even if the installation changes in between. Nothing is
ever written into the installation.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tradewind.errors import TradewindError
from tradewind.infrastructure.stack import Stack

SOURCES = ("modules", "stacks")


@dataclass(frozen=True)
class Workspace:
    """``.tradewind/infrastructure/<kind>-<name>``, mode 0700, because plans contain internals of an environment."""

    folder: Path

    @classmethod
    def of(cls, state_dir: Path, stack: Stack) -> Workspace:
        """The workspace of a stack below ``state_dir``, the state directory ``.tradewind``."""
        return cls(state_dir / "infrastructure" / f"{stack.kind}-{stack.name}")

    @property
    def plan(self) -> Path:
        """The file of the saved plan."""
        return self.folder / "plan.bin"

    @property
    def record(self) -> Path:
        """The file with the record of the plan: its inputs and its result (``Deployer.plan``)."""
        return self.folder / "plan.json"

    def read_record(self) -> dict[str, Any] | None:
        """The record of the saved plan; None if there is none, or if it cannot be read."""
        try:
            found = json.loads(self.record.read_text())
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) else None

    def write_record(self, record: Mapping[str, Any]) -> None:
        """Write the record. If the command is killed meanwhile, the previous record stays."""
        fresh = self.record.with_suffix(".fresh")
        _write(fresh, record)
        fresh.replace(self.record)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Wait until no other command works in this folder, and keep others out for the duration of the block.

        Without it, a second command could render the files while Terraform reads them. It could also replace a plan
        after its hash was compared and before Terraform opens it.
        """
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self.folder / "lock").open("w") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            yield

    @property
    def backend(self) -> Path:
        """The file with the backend settings: the place of the state."""
        return self.folder / "backend.tfbackend.json"

    @property
    def data(self) -> Path:
        """The folder in which Terraform keeps the backend settings and links to providers."""
        return self.folder / "data"

    def stack_folder(self, stack: Stack) -> Path:
        """The folder of the stack's HCL, in which Terraform runs."""
        return self.folder / "terraform" / "stacks" / stack.kind

    @property
    def first_state(self) -> Path:
        """The state of a bootstrap until it has made the state bucket."""
        return self.folder / "first.tfstate"

    def render(self, stack: Stack, assumed: str | None, *, first: bool = False) -> None:
        """Copy the HCL, and write the variables and the backend settings. Keeps the lock file of provider versions.

        Args:
            stack: what to render.
            assumed: the role that Terraform assumes first, or None.
            first: keep the state in ``first_state``, because there is no bucket yet.
        """
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        target = self.folder / "terraform"
        lock = self.stack_folder(stack) / ".terraform.lock.hcl"
        kept = lock.read_bytes() if lock.exists() else None
        shutil.rmtree(target, ignore_errors=True)
        for part in SOURCES:
            shutil.copytree(
                source() / part, target / part, ignore=shutil.ignore_patterns("tests", ".terraform*", "*.md")
            )
        variables = dict(stack.variables)
        if assumed:
            variables["assume_role_arn"] = assumed
        _write(self.stack_folder(stack) / "terraform.tfvars.json", variables)
        _write(self.backend, stack.backend(assumed))
        if first:
            backend = {"terraform": {"backend": {"local": {"path": str(self.first_state)}}}}
            _write(self._override(stack), backend)
        if kept is not None:
            lock.write_bytes(kept)

    def settle(self, stack: Stack) -> None:
        """Use the state in the bucket from now on."""
        self._override(stack).unlink(missing_ok=True)

    def _override(self, stack: Stack) -> Path:
        return self.stack_folder(stack) / "backend_override.tf.json"


def fingerprint(stack: Stack) -> str:
    """A hash of the local inputs of a plan of the stack: the HCL and the variables."""
    digest = hashlib.sha256(json.dumps(stack.variables, sort_keys=True).encode())
    for part in SOURCES:
        for path in sorted((source() / part).rglob("*.tf")):
            digest.update(str(path.relative_to(source())).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def source() -> Path:
    """The folder with the HCL: in the checkout, or packaged in the installation."""
    packed = Path(__file__).parent / "hcl"
    checkout = Path(__file__).parents[3] / "terraform"
    for folder in (packed, checkout):
        if (folder / "stacks").is_dir():
            return folder
    raise TradewindError(
        "the Terraform files are missing", f"neither {packed} nor {checkout} contains them", "reinstall tradewind"
    )


def _write(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=2, sort_keys=True) + "\n")
