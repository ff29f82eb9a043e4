"""Progress of the tasks of a DAG run: a live table in a terminal, one line per change in a log.

A mapped task has one line with counts, even if it has many instances.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from tradewind.cli import terminal

STYLES = {
    "success": "green",
    "running": "yellow",
    "failed": "bold red",
    "upstream_failed": "red",
    "up_for_retry": "red",
    "queued": "cyan",
}
EVERY_S = 10.0
"""Seconds between two lines about a mapped task in a log. The first failure and the last end are logged at once."""
BAD = ("failed", "upstream_failed", "up_for_retry")
_ENDED = frozenset({"success", "failed", "upstream_failed", "skipped", "removed"})
Show = Callable[[list["Tally"], bool], None]
"""Shows the current tallies. The second argument: whether the run has ended."""
_OTHERS = 4
"""Lines of the terminal that the table leaves free for other output."""


@dataclass(frozen=True)
class Tally:
    """A task, and the number of its instances by state. ``duration``: in seconds; None for a mapped task."""

    name: str
    states: Mapping[str | None, int]
    mapped: bool = False
    duration: float | None = None

    @property
    def total(self) -> int:
        """The number of instances."""
        return sum(self.states.values())

    @property
    def ended(self) -> bool:
        """Whether every instance has reached a final state."""
        return set(self.states) <= _ENDED

    @property
    def bad(self) -> int:
        """How many instances have failed, did not run because an upstream task failed, or wait for a retry."""
        return sum(self.states.get(state, 0) for state in BAD)

    @property
    def text(self) -> str:
        """``running``, or ``12 of 300 success, 16 running``; empty if no instance has a state yet."""
        if not self.mapped:
            return next(iter(self.states)) or ""
        others = [
            f"{self.states[state]:,} {state}" for state in sorted(filter(None, self.states)) if state != "success"
        ]
        return ", ".join([f"{self.states.get('success', 0):,} of {self.total:,} success", *others])

    @property
    def style(self) -> str:
        """The color of the most important state."""
        state = next((state for state in (*BAD, "running", "queued", "success") if state in self.states), "")
        return STYLES.get(state, "dim")


def tally(tasks: Iterable[Mapping[str, Any]]) -> list[Tally]:
    """One Tally for each task, in the order in which the tasks first appear."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for task in tasks:
        found.setdefault(task["task_id"], []).append(task)
    return [
        Tally(
            name,
            Counter(row["state"] for row in rows),
            mapped=rows[0]["map_index"] >= 0,
            duration=rows[0]["duration"] if rows[0]["map_index"] < 0 else None,
        )
        for name, rows in found.items()
    ]


@contextmanager
def display() -> Iterator[Show]:
    """A function that shows tallies on stderr during the block."""
    if not terminal.interactive():
        yield Lines(terminal.say).show
        return
    with Live(console=terminal.talk(), refresh_per_second=8) as live:
        yield lambda tallies, _last: live.update(table(tallies, terminal.talk().height - _OTHERS))


@dataclass
class Lines:
    """Prints a line for each change. ``clock`` returns seconds."""

    say: Callable[[str], None]
    clock: Callable[[], float] = time.monotonic
    _said: dict[str, str] = field(default_factory=dict)
    _bad: dict[str, int] = field(default_factory=dict)
    _when: dict[str, float] = field(default_factory=dict)

    def show(self, tallies: Iterable[Tally], last: bool) -> None:
        """Print the lines that are due; with ``last``, all changes."""
        for entry in tallies:
            if entry.text and self._said.get(entry.name) != entry.text and (last or self._due(entry)):
                self._said[entry.name], self._bad[entry.name] = entry.text, entry.bad
                self._when[entry.name] = self.clock()
                self.say(f"  {entry.name:<24} {entry.text}")

    def _due(self, entry: Tally) -> bool:
        if not entry.mapped or entry.ended or entry.name not in self._when:
            return True
        first_bad = bool(entry.bad) and not self._bad[entry.name]
        return first_bad or self.clock() - self._when[entry.name] >= EVERY_S


def table(tallies: list[Tally], height: int) -> Table | Group:
    """All tasks, or as many as fit into ``height`` lines. Failing and running tasks have priority."""
    shown = tallies
    if len(tallies) > height:
        shown = sorted(tallies, key=_importance)[: max(height - 1, 1)]
    rows = Table(box=None, show_header=False, pad_edge=False)
    for entry in tallies:
        if any(entry is other for other in shown):
            duration = f"{entry.duration:.1f} s" if entry.duration else ""
            rows.add_row("", entry.name, Text(entry.text or "-", style=entry.style), Text(duration, style="dim"))
    if len(shown) == len(tallies):
        return rows
    hidden = Counter(_kind(entry) for entry in tallies if not any(entry is other for other in shown))
    more = ", ".join(f"{count:,} {kind}" for kind, count in hidden.most_common())
    return Group(rows, Text(f"  and {len(tallies) - len(shown):,} more: {more}", style="dim"))


def _kind(entry: Tally) -> str:
    if entry.ended:
        return "ended"
    return "under way" if any(entry.states) else "not begun"


def _importance(entry: Tally) -> int:
    if entry.bad:
        return 0
    if entry.ended:
        return 3
    return 1 if "running" in entry.states else 2
