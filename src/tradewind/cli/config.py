"""``tradewind config``: check, show and describe the configuration."""

from __future__ import annotations

import json

import typer
import yaml

from tradewind.cli import terminal
from tradewind.cli.options import LOCAL, AsJson, File, OptionalEnv, configuration_file
from tradewind.config import ConfigError, load, show
from tradewind.config.json_schema import published
from tradewind.config.reference_page import markdown


def check(file: File = None, as_json: AsJson = False) -> None:
    """Check the configuration, and print every mistake in it. Exit code 2 if there is one."""
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
    environment: OptionalEnv = None,
    file: File = None,
    as_json: AsJson = False,
) -> None:
    """Print the configuration with every default filled in, as YAML."""
    config = load(configuration_file(file))
    if environment is None:
        values = show.whole(config)
    else:
        values = show.one_environment(
            config.local_environment if environment == LOCAL else config.environment(environment)
        )
    if as_json:
        terminal.data_json(values)
    else:
        terminal.data(yaml.safe_dump(values, sort_keys=False, allow_unicode=True).rstrip("\n"))


def schema() -> None:
    """Print the JSON Schema of the configuration, for editors."""
    terminal.data(json.dumps(published(), indent=2, ensure_ascii=False))


def reference() -> None:
    """Print the reference page of the configuration, in Markdown."""
    terminal.data(markdown().rstrip("\n"))
