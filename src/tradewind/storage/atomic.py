"""Files that appear whole, also after a crash and over NFS, and are seen when they are there."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """A file beside ``path`` to be written; it takes its place when it is on the disk, and goes where that fails."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")  # two containers may have the same pid
    try:
        yield draft
        to_disk(draft)
        draft.replace(path)
        to_disk(path.parent)
    finally:
        draft.unlink(missing_ok=True)


def read(path: Path) -> bytes:
    """The content of a file that may have come into being a moment ago, on another machine.

    Over NFS a name that was not there stays so for half a minute, whatever has happened since; to list its folder asks
    the server. Raises OSError as ``read_bytes`` does.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        list(path.parent.iterdir())
        return path.read_bytes()


def to_disk(path: Path) -> None:
    """Return when this file, or the names in this folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
