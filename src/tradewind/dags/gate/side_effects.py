"""Detects the traces that an import leaves in its process. Only files that leave none share a process.

Detected are: modules and their variables; attributes of Airflow's classes; the environment, the working folder and
``sys.path``; threads and processes. Changes inside objects, such as a logger's level, are not detected.
"""

from __future__ import annotations

import locale
import operator
import os
import signal
import socket
import sys
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from tradewind.dags.gate import extraction

_CACHES = {
    "linecache": {"cache"},
    "re": {"_cache"},
    "sre_parse": {"_cache"},
    "sys": {"modules", "path", "path_importer_cache", "last_type", "last_value", "last_traceback"},
    # Made anew in each process.
    "threading": {"_active", "_active_limbo_lock", "_main_thread", "_shutdown_locks", "_shutdown_locks_lock"},
    "airflow._shared.observability.metrics.stats": {"_backend"},
    "airflow.sdk._shared.observability.metrics.stats": {"_backend"},
    # ``@dag`` replaces it with a wrapper, which only shifts the stack level of warnings.
    "airflow.sdk.definitions.dag": {"warnings"},
}
"""Variables of modules that no import depends on. ``sys.path`` is checked after each file."""
_WARNED = "__warningregistry__"
_CONTAINERS = frozenset({dict, list, set, deque})
_AIRFLOW = "airflow."

State = dict[str, Any]
"""The value of each name."""


class SideEffects:
    """The state before a file is imported. Recorded once, before the processes that import files are forked."""

    def __init__(self) -> None:
        self._environment = dict(os.environ)
        self._place = Path.cwd()
        self._path = list(sys.path)
        self._names = set(sys.modules)
        self._modules: dict[str, ModuleType] = {}
        self._state: dict[str, State] = {}
        self._classes: dict[type, State] = {}
        self._sizes: list[tuple[Any, int]] = []
        self._note({name: module for name, module in sys.modules.items() if isinstance(module, ModuleType)})

    def begin(self, folder: Path) -> None:
        """Call it before the first file, in the process that imports files of this folder."""
        self._path = [*self._path, str(folder)]
        self._process = _process()

    def forget(self, folder: Path) -> bool:
        """After a file: remove the modules of the folder. Return whether the next file finds the same state."""
        try:
            return (
                self._take_away(f"{folder}/")
                and sys.path == self._path
                and os.environ == self._environment
                and Path.cwd() == self._place
                and _process() == self._process
                and not _has_children()
            )
        except Exception:  # raised by an object that a file has left somewhere
            return False

    def none(self) -> bool:
        """Whether the recorded state is unchanged. Checks all of it."""
        try:
            return (
                all(sys.modules.get(name) is module for name, module in self._modules.items())
                and all(_same(name, self._state[name], vars(module)) for name, module in self._modules.items())
                and all(_same_class(before, dict(vars(kind))) for kind, before in self._classes.items())
                and all(len(container) == size for container, size in self._sizes)
            )
        except Exception:
            return False

    def _take_away(self, below: str) -> bool:
        for name in sys.modules.keys() - self._names:
            module = sys.modules[name]
            if name.startswith(extraction.PREFIX) or _is_below(module, below):
                del sys.modules[name]
            elif name.startswith(_AIRFLOW) and isinstance(module, ModuleType):
                # Airflow has loaded it: no file of the folder names it, or it would have been loaded before.
                self._names.add(name)
                self._note({name: module})
            else:
                return False
        return True

    def _note(self, modules: Mapping[str, ModuleType]) -> None:
        state = {name: dict(vars(module)) for name, module in modules.items()}
        classes = {kind: dict(vars(kind)) for kind in _classes(modules)}
        kept = (*(_kept(name, names) for name, names in state.items()), *classes.values())
        self._sizes += [(value, len(value)) for names in kept for value in names.values() if type(value) in _CONTAINERS]
        self._modules.update(modules)
        self._state.update(state)
        self._classes.update(classes)


def _process() -> tuple[Any, ...]:
    """The state of a process that its threads share."""
    mask = os.umask(0o022)
    os.umask(mask)
    return (
        threading.active_count(),
        mask,
        sys.getrecursionlimit(),
        sys.gettrace(),
        sys.getprofile(),
        socket.getdefaulttimeout(),
        locale.setlocale(locale.LC_ALL),
        signal.getitimer(signal.ITIMER_REAL),
        # Airflow sets the handler of SIGSEGV for each file.
        [signal.getsignal(number) for number in signal.valid_signals() - {signal.SIGSEGV}],
    )


def _kept(name: str, state: State) -> State:
    """The state without the variables that no import depends on."""
    return {key: value for key, value in state.items() if key != _WARNED and key not in _CACHES.get(name, ())}


def _same(name: str, before: State, after: State) -> bool:
    if _equal(before, after):
        return True
    before, after = _kept(name, before), _kept(name, after)
    if any(key not in after or after[key] is not value for key, value in before.items()):
        return False
    # A new name is fine if it is a module of this package, or if the package looks it up lazily in itself.
    new = {key: value for key, value in after.items() if key not in before}
    top, lazy = name.partition(".")[0], "__getattr__" in before
    return all(
        getattr(each, "__name__", "") == f"{name}.{key}"
        or (lazy and str(getattr(each, "__module__", "")).partition(".")[0] == top)
        for key, each in new.items()
    )


def _same_class(before: State, after: State) -> bool:
    """Whether a class is the same, apart from notes that it has made when it was first used."""
    return _equal(before, after) or (
        all(key in after and after[key] is value for key, value in before.items())
        and all(key in before or _is_note(key, value) for key, value in after.items())
    )


def _is_note(key: str, value: Any) -> bool:
    if key.startswith("__") and key.endswith("__"):
        # From pickle and copy, from types, and from a Protocol, which sets its ``__init__`` when it is first called.
        return key in {"__slotnames__", "__annotations__"} or (key == "__init__" and value is object.__init__)
    return key.startswith("_")


def _equal(before: State, after: State) -> bool:
    """Whether both have the same names for the same objects in the same order. Fast."""
    return (
        len(before) == len(after)
        and all(map(operator.is_, before.values(), after.values()))
        and all(map(operator.eq, before, after))
    )


def _classes(modules: Mapping[str, ModuleType]) -> Iterator[type]:
    for name, module in modules.items():
        if name.startswith(_AIRFLOW):
            for value in vars(module).values():
                if isinstance(value, type) and value.__module__ == name:
                    yield value


def _is_below(module: ModuleType, below: str) -> bool:
    """Whether a module is from this folder. A package without ``__init__.py`` has only ``__path__``."""
    file = getattr(module, "__file__", None)
    places = [file] if file else list(getattr(module, "__path__", ()))
    return bool(places) and all(str(place).startswith(below) for place in places)


def _has_children() -> bool:
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True
