"""``tradewind plan``: what would change, without changing it."""

from __future__ import annotations

from typing import Annotated

import typer

from tradewind.cli import infrastructure, options, terminal
from tradewind.cli.options import AsJson, File
from tradewind.errors import ExitCode, TradewindError
from tradewind.infrastructure.deploy import Planned
from tradewind.infrastructure.stack import environment_stack


def plan(
    environment: Annotated[str | None, typer.Argument(help="The environment.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Every environment, in the order of promotion.")] = False,
    resources: Annotated[bool, typer.Option("--resources", help="List each resource that is created.")] = False,
    file: File = None,
    as_json: AsJson = False,
) -> None:
    """Show what would change in an environment on AWS, and keep the plan for `tradewind audit` and `apply`."""
    project = options.project(file)
    tradewind, deployer = project.tradewind, project.deployer()
    if every == bool(environment):
        raise TradewindError(
            "name one environment, or give --all",
            "",
            f"environments: {', '.join(tradewind.path_order())}",
            code=ExitCode.USAGE,
        )
    names = tradewind.path_order() if every else (environment or "",)
    planned: dict[str, Planned] = {}
    for stack in [environment_stack(tradewind, name) for name in names]:
        with infrastructure.progress(f"planning {stack.title}") as listen:
            planned[stack.name] = deployer.plan(stack, listen)
        terminal.say(f"kept for audit and apply: plan {planned[stack.name].sha256}")
        if not as_json:
            infrastructure.show(stack.name, planned[stack.name].summary, every=resources)
    if as_json:
        found = {name: {**result.summary.as_dict(), "plan_sha256": result.sha256} for name, result in planned.items()}
        terminal.data_json({"version": 1, "environments": found})
    if any(not result.summary.empty for result in planned.values()):
        name = names[0] if len(names) == 1 else "ENVIRONMENT"
        terminal.say(f"next: tradewind audit {name}, then tradewind apply {name}")
