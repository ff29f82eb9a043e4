"""Options that several commands share, and what they mean: a project, an environment of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:  # what takes long to load is loaded by those who need it
    from tradewind.environments.interface import Environment
    from tradewind.environments.outside import Outside
    from tradewind.environments.project import Project
    from tradewind.local.platform import Platform

File = Annotated[
    Path | None,
    typer.Option("--file", help="The configuration. When not given: tradewind.yaml here or in a folder above."),
]
EnvironmentName = Annotated[str, typer.Argument(help="The environment: `local` is the platform on this machine.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]

_OUTSIDE: ContextVar[Outside] = ContextVar("outside")


@contextmanager
def using(given: Outside) -> Iterator[None]:
    """Every command that is called in the block uses ``given``."""
    token = _OUTSIDE.set(given)
    try:
        yield
    finally:
        _OUTSIDE.reset(token)


def configuration_file(file: Path | None) -> Path:
    """The file that was given, or the one found here or in a folder above. TradewindError where there is none."""
    if file is not None:
        return file
    from tradewind.config import find

    here = Path.cwd()
    found = find(here)
    # Relative where that is shorter to read: the path stands in front of every message about the file.
    return found.relative_to(here) if found.is_relative_to(here) else found


def project(file: Path | None) -> Project:
    """The project of a configuration, with what the running command uses. It is read when it is first asked."""
    from tradewind.environments.outside import Outside
    from tradewind.environments.project import Project

    return Project(configuration_file(file), _OUTSIDE.get(Outside()))


def environment(file: Path | None, name: str) -> Environment:
    """An environment of a configuration. TradewindError, with the nearest name, where there is none."""
    return project(file).environment(name)


def platform(file: Path | None) -> Platform:
    """The platform of this machine that belongs to the configuration, running or not."""
    from tradewind.local.paths import Home
    from tradewind.local.platform import Platform

    return Platform(Home.beside(configuration_file(file)))
