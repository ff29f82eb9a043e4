"""Runs the ``terraform`` program: finds it, checks its version, and reads its output as records."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from tradewind.errors import ExitCode, TradewindError

MINIMUM = (1, 11)
"""Write-only arguments and the lock file of the S3 backend are stable from 1.11 on."""

_INSTALL = "install Terraform 1.11 or newer and put it on PATH (developer.hashicorp.com/terraform/install)"


@dataclass(frozen=True)
class Message:
    """One line of Terraform's machine-readable output (``terraform plan -json``): its type and its fields."""

    kind: str
    text: str
    fields: Mapping[str, Any] = field(default_factory=dict)

    @property
    def address(self) -> str:
        """The address of its resource, or an empty text."""
        for holder in ("hook", "change"):
            resource = self.fields.get(holder, {}).get("resource")
            if resource:
                return str(resource["addr"])
        return ""


Listener = Callable[[Message], None]


class Terraform(Protocol):
    """The required operations of Terraform. Every method raises TradewindError with Terraform's own diagnostics."""

    def init(self, folder: Path, backend: Path | None, *, move: bool = False) -> None:
        """Fetch providers and connect to the state.

        Args:
            folder: the stack's HCL.
            backend: the settings of the S3 backend; None if the HCL defines the backend.
            move: move the state from its previous place.
        """

    def plan(self, folder: Path, out: Path, arguments: Sequence[str], listen: Listener) -> None:
        """Plan, and write the plan to ``out``."""

    def apply(self, folder: Path, plan: Path, listen: Listener) -> None:
        """Apply exactly this plan."""

    def show(self, folder: Path, plan: Path) -> Mapping[str, Any]:
        """The plan in Terraform's JSON format."""

    def output(self, folder: Path) -> Mapping[str, Any]:
        """The values of the outputs."""


class TerraformProgram:
    """The installed ``terraform`` program.

    Args:
        data: the folder of Terraform's own files (TF_DATA_DIR).
        cache: a folder of downloaded providers that all stacks share.
    """

    def __init__(self, data: Path, cache: Path) -> None:
        self._environment = {
            **os.environ,
            "TF_PLUGIN_CACHE_DIR": str(cache),
            "TF_DATA_DIR": str(data),
            "TF_IN_AUTOMATION": "1",
            "TF_INPUT": "0",
            "CHECKPOINT_DISABLE": "1",
        }
        cache.mkdir(parents=True, exist_ok=True)
        self._program = find()

    def init(self, folder: Path, backend: Path | None, *, move: bool = False) -> None:  # noqa: D102 (see Terraform)
        settings = [f"-backend-config={backend}"] if backend else []
        # Terraform refuses to move a state with JSON output.
        settings += ["-no-color", "-migrate-state", "-force-copy"] if move else ["-json", "-reconfigure"]
        self._run(folder, ["init", *settings], lambda _: None)

    def plan(self, folder: Path, out: Path, arguments: Sequence[str], listen: Listener) -> None:  # noqa: D102
        self._run(folder, ["plan", "-json", f"-out={out}", *arguments], listen)

    def apply(self, folder: Path, plan: Path, listen: Listener) -> None:  # noqa: D102
        self._run(folder, ["apply", "-json", str(plan)], listen)

    def show(self, folder: Path, plan: Path) -> Mapping[str, Any]:  # noqa: D102
        return self._json(folder, ["show", "-json", str(plan)])

    def output(self, folder: Path) -> Mapping[str, Any]:  # noqa: D102
        return {name: entry["value"] for name, entry in self._json(folder, ["output", "-json"]).items()}

    def _run(self, folder: Path, arguments: Sequence[str], listen: Listener) -> None:
        errors: list[Message] = []
        process = subprocess.Popen(  # noqa: S603 (the program was found, the arguments are ours)
            [self._program, f"-chdir={folder}", *arguments],
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            for message in _messages(process):
                if message.kind == "diagnostic" and message.fields.get("@level") == "error":
                    errors.append(message)
                listen(message)
        except KeyboardInterrupt:
            # From a terminal, or from Jenkins, Terraform has received the same signal, and ends with its state saved. A
            # second signal would end it at once. If only this process received the signal, Terraform continues.
            process.communicate()
            raise
        said = process.stderr.read() if process.stderr else ""
        if process.wait() != 0:
            raise failure(arguments[0], errors, said, process.returncode)

    def _json(self, folder: Path, arguments: Sequence[str]) -> Mapping[str, Any]:
        done = subprocess.run(  # noqa: S603
            [self._program, f"-chdir={folder}", *arguments],
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise failure(arguments[0], [], done.stderr, done.returncode)
        value: Mapping[str, Any] = json.loads(done.stdout)
        return value


def find() -> str:
    """The path of ``terraform``. TradewindError if it is missing or too old."""
    program = shutil.which("terraform")
    if program is None:
        raise TradewindError("Terraform is not installed", "there is no `terraform` on PATH", _INSTALL)
    done = subprocess.run([program, "version", "-json"], capture_output=True, text=True, check=False)  # noqa: S603
    try:
        version = str(json.loads(done.stdout)["terraform_version"])
    except (ValueError, KeyError):
        said = (done.stderr or done.stdout).strip().splitlines()
        raise TradewindError(f"{program} does not report its version", said[0] if said else "", _INSTALL) from None
    major, minor = (int(part) for part in version.split(".")[:2])
    if (major, minor) < MINIMUM:
        raise TradewindError(f"Terraform {version} is too old", "Tradewind needs 1.11 or newer", _INSTALL)
    return program


def failure(command: str, errors: Sequence[Message], said: str, code: int) -> TradewindError:
    """Terraform's failure as a TradewindError: every error that it reported, each with its place."""
    if code < 0:
        return TradewindError(f"terraform {command} was ended by a signal", signal.Signals(-code).name, "run it again")
    lines = [_diagnostic(error) for error in errors] or [said.strip() or "it printed no error"]
    return TradewindError(f"terraform {command} failed", "\n".join(lines), code=ExitCode.FAILED)


def _diagnostic(error: Message) -> str:
    diagnostic = error.fields.get("diagnostic", {})
    where = diagnostic.get("address") or ""
    place = diagnostic.get("range")
    if not where and place:
        where = f"{place['filename']}:{place['start']['line']}"
    parts = [part for part in (diagnostic.get("summary", error.text), diagnostic.get("detail", "")) if part]
    return (f"{where}: " if where else "") + ". ".join(part.strip().rstrip(".") for part in parts)


def _messages(process: subprocess.Popen[str]) -> Iterator[Message]:
    for line in process.stdout or ():
        try:
            fields = json.loads(line)
        except ValueError:
            # Some lines are not JSON, such as the panic of a provider.
            yield Message("text", line.rstrip("\n"))
            continue
        yield Message(str(fields.get("type", "")), str(fields.get("@message", "")), fields)
