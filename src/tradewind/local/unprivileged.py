"""Run a program as a user without privileges: ``python -I -S unprivileged.py UID -- PROGRAM [ARGUMENT ...]``.

PostgreSQL refuses to run as root. As another user it must still reach its program and its data. They are often in
folders that only root may enter, such as ``/root`` on Debian. A capability alone does not help: PostgreSQL calls
``access()``, for which the kernel ignores the capabilities of a user other than root. The securebit
``SECBIT_NO_SETUID_FIXUP`` changes this (capabilities(7), access(2)). So the program gets this bit and one capability,
``CAP_DAC_OVERRIDE``, if this process may pass them on. Nothing else is needed: no ``setpriv``, no copy.

This file runs before anything else, and imports no Tradewind module. If the program could not reach a file, it exits
with code 126 and one line on stderr.
"""

from __future__ import annotations

import ctypes
import os
import sys
from contextlib import suppress
from pathlib import Path

CANNOT = 126

# linux/prctl.h, linux/securebits.h, linux/capability.h
_PR_GET_SECUREBITS, _PR_SET_SECUREBITS = 27, 28
_NO_SETUID_FIXUP = 1 << 2
_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE = 47, 2
_CAPABILITY_VERSION_3 = 0x20080522
_CAP_DAC_OVERRIDE = 1


def become(uid: int) -> None:
    """Become the user ``uid``, with CAP_DAC_OVERRIDE if this process may pass it on.

    Raises OSError if the process may not change its user.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    with suppress(AttributeError):  # not Linux
        libc.prctl(_PR_SET_SECUREBITS, libc.prctl(_PR_GET_SECUREBITS) | _NO_SETUID_FIXUP, 0, 0, 0)
    with suppress(OSError):  # some containers refuse this, and then the process has no groups
        os.setgroups([])
    os.setgid(uid)
    os.setuid(uid)
    with suppress(AttributeError):
        _keep_one_capability(libc)


def _keep_one_capability(libc: ctypes.CDLL) -> None:
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    sets = (ctypes.c_uint32 * 6)()  # effective, permitted, inheritable, each twice 32 bits
    libc.capget(header, sets)
    kept = sets[1] & (1 << _CAP_DAC_OVERRIDE)
    libc.capset(header, (ctypes.c_uint32 * 6)(kept, kept, kept, 0, 0, 0))
    if kept:
        libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, _CAP_DAC_OVERRIDE, 0, 0)


def closed(path: Path) -> Path | None:
    """Return the folder above ``path`` that this user may not enter, or ``path`` if it may not be read; else None."""
    for folder in reversed(path.parents):
        if not os.access(folder, os.X_OK):
            return folder
    return None if os.access(path, os.R_OK) else path


def main(argv: list[str]) -> int:
    """Entry point. It returns only if the program cannot be run."""
    uid, _, *program = argv
    try:
        become(int(uid))
    except OSError as error:
        return _cannot(f"root may not become the user {uid} here: {error.strerror}")
    for argument in program:
        path = Path(argument)
        if path.is_absolute() and (found := closed(path)):
            return _cannot(
                f"{program[0].rsplit('/')[-1]} does not run as root, and the user {uid} may not enter {found}"
            )
    return os.execv(program[0], program)  # noqa: S606 (only Tradewind calls this)


def _cannot(text: str) -> int:
    sys.stderr.write(text + "\n")
    return CANNOT


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
