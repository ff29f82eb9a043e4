"""``tradewind bootstrap``: make an AWS account ready for environments."""

from __future__ import annotations

from typing import Annotated

import typer

from tradewind.cli import infrastructure, options, terminal
from tradewind.cli.options import AllowDataLoss, File, Yes
from tradewind.infrastructure.deploy import Deployer
from tradewind.infrastructure.stack import Stack, account_stacks


def bootstrap(
    account: Annotated[str, typer.Argument(help="The name of the account in `accounts`.")],
    yes: Yes = False,
    allow_data_loss: AllowDataLoss = None,
    file: File = None,
) -> None:
    """Prepare an AWS account: state, roles, registries, budget. You can repeat it."""
    project = options.project(file)
    tradewind, deployer = project.tradewind, project.deployer()
    for stack in account_stacks(tradewind, account):
        if not _bring(deployer, stack, yes, allow_data_loss or []):
            return
    terminal.say(f"the account {account} is ready")
    mine = [name for name in tradewind.path_order() if tradewind.environments[name].account == account]
    if mine:
        terminal.say(f"next: tradewind plan -e {mine[0]}")


def _bring(deployer: Deployer, stack: Stack, yes: bool, allowed: list[str]) -> bool:
    """Plan a stack, ask for confirmation, and apply the plan. False if the operator declines, or cannot be asked."""
    with infrastructure.progress(f"planning {stack.title}") as listen:
        planned = deployer.plan(stack, listen)
    infrastructure.show(stack.title, planned.summary, every=True)
    if planned.summary.empty:
        return True
    if not yes and not (terminal.interactive() and typer.confirm("apply this plan?", err=True)):
        terminal.say(f"nothing was changed; to continue: tradewind bootstrap {stack.account.name} --yes")
        return False
    with infrastructure.progress(f"applying {stack.title}") as listen:
        deployer.apply(stack, allowed, listen, only=planned.sha256)
    return True
