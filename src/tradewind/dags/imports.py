"""Which files of a release import which others, and which DAGs they have, read from the code without running it.

A module is looked for below the root of the release, as Airflow does, which puts the root into ``sys.path``. Names that
are only put together at run time cannot be seen; that there may be such names can.
"""

from __future__ import annotations

import ast
import json
import warnings
from collections.abc import Container, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tradewind.storage.atomic import atomic_write

MEMORY = 4
"""To be raised when ``read`` finds something else than it did."""
DYNAMIC = "?"
"""Among the names: this file may import what cannot be read from its code."""
_LOADERS = frozenset(
    {
        *("import_module", "__import__", "import_string", "resolve_name", "pkgutil"),
        *("glob", "rglob", "iglob", "iterdir", "listdir", "scandir", "walk"),  # other Python files, perhaps
        *("exec", "eval", "runpy", "run_path", "run_module", "exec_module", "load_module", "find_spec"),
        *("spec_from_file_location", "SourceFileLoader", "iter_modules", "walk_packages", "zipimporter"),
    }
)


@dataclass(frozen=True)
class Code:
    """What is read from a file, sorted. ``names``: what it imports, ``a.b``, or ``..b`` relative to its package.

    Of ``from a import b``, both ``a`` and ``a.b``: ``b`` may be a module. ``dags``: ids that are written out.
    """

    names: tuple[str, ...] = ()
    dags: tuple[str, ...] = ()


def parsed(code: bytes | str) -> ast.Module | None:
    """The syntax tree; None of what is no Python, which the gate tells with its line."""
    try:
        with warnings.catch_warnings(action="ignore"):  # about somebody's code, and not the place to say it
            return ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def read(code: bytes) -> Code:
    """Read a Python file. Nothing is found in what is none."""
    tree = parsed(code)
    if tree is None:
        return Code()
    found: set[str] = set()
    dags: set[str] = set()
    plain: set[int] = set()  # nodes whose meaning is known
    for node in ast.walk(tree):
        if id(node) in plain:
            continue
        if isinstance(node, (ast.Call, ast.FunctionDef)):
            dags |= set(_dags(node))
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
            found |= {DYNAMIC for alias in node.names if alias.asname and alias.name.split(".")[-1] in _LOADERS}
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            dot = "" if base.endswith(".") else "."
            found |= {base, *(f"{base}{dot}{alias.name}" for alias in node.names if alias.name != "*")}
            # A star may import modules; another name hides who is called.
            hidden = {alias.name for alias in node.names if alias.name == "*" or alias.asname} & {"*", *_LOADERS}
            found |= {DYNAMIC} if hidden else set()
        elif isinstance(node, ast.Call) and _called(node.func) in {"import_module", "__import__"}:
            found.add(_text(node.args[0]) if node.args else DYNAMIC)
            plain.add(id(node.func))
        elif isinstance(node, (ast.Attribute, ast.Name)) and (_called(node) in _LOADERS or _is_path(node)):
            found.add(DYNAMIC)
    return Code(tuple(sorted(found)), tuple(sorted(dags)))


class Remembered:
    """``read`` of what has been seen before, kept in a file: of 10,000 files, only the changed ones are read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[str, list[list[str]]] = {}
        self._used: dict[str, list[list[str]]] = {}
        # Where it is damaged, nothing is lost but time.
        with suppress(OSError, ValueError, KeyError, TypeError):
            document = json.loads(path.read_text())
            self._known = document["files"] if document["version"] == MEMORY else {}
        self._kept = frozenset(self._known)

    def __call__(self, digest: str, content: bytes) -> Code:
        """What is read from the file with this SHA-256."""
        found = self._known.get(digest)
        if found is None:
            code = read(content)
            found = self._known[digest] = [list(code.names), list(code.dags)]
        self._used[digest] = found
        return Code(*map(tuple, found))

    def save(self) -> None:
        """Keep what was used this time."""
        if self._used.keys() == self._kept:
            return
        with atomic_write(self._path) as draft:
            draft.write_text(json.dumps({"version": MEMORY, "files": self._used}))


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


def _dags(node: ast.Call | ast.FunctionDef) -> Iterator[str]:
    """The id of the DAG that this makes, if it is written out: ``DAG("a")``, ``@dag(dag_id="a")``, ``@dag def a``."""
    if isinstance(node, ast.Call):
        if _called(node.func) == "DAG" and (given := _id(node)):
            yield given
        return
    for made in node.decorator_list:
        call = made if isinstance(made, ast.Call) else None
        if _called(call.func if call else made) == "dag":
            named = call and (call.args or any(word.arg in {"dag_id", None} for word in call.keywords))
            given = _id(call) if call and named else node.name
            if given:
                yield given


def _id(call: ast.Call) -> str:
    given = [*call.args[:1], *(word.value for word in call.keywords if word.arg == "dag_id")]
    return next((each.value for each in given if isinstance(each, ast.Constant) and isinstance(each.value, str)), "")


def _text(argument: ast.expr) -> str:
    """The module that is named outright, or that it is not."""
    if isinstance(argument, ast.Constant) and isinstance(argument.value, str) and argument.value[:1] != ".":
        return argument.value
    return DYNAMIC


def _is_path(node: ast.expr) -> bool:
    """``sys.path``: with another folder in it, names lead elsewhere."""
    return isinstance(node, ast.Attribute) and node.attr == "path" and _called(node.value) == "sys"


def _called(function: ast.expr) -> str:
    """The last part of a name: ``import_module`` of ``importlib.import_module``."""
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""
