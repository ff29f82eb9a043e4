"""The problems of a configuration, as records: collected, ordered and printed all at once."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from tradewind.errors import ExitCode, TradewindError

KeyPath = tuple[str | int, ...]
"""The path of a value: keys of mappings and zero-based indexes of lists, from the top of the file."""

SHOWN = 60
"""A value longer than this many characters is cut in messages."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem of a configuration.

    ``path`` is dotted (``environments.dev.web.min``, ``accounts.one.alert_emails[0]``) and empty for the file as
    a whole. ``value`` is the value in the file, shortened; None if it is absent or may be a secret. ``allowed``
    and ``nearest`` name valid keys or values. ``line`` and ``column`` count from 1.
    """

    path: str
    message: str
    value: str | None = None
    allowed: tuple[str, ...] = ()
    nearest: str | None = None
    line: int | None = None
    column: int | None = None

    def text(self, file: str) -> str:
        """One line, in the form that editors and CI can jump to: ``file:line:column: path: message``."""
        place = ":".join([file, *(str(number) for number in (self.line, self.column) if number is not None)])
        parts = [place, *([self.path] if self.path else []), self.message]
        got = f", got {self.value}" if self.value is not None else ""
        nearest = f"; did you mean `{self.nearest}`?" if self.nearest else ""
        allowed = f" (allowed: {', '.join(self.allowed)})" if self.allowed else ""
        return ": ".join(parts) + got + nearest + allowed

    def as_dict(self) -> dict[str, Any]:
        """The problem as plain data, for ``--json``."""
        return {**asdict(self), "allowed": list(self.allowed)}


@dataclass(frozen=True, slots=True)
class Finding:
    """A violated rule between settings, before its position in the file is known.

    ``paths`` are the settings that the rule reads; the setting to change is the first. If one of them is invalid, the
    finding has no meaning and is dropped.
    """

    paths: tuple[KeyPath, ...]
    message: str
    value: str | None = None
    allowed: tuple[str, ...] = ()
    nearest: str | None = None


class ConfigError(TradewindError):
    """A configuration that cannot be used, with all its problems.

    ``problems`` is in file order; ``lines`` has the printed line of each.
    """

    def __init__(self, file: str, problems: Iterable[Problem]) -> None:
        """``file`` is the name of the file in messages."""
        self.file = file
        self.problems = tuple(sorted(problems, key=lambda one: (one.line or 0, one.column or 0)))
        count = len(self.problems)
        super().__init__(
            f"{count} {'problem' if count == 1 else 'problems'} in {file}",
            hint="`tradewind config reference` describes every key",
            code=ExitCode.USAGE,
        )

    @property
    def lines(self) -> tuple[str, ...]:
        """One line for each problem."""
        return tuple(problem.text(self.file) for problem in self.problems)

    def __str__(self) -> str:
        """The count and every problem, one on each line."""
        return "\n".join([self.what, *self.lines])


def nearest(word: object, allowed: Sequence[str]) -> str | None:
    """The valid name that ``word`` most resembles, or None if none is close."""
    if not isinstance(word, str):
        return None
    by_lower = {name.lower(): name for name in allowed}
    found = difflib.get_close_matches(word.lower(), list(by_lower), n=1, cutoff=0.6)
    return by_lower[found[0]] if found else None


def shortened(text: str) -> str:
    """The text on one line, cut to ``SHOWN`` characters, with unprintable characters escaped."""
    line = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in " ".join(text.split()))
    return line if len(line) <= SHOWN else line[: SHOWN - 3] + "..."
