"""What imports gave before, kept in a file: a DAG file is imported again where it, or what it may use, is another."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from tradewind.dag_releases.manifest import DagRelease
from tradewind.storage.atomic import atomic_write

VERSION = 2
"""To be raised when ``reading`` tells something else than it did, or this is kept in another way."""


class Memory:
    """Results by their keys (``keys``). What was not asked for is forgotten when it is saved.

    A file of lines: the version, then a key and its result each, so that only what is asked for is read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[str, str] = {}
        self._used: dict[str, str] = {}
        with suppress(OSError, ValueError):  # nothing is lost but time
            version, *lines = path.read_text().splitlines()
            if version == str(VERSION):
                self._known = dict(line.split(" ", 1) for line in lines)

    def get(self, key: str) -> dict[str, Any] | None:
        """What is known, if anything."""
        try:
            found = json.loads(self._known[key])
        except (KeyError, ValueError):
            return None
        self._used[key] = self._known[key]
        return found if isinstance(found, dict) else None

    def put(self, key: str, found: dict[str, Any]) -> None:
        """Remember it. What failed is not remembered: the reason may have been the machine."""
        if not found.get("error"):
            self._used[key] = json.dumps(found)

    def save(self) -> None:
        """Keep what was used or new."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(self._path) as draft:
            draft.write_text("".join([f"{VERSION}\n", *(f"{key} {text}\n" for key, text in self._used.items())]))


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
