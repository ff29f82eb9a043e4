"""``tradewind environments``: the environments of the configuration."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from tradewind.cli import terminal
from tradewind.cli.options import AsJson, File, configuration_file
from tradewind.config import load


def environments(
    branch: Annotated[
        str | None,
        typer.Option("--branch", metavar="BRANCH", help="Only the environment to which this branch is deployed."),
    ] = None,
    names: Annotated[bool, typer.Option("--names", help="Print only the names, one per line.")] = False,
    file: File = None,
    as_json: AsJson = False,
) -> None:
    """List the environments in the order of promotion."""
    config = load(configuration_file(file))
    order = [name for name in config.path_order() if branch is None or config.environments[name].branch == branch]
    sources = {name: [one for one, target in config.promotion.items() if target == name] for name in order}
    found: list[dict[str, Any]] = [
        {
            "name": name,
            "account": config.environments[name].account,
            "production": config.environment(name).production,
            "branch": config.environments[name].branch,
            "promoted_from": sources[name],
        }
        for name in order
    ]
    if as_json:
        terminal.data_json({"version": 1, "environments": found})
    elif names:
        for name in order:
            terminal.data(name)
    else:
        rows = [[e["name"], e["account"], e["branch"] or "", ", ".join(e["promoted_from"])] for e in found]
        terminal.table(["ENVIRONMENT", "ACCOUNT", "BRANCH", "PROMOTED FROM"], rows)
