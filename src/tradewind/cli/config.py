"""``tradewind config``: check, show and describe the configuration."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer
import yaml

from tradewind.cli import terminal
from tradewind.cli.options import AsJson, File, configuration_file
from tradewind.config import ConfigError, load, show
from tradewind.config.json_schema import published
from tradewind.config.reference_page import markdown


def check(file: File = None, as_json: AsJson = False) -> None:
    """Check the whole configuration and print everything that is wrong with it. Exit code 2 if anything is."""
    try:
        config = load(configuration_file(file))
    except ConfigError as error:
        if as_json:
            terminal.data_json({"ok": False, "problems": [problem.as_dict() for problem in error.problems]})
        else:
            for line in error.lines:
                terminal.data(line)
        terminal.say(error.what)
        terminal.say(f"hint: {error.hint}")
        raise typer.Exit(error.code) from None
    if as_json:
        terminal.data_json({"ok": True, "problems": []})
        return
    names = config.path_order()
    terminal.data(f"ok: {len(names)} {'environment' if len(names) == 1 else 'environments'}: {', '.join(names)}")


def show_(
    environment: Annotated[str | None, typer.Argument(help="Only this environment.")] = None,
    file: File = None,
    as_json: AsJson = False,
) -> None:
    """Print the configuration with defaults merged in and every value that holds, as YAML."""
    config = load(configuration_file(file))
    values = show.one_environment(config.environment(environment)) if environment else show.whole(config)
    if as_json:
        terminal.data_json(values)
    else:
        terminal.data(yaml.safe_dump(values, sort_keys=False, allow_unicode=True).rstrip("\n"))


def environments(
    branch: Annotated[
        str | None, typer.Option("--branch", help="Only the one that this branch is deployed to.")
    ] = None,
    names: Annotated[bool, typer.Option("--names", help="Only the names, one a line.")] = False,
    file: File = None,
    as_json: AsJson = False,
) -> None:
    """List the environments in the order of promotion: where each is, and where its releases come from."""
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


def schema() -> None:
    """Print the JSON Schema of the configuration, for editors."""
    terminal.data(json.dumps(published(), indent=2, ensure_ascii=False))


def reference() -> None:
    """Print the reference page of the configuration, in Markdown."""
    terminal.data(markdown().rstrip("\n"))
