"""``tradewind audit``: compare the network of a plan with the design."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from tradewind.cli import options, terminal
from tradewind.cli.options import AsJson, Env, File
from tradewind.errors import ExitCode, TradewindError
from tradewind.infrastructure.stack import environment_stack
from tradewind.operations.audit import Audit
from tradewind.operations.audit import audit as compare


def audit(
    environment: Env,
    plan: Annotated[
        Path | None,
        typer.Option(
            "--plan", help="A plan in JSON (`terraform show -json`). Default: the plan that `tradewind plan` has saved."
        ),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(
            "--report", help="Write the table to this file, and print only the hash of a saved plan that has passed."
        ),
    ] = None,
    file: File = None,
    as_json: AsJson = False,
) -> None:
    """Prove from a plan which service can reach which port. Exit code 3 if the paths differ from the design."""
    kept = None
    project = options.project(file)
    described = project.tradewind.environment(environment)
    if plan is None:
        deployer = project.deployer()
        kept = deployer.waiting(environment_stack(project.tradewind, environment))
        result = compare(described, kept.plan)
        deployer.audited(kept, result.passed)
    else:
        result = compare(described, _read(plan))
    sha256 = kept.sha256 if kept else None
    found = {"version": 1, "environment": environment, "plan_sha256": sha256, **result.as_dict()}
    text = terminal.json_text(found) if as_json else terminal.table_text(*_table(result))
    if report:
        _write(report, text)
    elif as_json:
        terminal.data(text)
    else:
        terminal.table(*_table(result))
    name = f"plan {sha256}" if sha256 else str(plan)
    if not result.passed:
        terminal.say(
            f"{name}: {len(result.open)} open paths are not in the design, {len(result.shut)} paths of it are shut"
        )
        raise typer.Exit(ExitCode.UNHEALTHY)
    terminal.say(f"{name}: {len(result.right)} paths, exactly those of the design")
    if sha256:
        terminal.say(f"next: tradewind apply -e {environment} --audited {sha256}")
        if report:
            terminal.data(sha256)


def _table(result: Audit) -> tuple[list[str], list[list[str]]]:
    found_paths = (("ok", result.right), ("OPEN", result.open), ("SHUT", result.shut))
    rows = [[word, *path.as_dict().values()] for word, paths in found_paths for path in paths]
    return ["", "FROM", "TO", "PORT", "TIER"], sorted(rows, key=lambda row: row[1:])


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text + "\n")
    except OSError as error:
        raise TradewindError(f"cannot write {path}", str(error.strerror), code=ExitCode.USAGE) from None


def _read(path: Path) -> Mapping[str, Any]:
    try:
        plan = json.loads(path.read_text())
        plan["planned_values"]["root_module"], plan["configuration"]["root_module"]
    except OSError as error:
        raise TradewindError(f"cannot read {path}", str(error.strerror), code=ExitCode.USAGE) from None
    except (ValueError, KeyError, TypeError):
        raise TradewindError(
            f"{path} is not a plan in JSON", "", f"terraform show -json PLANFILE > {path}", code=ExitCode.USAGE
        ) from None
    found: Mapping[str, Any] = plan
    return found
