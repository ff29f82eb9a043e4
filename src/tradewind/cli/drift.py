"""``tradewind drift``: list changes that were made outside Terraform."""

from __future__ import annotations

import typer

from tradewind.cli import infrastructure, options, terminal
from tradewind.cli.options import AsJson, Env, File
from tradewind.errors import ExitCode
from tradewind.infrastructure.stack import environment_stack


def drift(
    environment: Env,
    file: File = None,
    as_json: AsJson = False,
) -> None:
    """List the resources that were changed outside Terraform. Exit code 3 if there are any."""
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
        terminal.say(f"next: tradewind plan -e {environment}, which shows how apply would undo the changes")
        raise typer.Exit(ExitCode.UNHEALTHY)
    terminal.say("no resource differs from its state")
