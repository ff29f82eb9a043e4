"""``tradewind unlock``: free an environment or an account whose Terraform has died."""

from __future__ import annotations

from typing import Annotated

import typer

from tradewind.cli import options, terminal
from tradewind.cli.options import File
from tradewind.infrastructure.stack import stacks_named


def unlock(
    name: Annotated[str, typer.Argument(help="The environment, or the account, that is locked.")],
    lock: Annotated[str, typer.Argument(help="The id of the lock, from the message that named it.")],
    file: File = None,
) -> None:
    """Take away the lock of a `plan` or `apply` that has died. Never do it while that process lives."""
    project = options.project(file)
    tradewind, deployer = project.tradewind, project.deployer()
    removed = deployer.unlock(stacks_named(tradewind, name), lock)
    terminal.say(f"removed the lock of {removed.who}, held since {removed.since}")
