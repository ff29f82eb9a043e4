"""``tradewind scale``: change the number of workers on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from tradewind.cli import options, terminal
from tradewind.cli.options import File
from tradewind.cli.restart import wait
from tradewind.local.supervisor_requests import FixWorkers, GetStatus


def scale(
    service: Annotated[str, typer.Argument(help="worker")],
    count: Annotated[int, typer.Argument(min=0, max=16, help="How many of them.")],
    file: File = None,
) -> None:
    """Run COUNT workers from now on. Those that leave finish their tasks first."""
    platform = options.platform(file)
    platform.ask(FixWorkers(service, count))
    wait(platform, lambda status: len(_taking(status, service)) >= count)
    if len(_taking(platform.ask(GetStatus()), service)) > count:
        terminal.say("those that leave finish their tasks first: tradewind status")


def _taking(status: Mapping[str, Any], service: str) -> list[str]:
    return [
        row["name"] for row in status["processes"] if row["service"] == service and row["wanted"] and row["healthy"]
    ]
