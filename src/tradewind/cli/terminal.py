"""The only module that prints: results on stdout, progress and errors on stderr."""

from __future__ import annotations

import json
import os
import sys
from functools import cache
from typing import TYPE_CHECKING, Any

from tradewind.errors import TradewindError

if TYPE_CHECKING:  # loaded at the first use
    from rich.console import Console
    from rich.table import Table


# rich reads NO_COLOR; TERM=dumb and pipes switch colors off, too.
@cache
def out() -> Console:
    """The console for tables on stdout."""
    from rich.console import Console

    return Console(markup=False, soft_wrap=True, highlight=False)


@cache
def talk() -> Console:
    """The console for progress and messages on stderr."""
    from rich.console import Console

    return Console(stderr=True, soft_wrap=True, highlight=False)


def data(text: str) -> None:
    """Write one line of result to stdout, exactly as given."""
    sys.stdout.write(text + "\n")


def data_json(value: Any) -> None:
    """Write one JSON document to stdout."""
    data(json_text(value))


def json_text(value: Any) -> str:
    """A JSON document with sorted keys and two spaces, so that outputs can be compared."""
    return json.dumps(value, indent=2, sort_keys=True, default=str)


def table(columns: list[str], rows: list[list[str]]) -> None:
    """Write a plain table to stdout. Wide content is never cut: a pipe or a log has no width."""
    if out().is_terminal:
        out().print(_grid(columns, rows, wrap=True))
    else:
        data(table_text(columns, rows))


def table_text(columns: list[str], rows: list[list[str]]) -> str:
    """The same table for a file, a pipe or a log."""
    from rich.console import Console

    wide = Console(file=sys.stdout, width=400, markup=False, soft_wrap=True, highlight=False, no_color=True)
    with wide.capture() as captured:
        wide.print(_grid(columns, rows, wrap=False))
    return "\n".join(line.rstrip() for line in captured.get().rstrip("\n").split("\n"))


def _grid(columns: list[str], rows: list[list[str]], *, wrap: bool) -> Table:
    from rich.table import Table

    grid = Table(box=None, pad_edge=False, header_style="bold", show_edge=False)
    for column in columns:
        grid.add_column(column, overflow="fold", no_wrap=not wrap)
    for row in rows:
        grid.add_row(*row)
    return grid


def say(text: str, style: str | None = None) -> None:
    """Print one line of progress, a note or a hint on stderr."""
    talk().print(text, style=style, markup=False)


def fail(error: TradewindError) -> None:
    """Print an error as ``error: what: why`` on stderr, and its hint on the next line."""
    talk().print("error:", style="bold red", end=" ")
    talk().print(str(error), markup=False)
    if error.hint:
        talk().print("hint:", style="bold cyan", end=" ")
        talk().print(error.hint, markup=False)


def interactive() -> bool:
    """Whether stderr is a terminal, outside a CI job."""
    return talk().is_terminal and not os.environ.get("CI")
