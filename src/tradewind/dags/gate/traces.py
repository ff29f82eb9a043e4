"""What importing a file can leave in its process, so that only files which leave nothing share one.

Seen are: modules, and what is a variable of one; attributes of Airflow's classes; the environment, the working folder,
the paths of modules; threads, and processes. Not seen is what changes inside of objects, like a logger's level.
"""

from __future__ import annotations

import os
import sys
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from tradewind.dags.gate import reading

_CACHES = {
    "linecache": {"cache"},
    "re": {"_cache"},
    "sre_parse": {"_cache"},
    "sys": {"modules", "path", "path_importer_cache", "last_type", "last_value", "last_traceback"},
    # What is made anew in each process.
    "threading": {"_active", "_active_limbo_lock", "_main_thread", "_shutdown_locks", "_shutdown_locks_lock"},
    "airflow._shared.observability.metrics.stats": {"_backend"},
    "airflow.sdk._shared.observability.metrics.stats": {"_backend"},
    # ``@dag`` puts something before it, which only knows where to point.
    "airflow.sdk.definitions.dag": {"warnings"},
}
"""Variables of modules that no file's import depends on. The paths of modules are looked at after each file."""
_WARNED = "__warningregistry__"
_CONTAINERS = frozenset({dict, list, set, deque})
_AIRFLOW = "airflow."

State = dict[str, tuple[int, int]]
"""Of each name: which object it is, and how long where that is a container."""


class Traces:
    """What there is before a file is imported; made once, before the processes that import them are forked."""

    def __init__(self) -> None:
        self._environment = dict(os.environ)
        self._place = Path.cwd()
        self._path = list(sys.path)
        self._modules = {name: module for name, module in sys.modules.items() if isinstance(module, ModuleType)}
        self._names = set(sys.modules)
        self._state = {name: _state(name, module) for name, module in self._modules.items()}
        self._classes = {kind: _attributes(kind) for kind in _classes(self._modules)}

    def begin(self, folder: Path) -> None:
        """In the process that imports files of this folder, before the first."""
        self._path = [*self._path, str(folder)]
        self._threads = threading.active_count()

    def forget(self, folder: Path) -> bool:
        """After a file: take its modules and the folder's away. Whether the next one finds what this one found."""
        below = f"{folder}/"
        for name in sys.modules.keys() - self._names:
            if name.startswith(reading.PREFIX) or _is_below(sys.modules[name], below):
                del sys.modules[name]
            elif name.startswith(_AIRFLOW):  # as if it had been loaded before, like those that files name
                self._names.add(name)
            else:
                return False
        return (
            sys.path == self._path
            and os.environ == self._environment
            and Path.cwd() == self._place
            and threading.active_count() == self._threads
            and not _has_children()
        )

    def none(self) -> bool:
        """Whether what was there before is as it was. It looks everywhere, which takes as long as a file or two."""
        for name, module in self._modules.items():
            if sys.modules.get(name) is not module or _differ(self._state[name], _state(name, module), name, module):
                return False
        return all(_same(before, _attributes(kind)) for kind, before in self._classes.items())


def _state(name: str, module: ModuleType) -> State:
    ignored = {_WARNED, *_CACHES.get(name, ())}
    return {key: _of(value) for key, value in vars(module).items() if key not in ignored}


def _of(value: Any) -> tuple[int, int]:
    return id(value), len(value) if type(value) in _CONTAINERS else 0


def _differ(before: State, after: State, name: str, module: ModuleType) -> bool:
    if before == after:
        return False
    if any(after.get(key) != what for key, what in before.items()):
        return True
    # What is new is fine where it is only looked up for the first time, or a part of a package.
    lazy = "__getattr__" in before
    new = {key: getattr(module, key, None) for key in after.keys() - before.keys()}
    return not lazy and any(getattr(value, "__name__", "") != f"{name}.{key}" for key, value in new.items())


def _classes(modules: Mapping[str, ModuleType]) -> Iterator[type]:
    for name, module in modules.items():
        if name.startswith(_AIRFLOW):
            for value in vars(module).values():
                if isinstance(value, type) and value.__module__ == name:
                    yield value


def _attributes(kind: type) -> State:
    return {key: _of(value) for key, value in vars(kind).items()}


def _same(before: State, after: State) -> bool:
    """Of a class. What it notes for itself when it is first used has a name of that kind."""
    return before == after or all(
        after.get(key) == before.get(key) for key in before.keys() | {key for key in after if not key.startswith("_")}
    )


def _is_below(module: ModuleType, below: str) -> bool:
    """Whether it is from this folder. A package without ``__init__.py`` has only paths."""
    file = getattr(module, "__file__", None)
    places = [file] if file else list(getattr(module, "__path__", ()))
    return bool(places) and all(str(place).startswith(below) for place in places)


def _has_children() -> bool:
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True
