"""``tradewind drift``: what somebody changed by hand."""

from __future__ import annotations

from typing import Annotated

import typer

from tradewind.cli import infrastructure, options, terminal
from tradewind.cli.options import AsJson, File
from tradewind.errors import ExitCode
from tradewind.infrastructure.stack import environment_stack


def drift(
    environment: Annotated[str, typer.Argument(help="The environment.")],
    file: File = None,
    as_json: AsJson = False,
) -> None:
    """List what was changed outside Terraform since the last apply. Exit code 3 if anything was."""
    project = options.project(file)
    tradewind, deployer = project.tradewind, project.deployer()
    stack = environment_stack(tradewind, environment)
    with infrastructure.progress(f"comparing {stack.title} with its state") as listen:
        changed = deployer.drift(stack, listen)
    if as_json:
        terminal.data_json({"version": 1, "environment": environment, "drifted": list(changed)})
    else:
        for address in changed:
            terminal.data(address)
    if changed:
        terminal.say(f"next: tradewind plan {environment}, which shows how apply would set it right")
        raise typer.Exit(ExitCode.UNHEALTHY)
    terminal.say("as it was made")
