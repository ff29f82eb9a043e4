"""``tradewind plan``: the changes that `apply` would make."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from tradewind.cli import infrastructure, options, terminal
from tradewind.cli.options import AsJson, EnvOrAll, File, Wait
from tradewind.errors import ExitCode, TradewindError
from tradewind.infrastructure.deploy import Planned
from tradewind.infrastructure.stack import environment_stack


def plan(
    environment: EnvOrAll = None,
    every: Annotated[bool, typer.Option("--all", help="Every environment, in the order of promotion.")] = False,
    resources: Annotated[
        bool, typer.Option("--resources", help="Also list each new resource, not only their number.")
    ] = False,
    wait: Wait = 0,
    file: File = None,
    as_json: AsJson = False,
) -> None:
    """Show the planned changes of an environment on AWS.

    The command stores the plan, and `audit` and `apply` use it.
    """
    project = options.project(file)
    tradewind = project.tradewind
    if not every and environment is None:
        raise TradewindError(
            "`plan` needs an environment, or --all",
            "",
            f"tradewind plan -e ENV; environments: {', '.join(tradewind.path_order())}",
            code=ExitCode.USAGE,
        )
    names = tradewind.path_order() if every else (environment or "",)
    planned: dict[str, Planned] = {}
    deployer = project.deployer()
    for stack in [environment_stack(tradewind, name) for name in names]:
        with infrastructure.progress(f"planning {stack.title}") as listen:
            planned[stack.name] = options.when_free(wait, partial(deployer.plan, stack, listen))
        terminal.say(f"saved for audit and apply: plan {planned[stack.name].sha256}")
        if not as_json:
            infrastructure.show(stack.name, planned[stack.name].summary, every=resources)
    if as_json:
        found = {name: {**result.summary.as_dict(), "plan_sha256": result.sha256} for name, result in planned.items()}
        terminal.data_json({"version": 1, "environments": found})
    if any(not result.summary.empty for result in planned.values()):
        name = names[0] if len(names) == 1 else "ENV"
        terminal.say(f"next: tradewind audit -e {name}, then tradewind apply -e {name}")
