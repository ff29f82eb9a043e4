"""Shows how processes come up, go down or change: a live table for a person, one line a change for a log."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from tradewind.cli import terminal

STYLES = {
    "healthy": "green",
    "done": "green",
    "starting": "yellow",
    "waiting": "dim",
    "stopping": "yellow",
    "stopped": "dim",
    "unhealthy": "red",
    "back-off": "red",
    "crash-loop": "bold red",
    "failed": "bold red",
}
BUSY = {"starting", "stopping", "back-off"}


class Progress:
    """Takes in one status after another and shows what changed."""

    def __init__(self, live: Live | None) -> None:
        self._live = live
        self._began = time.monotonic()
        self._seen: dict[str, tuple[str, float]] = {}
        self._spinners: dict[str, Spinner] = {}

    @property
    def elapsed_s(self) -> float:
        """Seconds since the display began."""
        return time.monotonic() - self._began

    def show(self, status: dict[str, Any]) -> None:
        """Show a status (see docs/reference/json.md)."""
        for row in status["processes"]:
            name, state = row["name"], row["state"]
            if name in self._seen and self._seen[name][0] == state:
                continue
            self._seen[name] = (state, self.elapsed_s)
            if self._live is None and state != "waiting":
                reason = f"  {row['problem']}" if row["problem"] else ""
                terminal.say(f"{self.elapsed_s:6.1f} s  {name:<14} {state}{reason}")
        if self._live is not None:
            self._live.update(self._table(status["processes"]))

    def _table(self, rows: list[dict[str, Any]]) -> Table:
        table = Table(box=None, show_header=False, pad_edge=False)
        for row in rows:
            state, since = self._seen[row["name"]]
            mark: Spinner | Text = Text("●", style=STYLES.get(state, ""))
            if state in BUSY:
                mark = self._spinners.setdefault(row["name"], Spinner("dots"))
            when = f"{since:.1f} s" if state not in {"waiting", *BUSY} else ""
            table.add_row(mark, row["name"], Text(state, style=STYLES.get(state, "")), Text(when, style="dim"))
        return table


@contextmanager
def progress() -> Iterator[Progress]:
    """A progress display on stderr for as long as the block lasts."""
    if not terminal.interactive():
        yield Progress(None)
        return
    with Live(console=terminal.talk, refresh_per_second=12, transient=False) as live:
        yield Progress(live)
