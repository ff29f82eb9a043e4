"""Caches import results in a file. A DAG file is imported again if it changed, or a file that it may use."""

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
"""Raise it when ``extraction`` reports something else for the same file, or when the format of the cache changes."""


class Memory:
    """Results by their keys (``keys``). ``save`` drops the results that were not requested.

    The file has the version in its first line, then a key and its result in each line, so that only requested results
    are parsed.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[str, str] = {}
        self._used: dict[str, str] = {}
        with suppress(OSError, ValueError):  # then every file is imported
            version, *lines = path.read_text().splitlines()
            if version == str(VERSION):
                self._known = dict(line.split(" ", 1) for line in lines)

    def get(self, key: str) -> dict[str, Any] | None:
        """The result, or None."""
        try:
            found = json.loads(self._known[key])
        except (KeyError, ValueError):
            return None
        self._used[key] = self._known[key]
        return found if isinstance(found, dict) else None

    def put(self, key: str, found: dict[str, Any]) -> None:
        """Store a result, except a failure: its cause may have been the machine."""
        if not found.get("error"):
            self._used[key] = json.dumps(found)

    def save(self) -> None:
        """Write the results that were requested or stored."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(self._path) as draft:
            draft.write_text("".join([f"{VERSION}\n", *(f"{key} {text}\n" for key, text in self._used.items())]))


def keys(release: DagRelease, base: str) -> dict[str, str]:
    """For each file that may contain DAGs: a hash of all files of the release that its import can depend on.

    These are the Python files that it imports, directly or not, and every file that is not Python. If one of them
    imports modules that cannot be read from its code, these are all files.
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
    """A hash of the inputs that all files share: this Python, the installed packages, and the limits of the gate."""
    installed = sorted(
        {
            f"{entry.name} {entry.stat().st_mtime_ns}"  # the same version may have been installed again
            for folder in map(Path, sys.path)
            if folder.is_dir()
            for entry in os.scandir(folder)
            if entry.name.endswith((".dist-info", ".egg-info"))
        }
    )
    return _digest([str(VERSION), sys.version, *installed, json.dumps(limits, sort_keys=True)])


def closure(path: str, imports: Mapping[str, tuple[str, ...]]) -> set[str]:
    """A file and all files that it imports, directly or not."""
    found, left = {path}, [path]
    while left:
        further = set(imports.get(left.pop(), ())) - found
        found |= further
        left += further
    return found


def _digest(parts: Iterable[str]) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
