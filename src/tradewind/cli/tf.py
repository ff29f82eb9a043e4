"""``tradewind tf``: the Terraform state of an environment or an account."""

from __future__ import annotations

from typing import Annotated

import typer

from tradewind.cli import options, terminal
from tradewind.cli.options import EnvOrAll, File
from tradewind.errors import ExitCode, TradewindError
from tradewind.infrastructure.stack import account_stacks, environment_stack


def unlock(
    lock: Annotated[str, typer.Argument(metavar="LOCK", help="The id of the lock, from the error message.")],
    environment: EnvOrAll = None,
    account: Annotated[str | None, typer.Option("--account", metavar="ACCOUNT", help="The account.")] = None,
    file: File = None,
) -> None:
    """Remove the state lock of a `plan` or `apply` that was killed. Never use it while that process runs."""
    if (environment is None) == (account is None):
        raise TradewindError(
            "`tf unlock` needs the environment or the account whose state is locked",
            "",
            f"tradewind tf unlock {lock} -e ENV, or --account ACCOUNT",
            code=ExitCode.USAGE,
        )
    project = options.project(file)
    tradewind = project.tradewind
    stacks = account_stacks(tradewind, account) if account else (environment_stack(tradewind, environment or ""),)
    removed = project.deployer().unlock(stacks, lock)
    terminal.say(f"removed the lock of {removed.who}, held since {removed.since}")
