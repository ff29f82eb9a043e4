"""Errors that a person reads: what happened, why, and what to run next."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Any


class ExitCode(IntEnum):
    """Exit codes of every ``tradewind`` command."""

    OK = 0
    FAILED = 1  # the command was understood, and what it tried did not succeed
    USAGE = 2  # a wrong argument or a wrong configuration: nothing was touched
    UNHEALTHY = 3  # a read succeeded, and what it looked at is not in order
    INTERRUPTED = 130  # Ctrl-C


class TradewindError(Exception):
    """A failure that the user can act on.

    Args:
        what: what happened, one sentence without a full stop.
        why: the cause, as far as it is known.
        hint: the command to run or the setting to change next.
        code: the exit code of the command.
    """

    def __init__(self, what: str, why: str = "", hint: str = "", *, code: ExitCode = ExitCode.FAILED) -> None:
        super().__init__(what)
        self.what = what
        self.why = why
        self.hint = hint
        self.code = code

    def or_else(self, hint: str) -> TradewindError:
        """The same error with something else to do, besides what it says already."""
        self.hint = f"{self.hint}; or {hint}" if self.hint else hint
        return self

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {"what": self.what, "why": self.why, "hint": self.hint, "code": int(self.code)}

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> TradewindError:
        """What ``as_dict`` gave."""
        return cls(document["what"], document["why"], document["hint"], code=ExitCode(document["code"]))

    def __str__(self) -> str:
        return f"{self.what}: {self.why}" if self.why else self.what


def printable(text: str) -> str:
    """Text that a DAG or its author wrote, such as an exception's, without what drives a terminal."""
    return "".join(c if c.isprintable() or c in "\n\t" else "\N{REPLACEMENT CHARACTER}" for c in text)
