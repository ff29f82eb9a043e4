"""The folder in which Terraform runs for one stack: a copy of the HCL, the rendered variables, the plan.

The copy makes sure that what is applied is what was planned, even if the installation changes in between, and that
nothing is ever written into the installation.
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
    """``.tradewind/infrastructure/<kind>-<name>``, mode 0700: plans tell how an environment looks from inside."""

    folder: Path

    @classmethod
    def of(cls, home: Path, stack: Stack) -> Workspace:
        """The workspace of a stack below ``home``, the folder ``.tradewind``."""
        return cls(home / "infrastructure" / f"{stack.kind}-{stack.name}")

    @property
    def plan(self) -> Path:
        """The plan that waits to be applied."""
        return self.folder / "plan.bin"

    @property
    def record(self) -> Path:
        """What the plan was made from and for (``Deployer.plan``)."""
        return self.folder / "plan.json"

    def read_record(self) -> dict[str, Any] | None:
        """The record of the plan that waits; None where there is none that can be read."""
        try:
            found = json.loads(self.record.read_text())
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) else None

    def write_record(self, record: Mapping[str, Any]) -> None:
        """Keep the record. A command that is killed meanwhile leaves the one before."""
        fresh = self.record.with_suffix(".fresh")
        _write(fresh, record)
        fresh.replace(self.record)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Wait until no other command works in this folder, and keep others out for as long as the block lasts.

        Without it a second command would render the files under a Terraform that reads them, or replace a plan between
        the moment in which its hash was compared and the one in which Terraform opens it.
        """
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self.folder / "lock").open("w") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            yield

    @property
    def backend(self) -> Path:
        """Where the state is."""
        return self.folder / "backend.tfbackend.json"

    @property
    def data(self) -> Path:
        """Where Terraform keeps the backend's settings and links to providers."""
        return self.folder / "data"

    def stack_folder(self, stack: Stack) -> Path:
        """The folder of the stack's HCL, in which Terraform runs."""
        return self.folder / "terraform" / "stacks" / stack.kind

    @property
    def first_state(self) -> Path:
        """The state of a bootstrap until it has made the bucket that states are kept in."""
        return self.folder / "first.tfstate"

    def render(self, stack: Stack, assumed: str | None, *, first: bool = False) -> None:
        """Copy the HCL and write the variables and the backend's settings. The lock of provider versions is kept.

        Args:
            stack: what to render.
            assumed: the role that Terraform takes first, or None.
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
        """From now on the state is in the bucket."""
        self._override(stack).unlink(missing_ok=True)

    def _override(self, stack: Stack) -> Path:
        return self.stack_folder(stack) / "backend_override.tf.json"


def fingerprint(stack: Stack) -> str:
    """A hash of everything that a plan of the stack is made from on this side: the HCL and the variables."""
    digest = hashlib.sha256(json.dumps(stack.variables, sort_keys=True).encode())
    for part in SOURCES:
        for path in sorted((source() / part).rglob("*.tf")):
            digest.update(str(path.relative_to(source())).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def source() -> Path:
    """The folder with the HCL: in the checkout, or packed into the installation."""
    packed = Path(__file__).parent / "hcl"
    checkout = Path(__file__).parents[3] / "terraform"
    for folder in (packed, checkout):
        if (folder / "stacks").is_dir():
            return folder
    raise TradewindError(
        "the Terraform files are missing", f"neither {packed} nor {checkout} has them", "reinstall tradewind"
    )


def _write(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=2, sort_keys=True) + "\n")
