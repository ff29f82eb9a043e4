"""``tradewind apply``: apply the saved plan of an environment."""

from __future__ import annotations

from typing import Annotated

import typer

from tradewind.cli import infrastructure, options, release, terminal
from tradewind.cli.options import AllowDataLoss, Env, File, SkipHooks, Wait
from tradewind.infrastructure.stack import environment_stack


def apply(
    environment: Env,
    allow_data_loss: AllowDataLoss = None,
    audited: Annotated[
        str | None,
        typer.Option(
            "--audited",
            metavar="HASH",
            help="Apply only if the saved plan has this hash and has passed `tradewind audit`, which prints the hash.",
        ),
    ] = None,
    deploy: Annotated[
        bool, typer.Option("--deploy/--no-deploy", help="Deploy the active release to the changed services, or not.")
    ] = True,
    skip_hooks: SkipHooks = False,
    wait: Wait = 0,
    file: File = None,
) -> None:
    """Apply the saved plan of an environment. Then deploy the active release to the services that it changed."""
    project = options.project(file)
    tradewind, deployer = project.tradewind, project.deployer()
    stack = environment_stack(tradewind, environment)
    deployer.require_plan(stack, only=audited)
    with infrastructure.progress(f"applying the plan of {stack.title}") as listen:
        applied = options.when_free(
            wait,
            lambda: deployer.apply(stack, allow_data_loss or (), listen, only=audited, audited=audited is not None),
        )
    terminal.say(f"{stack.title}: applied plan {applied}")
    if deploy and not release.redeploy(project, environment, "apply", wait, skip_hooks=skip_hooks):
        terminal.say(f"next: tradewind release create -e {environment}")
