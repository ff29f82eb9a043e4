"""Files that appear whole: nobody ever sees half of one, also not after a crash."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A file beside ``path`` to be written; it takes its place when it is on the disk, and goes where that fails."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")  # two containers may have the same pid
    try:
        yield draft
        to_disk(draft)
        draft.replace(path)
        to_disk(path.parent)
    finally:
        draft.unlink(missing_ok=True)


def to_disk(path: Path) -> None:
    """Return when this file, or the names in this folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
