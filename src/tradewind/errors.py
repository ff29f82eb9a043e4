"""Errors for the user: the failure, its cause, and the next command to run."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Any


class ExitCode(IntEnum):
    """Exit codes of every ``tradewind`` command."""

    OK = 0
    FAILED = 1  # the command was valid, and its operation failed
    USAGE = 2  # a wrong argument or a wrong configuration: nothing was changed
    UNHEALTHY = 3  # the command read the state, and the state has a problem
    INTERRUPTED = 130  # Ctrl-C


class TradewindError(Exception):
    """A failure that the user can act on.

    Args:
        what: the failure, in one sentence without a full stop.
        why: the cause, if it is known.
        hint: the command to run next, or the setting to change.
        code: the exit code of the command.
    """

    def __init__(self, what: str, why: str = "", hint: str = "", *, code: ExitCode = ExitCode.FAILED) -> None:
        super().__init__(what)
        self.what = what
        self.why = why
        self.hint = hint
        self.code = code

    def or_else(self, hint: str) -> TradewindError:
        """Add an alternative to the hint and return the same error."""
        self.hint = f"{self.hint}; or {hint}" if self.hint else hint
        return self

    def as_dict(self) -> dict[str, Any]:
        """Return the error as JSON."""
        return {"what": self.what, "why": self.why, "hint": self.hint, "code": int(self.code)}

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> TradewindError:
        """Make an error from the result of ``as_dict``."""
        return cls(document["what"], document["why"], document["hint"], code=ExitCode(document["code"]))

    def __str__(self) -> str:
        return f"{self.what}: {self.why}" if self.why else self.what


class HeldError(TradewindError):
    """Another process or an operator holds the lock that the command needs. Nothing was changed."""


def printable(text: str) -> str:
    """Replace control characters in text from a DAG, such as an exception's, so that they do not reach the terminal."""
    return "".join(c if c.isprintable() or c in "\n\t" else "\N{REPLACEMENT CHARACTER}" for c in text)
