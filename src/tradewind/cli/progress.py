"""Progress of processes that start, stop or change: a live table in a terminal, one line per change in a log."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
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
    "abandoned": "red",
    "failed": "bold red",
}
BUSY = {"starting", "stopping", "back-off"}


class Progress:
    """Shows how each status differs from the status before."""

    def __init__(self, live: Live | None, began: float) -> None:
        self._live = live
        self._began = began
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
            before = self._seen[name][0] if name in self._seen else None
            if state == before:
                continue
            self._seen[name] = (state, self.elapsed_s)
            # A process that never ran is not reported when it stops.
            silent = state == "waiting" or (state == "stopped" and before in {None, "waiting"})
            if self._live is None and not silent:
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
def progress(began: float | None = None) -> Iterator[Progress]:
    """A progress display on stderr during the block. ``began``: the start, on the monotonic clock; default: now."""
    began = time.monotonic() if began is None else began
    if not terminal.interactive():
        yield Progress(None, began)
        return
    with Live(console=terminal.talk(), refresh_per_second=12, transient=False) as live:
        yield Progress(live, began)


@contextmanager
def bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on stderr, in a terminal only. Yields a function that takes the number done and the total."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Bar(*columns, console=terminal.talk(), transient=True, disable=not terminal.interactive()) as shown:
        task = shown.add_task(what, total=None)
        yield lambda done, of: shown.update(task, completed=done, total=of)
