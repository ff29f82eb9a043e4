"""``tradewind output``: addresses and names of what was made."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from tradewind.cli import infrastructure, terminal
from tradewind.cli.options import AsJson, File
from tradewind.errors import TradewindError
from tradewind.infrastructure.stack import environment_stack


def output(
    environment: Annotated[str, typer.Argument(help="The environment.")],
    file: File = None,
    as_json: AsJson = False,
) -> None:
    """Print what an environment is made of: addresses, names, ARNs. Nothing in it is secret."""
    tradewind, deployer = infrastructure.deployer(file)
    values = deployer.output(environment_stack(tradewind, environment))
    if not values:
        raise TradewindError(f"{environment} has not been applied yet", "", f"tradewind plan {environment}")
    if as_json:
        terminal.data_json({"version": 1, "environment": environment, "outputs": values})
        return
    rows = [[name, value if isinstance(value, str) else json.dumps(value)] for name, value in sorted(values.items())]
    terminal.table(["NAME", "VALUE"], rows)
