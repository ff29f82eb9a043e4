"""Reads from the code, without running it, which files of a release import which others, and which DAGs they have.

Modules are searched below the root of the release, because Airflow puts the root into ``sys.path``. Names that are
built at run time cannot be read. A file that may build such names is marked (``DYNAMIC``).
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
"""The version of the cache (``Remembered``). Raise it when ``read`` returns something else for the same code."""
DYNAMIC = "?"
"""An entry of the names: this file may import modules that cannot be read from its code."""
_LOADERS = frozenset(
    {
        *("import_module", "__import__", "import_string", "resolve_name", "pkgutil"),
        *("glob", "rglob", "iglob", "iterdir", "listdir", "scandir", "walk"),  # may find other Python files
        *("exec", "eval", "runpy", "run_path", "run_module", "exec_module", "load_module", "find_spec"),
        *("spec_from_file_location", "SourceFileLoader", "iter_modules", "walk_packages", "zipimporter"),
    }
)


@dataclass(frozen=True)
class Code:
    """The imports and the DAGs of a file, sorted.

    ``names``: the modules that it imports, as ``a.b``, or as ``..b`` relative to its package. ``from a import b`` gives
    both ``a`` and ``a.b``, because ``b`` may be a module. ``dags``: the ids that the code spells out.
    """

    names: tuple[str, ...] = ()
    dags: tuple[str, ...] = ()


def parsed(code: bytes | str) -> ast.Module | None:
    """The syntax tree; None if the code is not valid Python. The gate reports that error with its line."""
    try:
        with warnings.catch_warnings(action="ignore"):  # warnings about the author's code are not reported here
            return ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def read(code: bytes) -> Code:
    """Read a Python file. The result is empty if it is not valid Python."""
    tree = parsed(code)
    if tree is None:
        return Code()
    found: set[str] = set()
    dags: set[str] = set()
    plain: set[int] = set()  # nodes that are resolved already
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
            # A star may import modules; an alias hides which function is called.
            hidden = {alias.name for alias in node.names if alias.name == "*" or alias.asname} & {"*", *_LOADERS}
            found |= {DYNAMIC} if hidden else set()
        elif isinstance(node, ast.Call) and _called(node.func) in {"import_module", "__import__"}:
            found.add(_text(node.args[0]) if node.args else DYNAMIC)
            plain.add(id(node.func))
        elif isinstance(node, (ast.Attribute, ast.Name)) and (_called(node) in _LOADERS or _is_path(node)):
            found.add(DYNAMIC)
    return Code(tuple(sorted(found)), tuple(sorted(dags)))


class Remembered:
    """``read`` with a cache in a file: of 10,000 files, only the changed ones are parsed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[str, list[list[str]]] = {}
        self._used: dict[str, list[list[str]]] = {}
        # If it is damaged, all files are parsed again.
        with suppress(OSError, ValueError, KeyError, TypeError):
            document = json.loads(path.read_text())
            self._known = document["files"] if document["version"] == MEMORY else {}
        self._kept = frozenset(self._known)

    def __call__(self, digest: str, content: bytes) -> Code:
        """The imports and the DAGs of the file with this SHA-256."""
        found = self._known.get(digest)
        if found is None:
            code = read(content)
            found = self._known[digest] = [list(code.names), list(code.dags)]
        self._used[digest] = found
        return Code(*map(tuple, found))

    def save(self) -> None:
        """Write the entries that were used this time, and drop the others."""
        if self._used.keys() == self._kept:
            return
        with atomic_write(self._path) as draft:
            draft.write_text(json.dumps({"version": MEMORY, "files": self._used}))


def resolve(path: str, imported: Iterable[str], files: Container[str]) -> tuple[str, ...]:
    """The files of the release that ``path`` imports directly, sorted, with the packages on the way."""
    found: set[str] = set()
    for name in imported:
        bare = name.lstrip(".")
        level = len(name) - len(bare)
        parts = path.split("/")[:-level] if level else []
        if level > path.count("/") + 1:
            continue  # above the root: Python refuses it
        for part in bare.split(".") if bare else [""]:
            if part:
                parts = [*parts, part]
            place = "/".join(parts)
            found |= {file for file in (f"{place}.py", f"{place}/__init__.py") if file in files}
    return tuple(sorted(found - {path}))


def _dags(node: ast.Call | ast.FunctionDef) -> Iterator[str]:
    """The id of the DAG that this makes, if the code has it: ``DAG("a")``, ``@dag(dag_id="a")``, ``@dag def a``."""
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
    """The module, if it is an absolute name in a literal, else ``DYNAMIC``."""
    if isinstance(argument, ast.Constant) and isinstance(argument.value, str) and argument.value[:1] != ".":
        return argument.value
    return DYNAMIC


def _is_path(node: ast.expr) -> bool:
    """Whether this is ``sys.path``: with another folder in it, a name can refer to another module."""
    return isinstance(node, ast.Attribute) and node.attr == "path" and _called(node.value) == "sys"


def _called(function: ast.expr) -> str:
    """The last part of a name: ``import_module`` of ``importlib.import_module``."""
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""
