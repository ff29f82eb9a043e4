"""What imports gave before, kept in a file: a DAG file is imported again where it, or what it may use, is another."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tradewind.bundle.manifest import DagRelease
from tradewind.bundle.whole import whole

VERSION = 1
"""To be raised when ``reading`` tells something else than it did."""


class Memory:
    """Results by their keys (``keys``). What was not asked for is forgotten when it is saved."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[str, dict[str, Any]] = {}
        self._used: dict[str, dict[str, Any]] = {}
        try:
            document = json.loads(path.read_text())
            self._known = document["results"] if document["version"] == VERSION else {}
        except (OSError, ValueError, KeyError, TypeError):
            return  # nothing is lost but time

    def get(self, key: str) -> dict[str, Any] | None:
        """What is known, if anything."""
        found = self._known.get(key)
        if found is not None:
            self._used[key] = found
        return found

    def put(self, key: str, found: dict[str, Any]) -> None:
        """Remember it. What failed is not remembered: the reason may have been the machine."""
        if not found.get("error"):
            self._used[key] = found

    def save(self) -> None:
        """Keep what was used or new."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with whole(self._path) as draft:
            draft.write_text(json.dumps({"version": VERSION, "results": self._used}))


def keys(release: DagRelease, base: str) -> dict[str, str]:
    """For each file that may hold DAGs: a name for all that its import can depend on in the release.

    These are the Python files that it imports, however far away, and every file that is no Python; all files where one
    of them imports what cannot be read from its code.
    """
    data = _digest(
        f"{path} {entry.sha256} {entry.executable}" for path, entry in release.files.items() if not path.endswith(".py")
    )
    found = {}
    for path in release.files:
        if not path.endswith((".py", ".zip")):
            continue
        near = closure(path, release.imports)
        what = (f"{each} {release.files[each].sha256}" for each in sorted(near))
        parts = [release.id] if near & release.dynamic or path.endswith(".zip") else what
        found[path] = _digest([base, path, data, *parts])
    return found


def base(limits: Mapping[str, Any]) -> str:
    """A name for what is the same for all files: this Python, what is installed, and what the gate allows."""
    installed = sorted(
        {
            f"{entry.name} {entry.stat().st_mtime_ns}"  # the same version may be installed again
            for folder in map(Path, sys.path)
            if folder.is_dir()
            for entry in os.scandir(folder)
            if entry.name.endswith((".dist-info", ".egg-info"))
        }
    )
    return _digest([str(VERSION), sys.version, *installed, json.dumps(limits, sort_keys=True)])


def closure(path: str, imports: Mapping[str, tuple[str, ...]]) -> set[str]:
    """A file and all that it imports, however far away."""
    found, left = {path}, [path]
    while left:
        further = set(imports.get(left.pop(), ())) - found
        found |= further
        left += further
    return found


def _digest(parts: Iterable[str]) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
