"""``tradewind restart``: restart a service of the platform on this machine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import typer

from tradewind.cli import options, terminal
from tradewind.cli.options import File
from tradewind.cli.progress import progress
from tradewind.local.platform import Platform
from tradewind.local.supervisor_requests import RestartService


def restart(
    service: Annotated[str, typer.Argument(help="The service, or one process of it (worker-2).")],
    file: File = None,
) -> None:
    """Restart a service, and wait until all is healthy again. Workers finish their tasks first."""
    platform = options.platform(file)
    platform.ask(RestartService(service))
    wait(platform)


def wait(platform: Platform, until: Callable[[dict[str, Any]], bool] = lambda _: True) -> None:
    """Show progress until all is healthy, and the status as ``until`` says."""
    with progress() as display:
        for status in platform.wait_until_healthy(until):
            display.show(status)
    terminal.say(f"healthy after {display.elapsed_s:.1f} s")
