"""``tradewind down``: stop the platform on this machine."""

from __future__ import annotations

from typing import Annotated

import typer

from tradewind.cli import options, terminal
from tradewind.cli.options import LOCAL, File, HereOnly
from tradewind.cli.progress import progress
from tradewind.local import lock
from tradewind.local.platform import NOT_RUNNING, Platform, told


def down(
    now: Annotated[bool, typer.Option("--now", help="Do not wait for running tasks.")] = False,
    wipe: Annotated[bool, typer.Option("--wipe", help="Also remove the database, logs, secrets and output.")] = False,
    _: HereOnly = LOCAL,
    file: File = None,
) -> None:
    """Stop the platform of this machine. Workers finish their tasks first. Exit code 0 also if it is not running."""
    platform = options.platform(file)
    if stop(platform, now):
        terminal.say("stopped")
    else:
        terminal.say(NOT_RUNNING)
    if wipe:
        platform.state_dir.wipe()
        terminal.say(f"removed {platform.state_dir.root}")


def stop(platform: Platform, now: bool = False) -> bool:
    """Stop the platform, and show progress. Return whether anything was running."""
    running = platform.left()
    there = bool(running) or lock.is_held(platform.state_dir.lock)
    if running:
        terminal.say(f"the supervisor was killed; {told(running)}; stopping them")
    with progress() as display:
        for status in platform.stop(now):
            display.show(status)
    return there
