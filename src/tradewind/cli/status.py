"""``tradewind status``: the processes of the platform on this machine."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer
from rich.live import Live
from rich.table import Table
from rich.text import Text

from tradewind.cli import options, terminal
from tradewind.cli.options import LOCAL, AsJson, File, HereOnly
from tradewind.cli.progress import STYLES
from tradewind.errors import ExitCode
from tradewind.local import lock, orphans
from tradewind.local.platform import Platform

WATCH_S = 2.0
COLUMNS = ["SERVICE", "STATE", "PID", "UPTIME", "CPU", "MEMORY", "RESTARTS", "URL"]


def status(
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Refresh the table until Ctrl-C.")] = False,
    _: HereOnly = LOCAL,
    file: File = None,
    as_json: AsJson = False,
) -> None:
    """Show the processes of this machine, and their health.

    Exit code 0: all processes are healthy. Exit code 3: a process is not healthy, or the platform is not running.
    """
    platform = options.platform(file)
    if watch and not as_json:
        _watch(platform)
    report = platform.status(usage=True)
    if as_json:
        terminal.data_json(report or absent(platform))
    elif report is None:
        _say_absent(platform)
    else:
        terminal.table(COLUMNS, [cells(row) for row in report["processes"]])
        for row in report["processes"]:
            if row["problem"]:
                terminal.say(f"{row['name']}: {row['problem']}")
        for remark in report["remarks"]:
            terminal.say(f"note: {remark}")
    if report is None or not report["healthy"]:
        raise typer.Exit(ExitCode.UNHEALTHY)


def absent(platform: Platform) -> dict[str, Any]:
    """The report if no supervisor answers. It lists the processes that a killed supervisor left running."""
    found: dict[str, Any] = {"version": 1, "healthy": False, "supervisor": "none", "processes": []}
    if lock.is_held(platform.state_dir.lock):
        return {**found, "supervisor": "silent"}
    if running := platform.left():
        return {**found, "supervisor": "killed", "processes": orphans.rows(platform.state_dir, running)}
    return found


def _say_absent(platform: Platform) -> None:
    if rows := absent(platform)["processes"]:
        terminal.table(COLUMNS, [cells(row) for row in rows])
    error = platform.missing()
    terminal.say(str(error))
    terminal.say(f"hint: {error.hint}")


def cells(row: dict[str, Any]) -> list[str]:
    """One process as the cells of a table."""
    return [
        row["name"],
        row["state"],
        str(row["pid"] or "-"),
        duration(row["uptime_s"]),
        "-" if row["cpu_s"] is None else f"{row['cpu_s']:.1f} s",
        "-" if row["memory_mb"] is None else f"{row['memory_mb']:.0f} MB",
        str(row["restarts"]),
        row["url"] or "-",
    ]


def duration(seconds: float | None) -> str:
    """``42 s``, ``5 min``, ``3 h``, ``2 d``."""
    if seconds is None:
        return "-"
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def _watch(platform: Platform) -> None:
    """Refresh the table until no supervisor answers."""
    before: dict[str, tuple[float, float]] = {}
    with Live(console=terminal.out(), screen=terminal.out().is_terminal, auto_refresh=False) as live:
        while (report := platform.status(usage=True)) is not None:
            live.update(_live_table(report, before), refresh=True)
            time.sleep(WATCH_S)


def _live_table(report: dict[str, Any], before: dict[str, tuple[float, float]]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in COLUMNS:
        table.add_column(column)
    now = time.monotonic()
    for row in report["processes"]:
        shown: list[str | Text] = list(cells(row))
        shown[1] = Text(row["state"], style=STYLES.get(row["state"], ""))
        if row["cpu_s"] is not None:
            if row["name"] in before:
                then, cpu = before[row["name"]]
                shown[4] = f"{max(0.0, 100 * (row['cpu_s'] - cpu) / (now - then)):.0f} %"
            before[row["name"]] = (now, row["cpu_s"])
        table.add_row(*shown)
    return table
