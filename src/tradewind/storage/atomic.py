"""Atomic writes that survive a crash and work over NFS, and reads that find a new file over NFS."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """A draft beside ``path`` to write. It replaces ``path`` when it is on the disk, and is removed if that fails."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")  # two containers may have the same pid
    try:
        yield draft
        to_disk(draft)
        draft.replace(path)
        to_disk(path.parent)
    finally:
        draft.unlink(missing_ok=True)


def read(path: Path) -> bytes:
    """The content of a file that another machine may have created a moment ago.

    An NFS client may report a name as missing for half a minute after it was created. Listing its folder makes the
    client ask the server. Raises OSError as ``read_bytes`` does.
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
