"""The command tree. A command's module is loaded when the command is called, so that each starts as fast as it can."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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


class _Loaded(Mapping[str, Any]):
    """The commands by their names, each loaded when it is asked for."""

    def __init__(self) -> None:
        self._loaded: dict[str, Any] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(_COMMANDS)

    def __len__(self) -> int:
        return len(_COMMANDS)

    def __getitem__(self, name: str) -> Any:
        if name not in self._loaded:
            module, _, found_as = _COMMANDS[name].partition(":")
            found = getattr(import_module(f"tradewind.cli.{module}"), found_as)
            parent = typer.Typer(**_STYLE)
            parent.callback()(lambda: None)  # makes it a group, also of one
            if isinstance(found, typer.Typer):
                parent.add_typer(found, name=name)
            else:
                parent.command(name, hidden=name in _HIDDEN)(found)
            group: Any = typer.main.get_command(parent)
            self._loaded[name] = group.commands[name]
        return self._loaded[name]


class Commands(TyperGroup):
    """The root of the tree."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        loaded: Any = _Loaded()
        self.commands = loaded


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
