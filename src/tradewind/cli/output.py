"""``tradewind output``: addresses and names of what was made."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from tradewind.cli import options, terminal
from tradewind.cli.options import AsJson, File


def output(
    environment: Annotated[str, typer.Argument(help="The environment.")],
    file: File = None,
    as_json: AsJson = False,
) -> None:
    """Print what an environment is made of: addresses, names, ARNs. Nothing in it is secret."""
    values = options.project(file).on_aws(environment).outputs
    if as_json:
        terminal.data_json({"version": 1, "environment": environment, "outputs": dict(values)})
        return
    rows = [[name, value if isinstance(value, str) else json.dumps(value)] for name, value in sorted(values.items())]
    terminal.table(["NAME", "VALUE"], rows)
