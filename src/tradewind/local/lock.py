"""One supervisor per platform: a lock that the kernel releases when its holder ends, even if it is killed."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable
from pathlib import Path

_ATTEMPTS = 3
_PAUSE_S = 0.02
"""A process that only checks the lock (``is_held``) holds it for a moment, too."""


def is_held(file: Path) -> bool:
    """Whether a process holds the lock. Creates no file."""
    try:
        descriptor = os.open(file, os.O_RDWR)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)  # shared: two processes may check at once
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def acquire(file: Path, sleep: Callable[[float], None] = time.sleep) -> int | None:
    """Take the lock; returns a descriptor that holds it until it is closed, or None if another process holds it.

    The file is removed with its folder, so the locked file must still be the file at this path.
    """
    attempts = 0
    while True:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            attempts += 1
            if attempts == _ATTEMPTS:
                return None
            sleep(_PAUSE_S)
            continue
        try:
            if os.fstat(descriptor).st_ino == file.stat().st_ino:
                return descriptor
        except FileNotFoundError:
            pass
        os.close(descriptor)
