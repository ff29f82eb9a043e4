"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:  # what takes long to load is loaded by those who need it
    from tradewind.local.platform import Platform

File = Annotated[
    Path | None,
    typer.Option("--file", help="The configuration. When not given: tradewind.yaml here or in a folder above."),
]
LOCAL = "local"
"""The environment that is this machine."""
EnvironmentName = Annotated[str, typer.Argument(help="The environment: `local` is the platform on this machine.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def configuration_file(file: Path | None) -> Path:
    """The file that was given, or the one found here or in a folder above. TradewindError where there is none."""
    if file is not None:
        return file
    from tradewind.config import find

    here = Path.cwd()
    found = find(here)
    # Relative where that is shorter to read: the path stands in front of every message about the file.
    return found.relative_to(here) if found.is_relative_to(here) else found


def platform(file: Path | None) -> Platform:
    """The platform that belongs to the configuration, running or not."""
    from tradewind.local.paths import Home
    from tradewind.local.platform import Platform

    return Platform(Home.beside(configuration_file(file)))
