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

State = dict[str, Any]
"""What each name means."""


class Traces:
    """What there is before a file is imported; made once, before the processes that import them are forked."""

    def __init__(self) -> None:
        self._environment = dict(os.environ)
        self._place = Path.cwd()
        self._path = list(sys.path)
        self._modules = {name: module for name, module in sys.modules.items() if isinstance(module, ModuleType)}
        self._names = set(sys.modules)
        self._state = {name: dict(vars(module)) for name, module in self._modules.items()}
        self._classes = {kind: dict(vars(kind)) for kind in _classes(self._modules)}
        self._sizes = [
            (value, len(value))
            for state in (*map(_kept, self._state, self._state.values()), *self._classes.values())
            for value in state.values()
            if type(value) in _CONTAINERS
        ]

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
        """Whether what was there before is as it was. It looks everywhere."""
        return (
            all(sys.modules.get(name) is module for name, module in self._modules.items())
            and all(_same(name, self._state[name], vars(module)) for name, module in self._modules.items())
            and all(_same_class(before, dict(vars(kind))) for kind, before in self._classes.items())
            and all(len(container) == size for container, size in self._sizes)
        )


def _kept(name: str, state: State) -> State:
    """Without what no file's import depends on."""
    return {key: value for key, value in state.items() if key != _WARNED and key not in _CACHES.get(name, ())}


def _same(name: str, before: State, after: State) -> bool:
    if _equal(before, after):
        return True
    before, after = _kept(name, before), _kept(name, after)
    if any(key not in after or after[key] is not value for key, value in before.items()):
        return False
    # What is new is fine where it is only looked up for the first time, or a part of a package.
    new = {key: value for key, value in after.items() if key not in before}
    return "__getattr__" in before or all(getattr(each, "__name__", "") == f"{name}.{key}" for key, each in new.items())


def _same_class(before: State, after: State) -> bool:
    """What a class notes for itself when it is first used has a name of that kind."""
    return _equal(before, after) or all(
        key in after and key in before and after[key] is before[key]
        for key in before.keys() | {key for key in after if not key.startswith("_")}
    )


def _equal(before: State, after: State) -> bool:
    """Whether they mean the same, fast: an object is equal to itself, which nobody asks it."""
    try:
        return before == after
    except Exception:  # another one was asked
        return False


def _classes(modules: Mapping[str, ModuleType]) -> Iterator[type]:
    for name, module in modules.items():
        if name.startswith(_AIRFLOW):
            for value in vars(module).values():
                if isinstance(value, type) and value.__module__ == name:
                    yield value


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
