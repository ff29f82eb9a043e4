"""The command tree. A command's module is imported only when the command is called, so that commands start fast."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import tradewind
from tradewind.cli import terminal

_COMMANDS: Mapping[str, str | Mapping[str, str]] = {
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
    "audit": "audit:audit",
    "environments": "environments:environments",
    "diagram": "diagram:diagram",
    "reference": "reference:reference",
    "config": {
        "check": "config:check",
        "show": "config:show_",
        "schema": "config:schema",
        "reference": "config:reference",
    },
    "dags": {
        "test": "dags_test:gate",
        "build": "dags:build",
        "deploy": "dags:deploy",
        "rollback": "dags:rollback",
        "list": "dags:list_",
        "diff": "dags:diff",
        "prune": "dags:prune",
    },
    "images": {
        "build": "images:build",
        "list": "images:list_",
        "check": "images:check",
        "sbom": "images:sbom",
        "push": "images:push",
        "scan": "images:scan",
    },
    "release": {
        "create": "release:create",
        "deploy": "release:deploy",
        "rollback": "release:rollback",
        "resume": "release:resume",
        "status": "release:status",
        "list": "release:list_",
        "show": "release:show",
        "diff": "release:diff",
        "lock": "release:lock",
        "unlock": "release:unlock",
        "history": "release:history",
    },
    "tf": {
        "unlock": "tf:unlock",
    },
}
"""Commands in the order of ``--help``. A value is ``module:function``, or a group of commands."""
_GROUPS = {
    "config": "Check, show and describe tradewind.yaml.",
    "dags": "Test DAG files; build, deploy and roll back DAG releases.",
    "images": "Build, check, push and list the images of the components.",
    "release": "Create, deploy, compare and roll back releases.",
    "tf": "Repair the Terraform state of an environment or an account.",
}
_HIDDEN = frozenset({"reference"})
_STYLE: dict[str, Any] = {"pretty_exceptions_enable": False, "rich_markup_mode": None}


class _Loaded(Mapping[str, Any]):
    """Commands by name. Each is loaded at its first use."""

    def __init__(self, places: Mapping[str, str | Mapping[str, str]]) -> None:
        self._places = places
        self._loaded: dict[str, Any] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, name: str) -> Any:
        if name not in self._loaded:
            place = self._places[name]
            self._loaded[name] = _command(name, place) if isinstance(place, str) else _group(name, place)
        return self._loaded[name]


def _command(name: str, place: str) -> Any:
    module, _, found_as = place.partition(":")
    parent = typer.Typer(**_STYLE)
    parent.callback()(lambda: None)  # with a callback, Typer makes a group even of one command
    parent.command(name, hidden=name in _HIDDEN)(getattr(import_module(f"tradewind.cli.{module}"), found_as))
    group: Any = typer.main.get_command(parent)
    return group.commands[name]


def _group(name: str, places: Mapping[str, str]) -> Any:
    parent = typer.Typer(name=name, help=_GROUPS[name], no_args_is_help=True, add_completion=False, **_STYLE)
    parent.callback()(lambda: None)
    group: Any = typer.main.get_command(parent)
    group.commands = _Loaded(places)
    return group


class Commands(TyperGroup):
    """The root of the tree."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        loaded: Any = _Loaded(_COMMANDS)
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
