"""``tradewind apply``: do what was planned."""

from __future__ import annotations

from typing import Annotated

import typer

from tradewind.cli import infrastructure, options, release, terminal
from tradewind.cli.options import File
from tradewind.infrastructure.stack import environment_stack

AllowDataLoss = Annotated[
    list[str] | None,
    typer.Option("--allow-data-loss", help="The address of a resource whose data may be lost. Can be repeated."),
]


def apply(
    environment: Annotated[str, typer.Argument(help="The environment.")],
    allow_data_loss: AllowDataLoss = None,
    audited: Annotated[
        str | None,
        typer.Option(
            "--audited",
            metavar="HASH",
            help="Only if the plan that is kept has this hash and has passed `tradewind audit`, which says it.",
        ),
    ] = None,
    deploy: Annotated[
        bool, typer.Option("--deploy/--no-deploy", help="Bring the release in force to services that were changed.")
    ] = True,
    file: File = None,
) -> None:
    """Do exactly what the last `tradewind plan` of an environment showed; then deploy its release to what changed."""
    project = options.project(file)
    tradewind, deployer = project.tradewind, project.deployer()
    stack = environment_stack(tradewind, environment)
    with infrastructure.progress(f"applying the plan of {stack.title}") as listen:
        applied = deployer.apply(stack, allow_data_loss or (), listen, only=audited, audited=audited is not None)
    terminal.say(f"{stack.title} is as planned: applied plan {applied}")
    if deploy and not release.redeploy(project.on_aws(environment), "apply"):
        terminal.say(f"next: tradewind release create --from {environment}")
