"""One supervisor per home: a lock that the kernel releases however its holder ends."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable
from pathlib import Path

_ATTEMPTS = 3
_PAUSE_S = 0.02
"""Who only looks (``is_held``) has the lock for a moment, too."""


def is_held(file: Path) -> bool:
    """Whether a process has the lock. Makes no file."""
    try:
        descriptor = os.open(file, os.O_RDWR)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)  # shared: two may look at once
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def acquire(file: Path, sleep: Callable[[float], None] = time.sleep) -> int | None:
    """Take the lock; returns a descriptor that holds it until it is closed, or None where somebody else has it.

    The file goes away with the folder that it is in, so what was locked must still be what is there.
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
