"""``tradewind audit``: is the network as it was designed?"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from tradewind import config
from tradewind.cli import infrastructure, terminal
from tradewind.cli.options import AsJson, File, configuration_file
from tradewind.errors import ExitCode, TradewindError
from tradewind.infrastructure.stack import environment_stack
from tradewind.operate.audit import audit as compare


def audit(
    environment: Annotated[str, typer.Argument(help="The environment.")],
    plan: Annotated[
        Path | None,
        typer.Option("--plan", help="A plan in JSON (`terraform show -json`). When not given: plan now."),
    ] = None,
    file: File = None,
    as_json: AsJson = False,
) -> None:
    """Prove from a plan which tier and which service reaches which port. Exit code 3 where that is not the design."""
    if plan is None:
        tradewind, deployer = infrastructure.deployer(file)
        stack = environment_stack(tradewind, environment)
        with infrastructure.progress(f"planning {stack.title}") as listen:
            found = deployer.plan(stack, listen).plan
    else:
        tradewind, found = config.load(configuration_file(file)), _read(plan)
    result = compare(tradewind.environment(environment), found)
    if as_json:
        terminal.data_json({"version": 1, "environment": environment, **result.as_dict()})
    else:
        found_paths = (("ok", result.right), ("OPEN", result.open), ("SHUT", result.shut))
        rows = [[word, *path.as_dict().values()] for word, paths in found_paths for path in paths]
        terminal.table(["", "FROM", "TO", "PORT", "TIER"], sorted(rows, key=lambda row: row[1:]))
    if not result.passed:
        terminal.say(f"{len(result.open)} open that nobody designed, {len(result.shut)} shut that must be open")
        raise typer.Exit(ExitCode.UNHEALTHY)
    terminal.say(f"{len(result.right)} ways, all of them designed, and no other")


def _read(path: Path) -> Mapping[str, Any]:
    try:
        plan = json.loads(path.read_text())
        plan["planned_values"]["root_module"], plan["configuration"]["root_module"]
    except OSError as error:
        raise TradewindError(f"cannot read {path}", str(error.strerror), code=ExitCode.USAGE) from None
    except (ValueError, KeyError, TypeError):
        raise TradewindError(
            f"{path} is no plan in JSON", "", f"terraform show -json PLANFILE > {path}", code=ExitCode.USAGE
        ) from None
    found: Mapping[str, Any] = plan
    return found
