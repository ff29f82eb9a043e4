"""The resources that one run of the provider knows.

Terraform starts a provider process for every walk over the configuration: validate, plan, apply. A plan sees the
resources that exist (they are read first) and those it has planned so far; an apply sees what exists so far.
"""

from __future__ import annotations

import itertools
import threading
from typing import Any

from standin.values import UNKNOWN, Value

Resource = dict[str, Value]


class World:
    """The resources of a walk, by type. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._existing: dict[tuple[str, str], Resource] = {}
        self._planned: dict[str, tuple[str, Resource]] = {}
        self._tokens = itertools.count(1)

    def exists(self, kind: str, values: Resource) -> None:
        """Add a resource that was read or created."""
        with self._lock:
            self._existing[kind, _identity(values)] = values

    def gone(self, kind: str, values: Resource) -> None:
        """Remove a resource that was deleted, or whose deletion is planned."""
        with self._lock:
            self._existing.pop((kind, _identity(values)), None)

    def planned(self, kind: str, values: Resource) -> bytes:
        """Add a planned resource. Returns the mark that identifies it for `made`."""
        with self._lock:
            mark = str(next(self._tokens))
            self._planned[mark] = (kind, values)
            return mark.encode()

    def made(self, mark: bytes) -> None:
        """Remove a planned resource, because it is created now."""
        with self._lock:
            self._planned.pop(mark.decode(), None)

    def all(self, kind: str) -> list[Resource]:
        """The resources of a type, both existing and planned."""
        with self._lock:
            planned = [values for name, values in self._planned.values() if name == kind]
            return planned + [values for (name, _), values in self._existing.items() if name == kind]

    def existing(self, kind: str) -> list[Resource]:
        """The resources of a type that exist."""
        with self._lock:
            return [values for (name, _), values in self._existing.items() if name == kind]

    def find(self, kind: str, **wanted: Value) -> Resource | None:
        """The first resource of a type with these values, all of them known."""
        if any(value is UNKNOWN or value is None for value in wanted.values()):
            return None
        for values in self.all(kind):
            if all(values.get(name) == value for name, value in wanted.items()):
                return values
        return None


def _identity(values: Resource) -> Any:
    return str(values.get("id") or values.get("arn") or sorted(values.items(), key=str))
