"""The limits of the process that imports a DAG file, and how they are enforced."""

from __future__ import annotations

import ctypes
import faulthandler
import os
import re
import resource
import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

OURS = 2
"""Not counted against a file: its process, and the thread that watches its time."""
_MANY = 1 << 22  # the highest process id of Linux, PID_MAX_LIMIT
_UIDS = 1_700_000_000
"""The first of the unused real user ids: the limit of processes is per user, and does not apply to root."""
_NAMESPACES = 101
"""How many PID namespaces get distinct user ids. A process id is unique only within one; few exist at a time."""
_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER, prctl(2): adopt orphaned descendants
_PDEATHSIG = 1  # PR_SET_PDEATHSIG: end together with the parent
_CAPBSET_DROP = 24  # PR_CAPBSET_DROP
_EXEMPT = (21, 24)  # CAP_SYS_ADMIN, CAP_SYS_RESOURCE

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Limits:
    """How many processes import at once (``jobs``), and the limits of a file.

    ``import_timeout_s``: seconds. ``memory_mb``: megabytes beyond Airflow's own. ``processes``: processes and threads.
    ``others``: processes and threads that the user has besides.
    """

    jobs: int
    import_timeout_s: float
    memory_mb: int
    processes: int
    others: int = 0


def adopt() -> None:
    """Make orphaned descendants of this process its children."""
    _libc.prctl(_SUBREAPER, 1, 0, 0, 0)


def memory(limits: Limits) -> int:
    """The limit of the data of a fork of this process, in bytes."""
    status = Path("/proc/self/status").read_text()
    data = int(re.search(r"^VmData:\s+(\d+) kB", status, re.MULTILINE)[1]) << 10  # type: ignore[index]
    return data + (limits.memory_mb << 20)


def others() -> int:
    """The processes and threads of this user. The limit counts all of them, and does not apply to root."""
    found = psutil.process_iter(["uids", "num_threads"])
    return sum(p.info["num_threads"] or 0 for p in found if p.info["uids"] and p.info["uids"].real == os.getuid())


def become(data: int, limits: Limits, descriptors: tuple[int, int, int]) -> None:
    """Turn this process, a fresh fork, into one that imports files.

    As root, it takes a real user id that no other process on the machine has. ``data``: see ``memory``.
    ``descriptors``: for its results, for its output, and for the traceback when the time of a file is over. All others
    are closed.
    """
    says, prints, stuck = descriptors
    os.setsid()
    _libc.prctl(_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    adopt()
    with Path(os.devnull).open() as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(prints, 1)
    os.dup2(prints, 2)
    # A process that a file leaves behind must not keep a pipe open: other processes wait until it is closed.
    for descriptor in [int(path.name) for path in Path("/proc/self/fd").iterdir()]:
        if descriptor not in {0, 1, 2, says, stuck}:
            with suppress(OSError):
                os.close(descriptor)
    resource.setrlimit(resource.RLIMIT_DATA, (data, data))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    besides = limits.others
    if os.geteuid() == 0:
        with suppress(OSError):  # the user namespace may lack the id; then `import_workers` counts the processes
            os.setresuid(_uid(), -1, -1)
            _drop_capabilities()
            besides = 0
    os.nice(1)  # the processes of a file must not slow down the lane that watches them
    soft, hard = besides + limits.processes + OURS, resource.getrlimit(resource.RLIMIT_NPROC)[1]
    highest = _MANY if hard == resource.RLIM_INFINITY else hard
    while True:
        resource.setrlimit(resource.RLIMIT_NPROC, (min(soft, highest), hard))
        try:
            faulthandler.dump_traceback_later(limits.import_timeout_s, file=stuck)  # it starts a thread
        except RuntimeError:
            if soft >= highest:
                raise
            soft *= 2  # the user has more processes in other containers, which are not visible here
        else:
            break
    resource.setrlimit(resource.RLIMIT_NPROC, (min(soft, highest),) * 2)


def _uid() -> int:
    """A user id for this process alone, also if another gate runs. Across containers, a collision is very unlikely."""
    namespace = Path("/proc/self/ns/pid").stat().st_ino % _NAMESPACES
    return _UIDS + namespace * (_MANY + 1) + os.getpid()


def _drop_capabilities() -> None:
    """Drop, permanently, the capabilities that exempt from the process limit. See capset(2), capabilities(7)."""
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    sets = (ctypes.c_uint32 * 6)()  # effective, permitted, inheritable of 0 to 31, then of 32 to 63
    _libc.capget(header, sets)
    for capability in _EXEMPT:
        _libc.prctl(_CAPBSET_DROP, capability, 0, 0, 0)
        for part in range(3):
            sets[part] &= ~(1 << capability)
    if _libc.capset(header, sets) != 0:
        raise OSError(ctypes.get_errno(), "capset")
