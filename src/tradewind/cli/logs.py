"""``tradewind logs``: print the logs of the processes on this machine."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from tradewind.cli import options, terminal
from tradewind.cli.options import LOCAL, File, HereOnly
from tradewind.errors import ExitCode, TradewindError
from tradewind.local.platform import AFTER_A_KILL, Platform, last_lines, told

POLL_S = 0.2
COLOURS = ("cyan", "green", "yellow", "magenta", "blue", "bright_red")


def logs(
    service: Annotated[str | None, typer.Argument(help="Only this service, or this process (worker-2).")] = None,
    follow_: Annotated[bool, typer.Option("--follow", "-f", help="Print new lines until Ctrl-C.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="The number of earlier lines to print.")] = 20,
    _: HereOnly = LOCAL,
    file: File = None,
) -> None:
    """Print the logs of this machine: the last lines, or --follow. Also works while the platform is stopped."""
    platform = options.platform(file)
    files = _files(platform, service)
    for name, path in files.items():
        for line in last_lines(path, lines).splitlines() if lines else []:
            _print(name, line)
    if running := platform.left():
        terminal.say(f"note: the supervisor was killed; {told(running)}")
        terminal.say(f"hint: {AFTER_A_KILL}")
    if follow_:
        follow(platform, service)


def follow(platform: Platform, service: str | None) -> None:
    """Print new log lines until Ctrl-C, also of processes that start meanwhile."""
    positions = {path: path.stat().st_size for path in _files(platform, service).values()}
    while True:
        for name, path in _files(platform, service).items():
            for line in _new_lines(path, positions):
                _print(name, line)
        time.sleep(POLL_S)


def _new_lines(path: Path, positions: dict[Path, int]) -> Iterator[str]:
    size = path.stat().st_size
    start = positions.get(path, 0)
    if size < start:
        start = 0  # rotated
    with path.open("rb") as stream:
        stream.seek(start)
        data = stream.read(size - start)
    complete = data.rfind(b"\n") + 1
    positions[path] = start + complete
    yield from data[:complete].decode(errors="replace").splitlines()


def _files(platform: Platform, service: str | None) -> dict[str, Path]:
    found = {path.stem: path for path in sorted(platform.state_dir.logs.glob("*.log"))}
    if service is None:
        return found
    wanted = {name: path for name, path in found.items() if name == service or name.rsplit("-", 1)[0] == service}
    if not wanted:
        raise TradewindError(
            f"there is no log of {service!r}",
            "" if found else "the platform was never started here",
            f"logs: {', '.join(found)}" if found else "tradewind up",
            code=ExitCode.USAGE,
        )
    return wanted


def _print(name: str, line: str) -> None:
    if terminal.out().is_terminal:
        colour = COLOURS[sum(name.encode()) % len(COLOURS)]
        terminal.out().print(f"{name:<14}", style=colour, end=" ", markup=False)
    else:
        line = f"{name:<14} {line}"
    terminal.data(line)
