"""What the process of a DAG file may take, and how it is kept to it."""

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
"""The process of a file, and the thread that watches its time."""
_MANY = 1 << 22  # the most that Linux has, PID_MAX_LIMIT
_UIDS = 1_700_000_000
"""Real user ids that nobody has, from here on: the limit of processes is per user, and not for root."""
_NAMESPACES = 101
"""Of process ids, whose numbers are unique only within one: so many are told apart, of which a few are ever there."""
_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER, prctl(2): what loses its parent becomes a child of ours
_PDEATHSIG = 1  # PR_SET_PDEATHSIG: do not outlive who watches
_CAPBSET_DROP = 24  # PR_CAPBSET_DROP
_EXEMPT = (21, 24)  # CAP_SYS_ADMIN, CAP_SYS_RESOURCE

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Limits:
    """How many processes import at once, and what a file may take.

    Seconds, megabytes beyond Airflow's, processes and threads. ``others``: how many of these the user has besides.
    """

    jobs: int
    import_s: float
    memory_mb: int
    processes: int
    others: int = 0


def adopt() -> None:
    """What loses its parent below this process becomes a child of it."""
    _libc.prctl(_SUBREAPER, 1, 0, 0, 0)


def memory(limits: Limits) -> int:
    """Bytes of data that a fork of this process may have."""
    status = Path("/proc/self/status").read_text()
    data = int(re.search(r"^VmData:\s+(\d+) kB", status, re.MULTILINE)[1]) << 10  # type: ignore[index]
    return data + (limits.memory_mb << 20)


def others() -> int:
    """Processes and threads of this user: the limit is for all of them, except for root."""
    found = psutil.process_iter(["uids", "num_threads"])
    return sum(p.info["num_threads"] or 0 for p in found if p.info["uids"] and p.info["uids"].real == os.getuid())


def become(data: int, limits: Limits, descriptors: tuple[int, int, int]) -> None:
    """Make this process, a fresh fork, one that files are imported in.

    For root, it takes a real user id that no other process on the machine has. ``data``: see ``memory``.
    ``descriptors``: for its answers, for its output, and for where it is when a file's time is over; all others are
    closed.
    """
    says, prints, stuck = descriptors
    os.setsid()
    _libc.prctl(_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    adopt()
    with Path(os.devnull).open() as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(prints, 1)
    os.dup2(prints, 2)
    # Whoever waits for the end of a pipe does not wait for what a file leaves behind.
    for descriptor in [int(path.name) for path in Path("/proc/self/fd").iterdir()]:
        if descriptor not in {0, 1, 2, says, stuck}:
            with suppress(OSError):
                os.close(descriptor)
    resource.setrlimit(resource.RLIMIT_DATA, (data, data))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    besides = limits.others
    if os.geteuid() == 0:
        with suppress(OSError):  # in a namespace that does not have the id; then they are counted, see `lanes`
            os.setresuid(_uid(), -1, -1)
            _drop_capabilities()
            besides = 0
    os.nice(1)  # what a file starts does not keep those from working who watch it
    soft, hard = besides + limits.processes + OURS, resource.getrlimit(resource.RLIMIT_NPROC)[1]
    highest = _MANY if hard == resource.RLIM_INFINITY else hard
    while True:
        resource.setrlimit(resource.RLIMIT_NPROC, (min(soft, highest), hard))
        try:
            faulthandler.dump_traceback_later(limits.import_s, file=stuck)  # it starts a thread
        except RuntimeError:
            if soft >= highest:
                raise
            soft *= 2  # the user has more processes than can be seen from here: in other containers of the machine
        else:
            break
    resource.setrlimit(resource.RLIMIT_NPROC, (min(soft, highest),) * 2)


def _uid() -> int:
    """Of this process alone, also where another gate runs; in other containers, as good as certainly."""
    namespace = Path("/proc/self/ns/pid").stat().st_ino % _NAMESPACES
    return _UIDS + namespace * (_MANY + 1) + os.getpid()


def _drop_capabilities() -> None:
    """Give up for good what exempts from the limit of processes. See capset(2), capabilities(7)."""
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    sets = (ctypes.c_uint32 * 6)()  # effective, permitted, inheritable of 0 to 31, then of 32 to 63
    _libc.capget(header, sets)
    for capability in _EXEMPT:
        _libc.prctl(_CAPBSET_DROP, capability, 0, 0, 0)
        for part in range(3):
            sets[part] &= ~(1 << capability)
    if _libc.capset(header, sets) != 0:
        raise OSError(ctypes.get_errno(), "capset")
