"""The command tree. A command's module is loaded when the command is called, so that each starts as fast as it can."""

from __future__ import annotations

from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import tradewind
from tradewind.cli import terminal

_COMMANDS = {
    "up": "up:up",
    "status": "status:status",
    "logs": "logs:logs",
    "run": "run:run",
    "restart": "restart:restart",
    "scale": "scale:scale",
    "down": "down:down",
    "services": "services:services",
    "bootstrap": "bootstrap:bootstrap",
    "plan": "plan:plan",
    "apply": "apply:apply",
    "destroy": "destroy:destroy",
    "drift": "drift:drift",
    "output": "output:output",
    "unlock": "unlock:unlock",
    "audit": "audit:audit",
    "reference": "reference:reference",
    "history": "release:history",
    "config": "config:app",
    "dags": "dags:app",
    "images": "images:app",
    "release": "release:app",
}
"""In the order of ``--help``: the module here, and what it calls the command or the group of commands."""
_HIDDEN = frozenset({"reference"})
_STYLE: dict[str, Any] = {"pretty_exceptions_enable": False, "rich_markup_mode": None}


class Commands(TyperGroup):
    """The commands by their names."""

    def list_commands(self, ctx: Any) -> list[str]:
        """All names, in order."""
        return list(_COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """One command, or None where there is none of that name."""
        if cmd_name not in _COMMANDS:  # then all are looked through for what may have been meant
            for name in _COMMANDS:
                self.get_command(ctx, name)
        elif cmd_name not in self.commands:
            module, _, name = _COMMANDS[cmd_name].partition(":")
            found = getattr(import_module(f"tradewind.cli.{module}"), name)
            parent = typer.Typer(**_STYLE)
            parent.callback()(lambda: None)  # makes it a group, also of one
            if isinstance(found, typer.Typer):
                parent.add_typer(found, name=cmd_name)
            else:
                parent.command(cmd_name, hidden=cmd_name in _HIDDEN)(found)
            group: Any = typer.main.get_command(parent)
            self.commands[cmd_name] = group.commands[cmd_name]
        return self.commands.get(cmd_name)


app = typer.Typer(
    name="tradewind",
    cls=Commands,
    help="Deploy and operate Apache Airflow at large scale on AWS; run the same platform on one machine.",
    no_args_is_help=True,
    add_completion=True,
    **_STYLE,
)


def _version(value: bool) -> None:
    if value:
        terminal.data(tradewind.__version__)
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Deploy and operate Apache Airflow at large scale on AWS; run the same platform on one machine."""
