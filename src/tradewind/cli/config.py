"""``tradewind config``: check, show and describe the configuration."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
import yaml

from tradewind.cli import terminal
from tradewind.config import ConfigError, find, load, show
from tradewind.config.reference import markdown
from tradewind.config.schema import published

app = typer.Typer(help="Check, show and describe tradewind.yaml.", no_args_is_help=True)

File = Annotated[
    Path | None,
    typer.Option("--file", "-f", help="The configuration. When not given: tradewind.yaml here or in a folder above."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def check(file: File = None, as_json: AsJson = False) -> None:
    """Check the whole configuration and print everything that is wrong with it. Exit code 2 if anything is."""
    try:
        config = load(file or _found())
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


@app.command("show")
def show_(
    environment: Annotated[str | None, typer.Argument(help="Only this environment.")] = None,
    file: File = None,
    as_json: AsJson = False,
) -> None:
    """Print the configuration with defaults merged in and every value that holds, as YAML."""
    config = load(file or _found())
    values = show.one_environment(config.environment(environment)) if environment else show.whole(config)
    if as_json:
        terminal.data_json(values)
    else:
        terminal.data(yaml.safe_dump(values, sort_keys=False, allow_unicode=True).rstrip("\n"))


@app.command()
def schema() -> None:
    """Print the JSON Schema of the configuration, for editors."""
    terminal.data(json.dumps(published(), indent=2, ensure_ascii=False))


@app.command(hidden=True)
def reference() -> None:
    """Print the reference page of the configuration, in Markdown."""
    terminal.data(markdown().rstrip("\n"))


def _found() -> Path:
    """The configuration that applies here, relative to here where that is shorter to read."""
    here = Path.cwd()
    path = find(here)
    return path.relative_to(here) if path.is_relative_to(here) else path
