"""Shared by the commands that run Terraform: show progress by resource, print the changes of a plan."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.live import Live
from rich.table import Table
from rich.text import Text

from tradewind.cli import terminal
from tradewind.infrastructure.plan_summary import Action, Change, Summary
from tradewind.infrastructure.terraform import Listener, Message

MARKS = {Action.CREATE: "+", Action.UPDATE: "~", Action.REPLACE: "±", Action.DESTROY: "-", Action.FORGET: "."}
VERBS = {"create": "creating", "update": "changing", "delete": "destroying", "read": "reading", "replace": "replacing"}


@contextmanager
def progress(title: str) -> Iterator[Listener]:
    """A listener that shows Terraform's progress on stderr: a live table in a terminal, one line per event in a log."""
    began = time.monotonic()
    terminal.say(title)
    if not terminal.interactive():
        yield lambda message: _line(message, time.monotonic() - began)
        return
    with Live(console=terminal.talk(), refresh_per_second=4, transient=True) as live:
        display = _Display(live)
        yield display.listen


class _Display:
    """The resources that Terraform works on, and how many are done."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._busy: dict[str, tuple[str, float]] = {}
        self._done = 0
        self._planned = 0

    def listen(self, message: Message) -> None:
        """Process one message of Terraform."""
        hook = message.fields.get("hook", {})
        if message.kind in {"apply_start", "refresh_start"}:
            self._busy[message.address] = (VERBS.get(hook.get("action", "read"), "reading"), time.monotonic())
        elif message.kind in {"apply_complete", "refresh_complete", "apply_errored"}:
            self._busy.pop(message.address, None)
            self._done += 1
        elif message.kind == "planned_change":
            self._planned += 1
        self._live.update(self._table())

    def _table(self) -> Table:
        table = Table(box=None, show_header=False, pad_edge=False)
        for address, (verb, since) in list(self._busy.items())[-12:]:
            table.add_row(Text(verb, style="yellow"), address, Text(f"{time.monotonic() - since:.0f} s", style="dim"))
        table.add_row(Text("done", style="dim"), Text(str(self._done or self._planned), style="dim"), "")
        return table


def _line(message: Message, elapsed_s: float) -> None:
    if message.kind == "apply_start":
        verb = VERBS.get(message.fields["hook"]["action"], "reading")
        terminal.say(f"{elapsed_s:7.1f} s  {verb:<10}  {message.address}")
    elif message.kind == "apply_complete":
        terminal.say(f"{elapsed_s:7.1f} s  {'done':<10}  {message.address}")
    elif message.kind == "apply_errored":
        terminal.say(f"{elapsed_s:7.1f} s  {'failed':<10}  {message.address}")


def show(name: str, summary: Summary, *, every: bool) -> None:
    """Print the changes of a plan. ``every``: also print each created resource, instead of their number by module."""
    if summary.empty:
        terminal.data(f"{name}: nothing to change")
        return
    terminal.data(f"{name}: {headline(summary)}")
    created = [change for change in summary.changes if change.action is Action.CREATE]
    for change in summary.changes:
        if change.action is not Action.CREATE or every:
            terminal.data(_row(change))
    if created and not every:
        for part, count in sorted(_by_part(created).items()):
            terminal.data(f"  + {part:<28}{count:>4}")
    for change in summary.losses:
        terminal.data(f"  LOSES DATA: {change.address} holds {change.loses}")


def headline(summary: Summary) -> str:
    """The counts of a plan, in words."""
    words = {Action.CREATE: "to create", Action.UPDATE: "to change", Action.REPLACE: "to replace"}
    words |= {Action.DESTROY: "to destroy", Action.FORGET: "to forget"}
    counts = [f"{summary.count(action)} {text}" for action, text in words.items() if summary.count(action)]
    return ", ".join(counts) or "only outputs change"


def _row(change: Change) -> str:
    because = f"  because {', '.join(change.because)} cannot be changed" if change.because else ""
    return f"  {MARKS[change.action]} {change.action.value:<8} {change.address}{because}"


def _by_part(changes: list[Change]) -> dict[str, int]:
    """The number of changes by part of a stack: each module (all instances together), and the stack itself."""
    counts: dict[str, int] = {}
    for change in changes:
        first, _, rest = change.address.partition(".")
        part = rest.partition(".")[0].partition("[")[0] if first == "module" else "(the stack itself)"
        counts[part] = counts.get(part, 0) + 1
    return counts
