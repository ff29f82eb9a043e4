"""Find the position in the file for a path in the merged configuration, so that the user knows where to change it."""

from __future__ import annotations

from typing import Any

from tradewind.config.document import Document, Mark
from tradewind.config.explain import Explanation
from tradewind.config.leaks import REFERENCES, render, secret_key, secret_kind
from tradewind.config.problems import Finding, KeyPath, Problem, shortened

ALONE = ""
"""The environment's name in paths of errors that are only about ``defaults``."""


class Places:
    """Knows the position of each setting, and which settings of an environment came from ``defaults``."""

    def __init__(self, document: Document) -> None:
        """Positions in one document. Report secrets first (``leak``): they suppress all other problems there."""
        self._document = document
        self._leaks: list[Problem] = []
        self._told = set(document.problems)

    def leak(self, path: KeyPath, message: str) -> Problem:
        """The problem for a secret in the file. No other problem is reported at its position."""
        problem = self._make(path, message, self._document.place(path))
        self._leaks.append(problem)
        return problem

    def problem(self, error: Explanation, value: Any = None) -> Problem:
        """The problem for one setting with an invalid key or value."""
        path = self._origin(error.path)
        exists = path in self._document.values
        got = self._shown(path, value) if exists and not error.at_key else None
        mark = self._document.place(path, key=error.at_key)
        return self._make(path, error.message, mark, got, error.allowed, error.nearest)

    def finding(self, finding: Finding) -> Problem:
        """The problem for a rule between settings, at the position of the first of them that the file has."""
        primary = finding.paths[0]
        related = [path for path in finding.paths if path[:2] == primary[:2]] or [primary]
        path, written = primary, self._origin(primary)
        for place in (lambda one: one, _in_defaults):
            found = [place(one) for one in related if self._has(place(one))]
            if found:
                path, written = place(primary), found[0]
                break
        mark = self._document.place(written)
        return self._make(path, finding.message, mark, finding.value, finding.allowed, finding.nearest)

    def without_repeats(self, problems: list[Problem]) -> list[Problem]:
        """Each problem once. At the position of a secret or an unreadable value, no other problem stays."""
        silent = [leak.path for leak in self._leaks] + [render(path) for path in self._document.unread]
        first = self._told.union(self._leaks)
        once = {(problem.path, problem.message, problem.line, problem.column): problem for problem in problems}
        return [
            problem
            for problem in once.values()
            if problem in first or not any(_inside(problem.path, path) for path in silent)
        ]

    def _origin(self, path: KeyPath) -> KeyPath:
        """The path in the file for a path of the merged configuration."""
        if path[:2] == ("environments", ALONE):
            return _in_defaults(path)
        if path[:1] == ("environments",) and not self._has(path) and self._has(_in_defaults(path)):
            return _in_defaults(path)
        return path

    def _has(self, path: KeyPath) -> bool:
        value = self._document.data
        for part in path:
            try:
                value = value[part]
            except (KeyError, IndexError, TypeError):
                return False
        return value is not None

    def _shown(self, path: KeyPath, value: Any) -> str | None:
        if any(secret_key(part) or part in REFERENCES for part in path):
            return None
        if isinstance(value, (dict, list)):
            kind = "mapping" if isinstance(value, dict) else "list"
            return f"a {kind}" if value else f"an empty {kind}"
        text = self._document.written.get(path, "")
        if secret_kind(text):
            return None
        if isinstance(value, str):
            return f"'{shortened(text)}'"
        return shortened(text) or "nothing"

    def _make(
        self,
        path: KeyPath,
        message: str,
        mark: Mark | None,
        value: str | None = None,
        allowed: tuple[str, ...] = (),
        nearest: str | None = None,
    ) -> Problem:
        line, column = (mark.line, mark.column) if mark else (None, None)
        return Problem(render(path), message, value, allowed, nearest, line, column)


def _in_defaults(path: KeyPath) -> KeyPath:
    return ("defaults", *path[2:]) if path[:1] == ("environments",) and len(path) > 2 else path


def _inside(path: str, above: str) -> bool:
    return path == above or path.startswith((above + ".", above + "["))
