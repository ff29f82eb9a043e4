"""``tradewind bootstrap``: make an AWS account ready for environments."""

from __future__ import annotations

from typing import Annotated

import typer

from tradewind.cli import infrastructure, options, terminal
from tradewind.cli.apply import AllowDataLoss
from tradewind.cli.options import File
from tradewind.infrastructure.deploy import Deployer
from tradewind.infrastructure.stack import Stack, account_stack, bootstrap_stack


def bootstrap(
    account: Annotated[str, typer.Argument(help="The account, by its name in `accounts`.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do it without asking.")] = False,
    allow_data_loss: AllowDataLoss = None,
    file: File = None,
) -> None:
    """Make an account ready: where states are kept, who may deploy, where images go, what it may cost. Repeatable."""
    project = options.project(file)
    tradewind, deployer = project.tradewind, project.deployer()
    for stack in (bootstrap_stack(tradewind, account), account_stack(tradewind, account)):
        if not _bring(deployer, stack, yes, allow_data_loss or []):
            return
    terminal.say(f"the account {account} is ready")
    mine = [name for name in tradewind.path_order() if tradewind.environments[name].account == account]
    if mine:
        terminal.say(f"next: tradewind plan {mine[0]}")


def _bring(deployer: Deployer, stack: Stack, yes: bool, allowed: list[str]) -> bool:
    """Plan a stack, ask, and apply it. False where the person does not want it, or nobody can be asked."""
    with infrastructure.progress(f"planning {stack.title}") as listen:
        planned = deployer.plan(stack, listen)
    infrastructure.show(stack.title, planned.summary, every=True)
    if planned.summary.empty:
        return True
    if not yes and not (terminal.interactive() and typer.confirm("go on?", err=True)):
        terminal.say(f"nothing was changed; to go on: tradewind bootstrap {stack.account.name} --yes")
        return False
    with infrastructure.progress(f"applying {stack.title}") as listen:
        deployer.apply(stack, allowed, listen, only=planned.sha256)
    return True
