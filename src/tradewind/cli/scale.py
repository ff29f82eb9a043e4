"""``tradewind scale``: change the number of workers on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from tradewind.cli import options, terminal
from tradewind.cli.options import LOCAL, File, HereOnly
from tradewind.cli.restart import wait
from tradewind.local.supervisor_requests import FixWorkers, GetStatus

WORKER = "worker"


def scale(
    workers: Annotated[int, typer.Option("--workers", metavar="NUMBER", min=0, max=16, help="The number of workers.")],
    _: HereOnly = LOCAL,
    file: File = None,
) -> None:
    """Set the number of workers of this machine. Removed workers finish their tasks first."""
    platform = options.platform(file)
    platform.ask(FixWorkers(WORKER, workers))
    wait(platform, lambda status: len(_working(status)) >= workers)
    if len(_working(platform.ask(GetStatus()))) > workers:
        terminal.say("some workers finish their tasks before they stop: tradewind status")


def _working(status: Mapping[str, Any]) -> list[str]:
    return [row["name"] for row in status["processes"] if row["service"] == WORKER and row["wanted"] and row["healthy"]]
