"""``tradewind scale``: change the number of workers on this machine."""

from __future__ import annotations

from typing import Annotated

import typer

from tradewind.cli import options
from tradewind.cli.options import File
from tradewind.cli.restart import wait


def scale(
    service: Annotated[str, typer.Argument(help="worker")],
    count: Annotated[int, typer.Argument(min=0, max=16, help="How many of them.")],
    file: File = None,
) -> None:
    """Run COUNT workers from now on. Those that leave finish their tasks first."""
    platform = options.platform(file)
    platform.ask(do="scale", service=service, count=count)
    wait(
        platform, lambda status: sum(row["wanted"] for row in status["processes"] if row["service"] == service) == count
    )
