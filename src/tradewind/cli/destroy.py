"""``tradewind destroy``: plan the end of an environment, or carry it out."""

from __future__ import annotations

from typing import Annotated

import typer

from tradewind.cli import infrastructure, options, terminal
from tradewind.cli.apply import AllowDataLoss
from tradewind.cli.options import File
from tradewind.infrastructure.stack import environment_stack


def destroy(
    environment: Annotated[str, typer.Argument(help="The environment.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Carry out what the last `destroy` showed.")] = False,
    allow_data_loss: AllowDataLoss = None,
    file: File = None,
) -> None:
    """Show what destroying an environment would end; with --yes, and --allow-data-loss for each loss, do it."""
    project = options.project(file)
    tradewind, deployer = project.tradewind, project.deployer()
    stack = environment_stack(tradewind, environment)
    if yes:
        with infrastructure.progress(f"destroying {stack.title}") as listen:
            applied = deployer.apply(stack, allow_data_loss or (), listen, destroy=True)
        terminal.say(f"{stack.title} is gone: applied plan {applied}")
        return
    with infrastructure.progress(f"planning the end of {stack.title}") as listen:
        planned = deployer.plan(stack, listen, ["-destroy"])
    infrastructure.show(stack.name, planned.summary, every=False)
    terminal.say(f"kept, in the place of any other plan of {stack.title}: plan {planned.sha256}")
    flags = "".join(f" --allow-data-loss '{change.address}'" for change in planned.summary.losses)
    terminal.say(f"next, if you mean it: tradewind destroy {environment} --yes{flags}")
