"""Which files of a release import which others, read from the code without running it.

A module is looked for below the root of the release, as Airflow does, which puts the root into ``sys.path``. Names that
are only put together at run time cannot be seen.
"""

from __future__ import annotations

import ast
import json
import warnings
from collections.abc import Container, Iterable
from pathlib import Path

from tradewind.dags.whole import whole

MEMORY = 1
"""To be raised when ``names`` finds something else than it did."""


def names(code: bytes) -> tuple[str, ...]:
    """What a file imports, sorted: ``a.b``, or ``..b`` relative to its package. Nothing where it is not Python.

    Of ``from a import b``, both ``a`` and ``a.b``: ``b`` may be a module.
    """
    try:
        with warnings.catch_warnings(action="ignore"):  # about somebody's code, and not the place to say it
            tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ()  # the gate says so, with the line
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            dot = "" if base.endswith(".") else "."
            found |= {base, *(f"{base}{dot}{alias.name}" for alias in node.names if alias.name != "*")}
        elif isinstance(node, ast.Call) and node.args and _imports(node.func):
            first = node.args[0]
            if isinstance(first, ast.Constant) and isinstance(first.value, str) and not first.value.startswith("."):
                found.add(first.value)
    return tuple(sorted(found))


class Remembered:
    """``names`` of what has been seen before, kept in a file: of 10,000 files, only the changed ones are read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[str, list[str]] = {}
        self._used: dict[str, list[str]] = {}
        try:
            document = json.loads(path.read_text())
            self._known = document["names"] if document["version"] == MEMORY else {}
        except (OSError, ValueError, KeyError, TypeError):
            return  # nothing is lost but time

    def __call__(self, digest: str, content: bytes) -> tuple[str, ...]:
        """What the file with this SHA-256 imports."""
        found = self._known.get(digest)
        if found is None:
            found = self._known[digest] = list(names(content))
        self._used[digest] = found
        return tuple(found)

    def save(self) -> None:
        """Keep what was used this time."""
        with whole(self._path) as draft:
            draft.write_text(json.dumps({"version": MEMORY, "names": self._used}))


def resolve(path: str, imported: Iterable[str], files: Container[str]) -> tuple[str, ...]:
    """The files of the release that ``path`` imports itself, sorted; packages on the way are imported, too."""
    found: set[str] = set()
    for name in imported:
        bare = name.lstrip(".")
        level = len(name) - len(bare)
        parts = path.split("/")[:-level] if level else []
        if level > path.count("/") + 1:
            continue  # beyond the top: Python refuses it
        for part in bare.split(".") if bare else [""]:
            if part:
                parts = [*parts, part]
            place = "/".join(parts)
            found |= {file for file in (f"{place}.py", f"{place}/__init__.py") if file in files}
    return tuple(sorted(found - {path}))


def _imports(function: ast.expr) -> bool:
    """Whether this is ``importlib.import_module`` or ``__import__``, by its name."""
    if isinstance(function, ast.Attribute):
        return function.attr == "import_module"
    return isinstance(function, ast.Name) and function.id in {"import_module", "__import__"}
