"""Records: small JSON documents with optimistic concurrency."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from tradewind.storage.atomic import atomic_write


class ConflictError(Exception):
    """Another process wrote the document in between."""


class Records(Protocol):
    """Documents by name (``environments/dev/current``). Each has a version that changes with its content."""

    def read(self, name: str) -> tuple[dict[str, Any], str] | None:
        """The document and its version; None if there is none."""

    def write(self, name: str, document: Mapping[str, Any], version: str | None) -> str:
        """Overwrite ``version`` (None: the document must be new). Returns the new version. ConflictError otherwise."""

    def delete(self, name: str, version: str) -> None:
        """Delete that version. ConflictError if it has changed; does nothing if the document no longer exists."""

    def names(self, prefix: str) -> list[str]:
        """All names that begin with ``prefix``, sorted."""


class FolderRecords:
    """Documents in a folder, for one machine. Writers exclude each other with a kernel lock (flock)."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, name: str) -> tuple[dict[str, Any], str] | None:
        """See Records."""
        try:
            content = self._path(name).read_bytes()
        except FileNotFoundError:
            return None
        return json.loads(content), _version(content)

    def write(self, name: str, document: Mapping[str, Any], version: str | None) -> str:
        """See Records."""
        content = json.dumps(document, indent=2, sort_keys=True).encode() + b"\n"
        path = self._path(name)
        with self._alone():
            self._check(name, version)
            path.parent.mkdir(parents=True, exist_ok=True)
            with atomic_write(path) as draft:
                draft.write_bytes(content)
        return _version(content)

    def delete(self, name: str, version: str) -> None:
        """See Records."""
        with self._alone():
            if self.read(name) is not None:
                self._check(name, version)
                self._path(name).unlink()

    def names(self, prefix: str) -> list[str]:
        """See Records."""
        found = [str(path.relative_to(self._folder))[: -len(".json")] for path in self._folder.rglob("*.json")]
        return sorted(name for name in found if name.startswith(prefix))

    def _check(self, name: str, version: str | None) -> None:
        found = self.read(name)
        if (found[1] if found else None) != version:
            raise ConflictError(name)

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.json"

    @contextmanager
    def _alone(self) -> Iterator[None]:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(self._folder / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _version(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
