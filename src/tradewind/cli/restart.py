"""``tradewind restart``: restart a service of the platform on this machine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import typer

from tradewind.cli import options, terminal
from tradewind.cli.options import LOCAL, File, HereOnly
from tradewind.cli.progress import progress
from tradewind.local.platform import Platform
from tradewind.local.supervisor_requests import RestartService


def restart(
    service: Annotated[str, typer.Argument(help="The service, or one process of it (worker-2).")],
    _: HereOnly = LOCAL,
    file: File = None,
) -> None:
    """Restart a service of this machine. Workers finish their tasks first. Return when the platform is healthy."""
    platform = options.platform(file)
    platform.ask(RestartService(service))
    wait(platform)


def wait(platform: Platform, until: Callable[[dict[str, Any]], bool] = lambda _: True) -> None:
    """Show progress until the platform is healthy and ``until`` returns true for its status."""
    with progress() as display:
        for status in platform.wait_until_healthy(until):
            display.show(status)
    terminal.say(f"healthy after {display.elapsed_s:.1f} s")
