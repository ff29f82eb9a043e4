"""What importing a file can leave in its process, so that only files which leave nothing share one.

Seen are: modules, and what is a variable of one; attributes of Airflow's classes; the environment, the working folder,
the paths of modules; threads, and processes. Not seen is what changes inside of objects, like a logger's level.
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
        self._names = set(sys.modules)
        self._modules: dict[str, ModuleType] = {}
        self._state: dict[str, State] = {}
        self._classes: dict[type, State] = {}
        self._sizes: list[tuple[Any, int]] = []
        self._note({name: module for name, module in sys.modules.items() if isinstance(module, ModuleType)})

    def begin(self, folder: Path) -> None:
        """In the process that imports files of this folder, before the first."""
        self._path = [*self._path, str(folder)]
        self._process = _process()

    def forget(self, folder: Path) -> bool:
        """After a file: take its modules and the folder's away. Whether the next one finds what this one found."""
        try:
            return (
                self._take_away(f"{folder}/")
                and sys.path == self._path
                and os.environ == self._environment
                and Path.cwd() == self._place
                and _process() == self._process
                and not _has_children()
            )
        except Exception:  # of some object that a file has left where it does not belong
            return False

    def none(self) -> bool:
        """Whether what was there before is as it was. It looks everywhere."""
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
            if name.startswith(reading.PREFIX) or _is_below(module, below):
                del sys.modules[name]
            elif name.startswith(_AIRFLOW) and isinstance(module, ModuleType):
                # Airflow has loaded it by itself: no file of the folder names it, else it had been there before.
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
    """What a process has of its own, and threads have together."""
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
        # Airflow sets that of SIGSEGV for each file.
        [signal.getsignal(number) for number in signal.valid_signals() - {signal.SIGSEGV}],
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
    # What is new is fine where it is a part of a package, or of this package and only looked up for the first time.
    new = {key: value for key, value in after.items() if key not in before}
    top, lazy = name.partition(".")[0], "__getattr__" in before
    return all(
        getattr(each, "__name__", "") == f"{name}.{key}"
        or (lazy and str(getattr(each, "__module__", "")).partition(".")[0] == top)
        for key, each in new.items()
    )


def _same_class(before: State, after: State) -> bool:
    """Also where the class has noted something for itself when it was first used."""
    return _equal(before, after) or (
        all(key in after and after[key] is value for key, value in before.items())
        and all(key in before or _is_note(key, value) for key, value in after.items())
    )


def _is_note(key: str, value: Any) -> bool:
    if key.startswith("__") and key.endswith("__"):
        # Of pickle and copy, of types, and of a Protocol, which finds out whose it has when it is first called.
        return key in {"__slotnames__", "__annotations__"} or (key == "__init__" and value is object.__init__)
    return key.startswith("_")


def _equal(before: State, after: State) -> bool:
    """Whether they have the same names for the same objects in the same order, fast."""
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
