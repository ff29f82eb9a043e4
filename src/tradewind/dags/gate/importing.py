"""Imports DAG files as Airflow does, each in a process of its own. Runs as a program, beside Airflow.

Reads lines of JSON from standard input: first an object with ``folder`` and ``Limits``, then the path of a file each.
Prints a line of JSON for each file, in any order: ``reading.read`` says what is in it.

Nothing that a file does harms the rest: it has a time, memory and a number of processes, its output is drained, and
when it is done, all that it has started is ended.
"""

from __future__ import annotations

import ctypes
import errno
import faulthandler
import gc
import importlib
import json
import multiprocessing
import os
import re
import resource
import selectors
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import count
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

import psutil

from tradewind.dags.gate import reading

_OURS = 2
"""The process of a file, and the thread that watches its time."""
_MANY = 1 << 22  # the most that Linux has, PID_MAX_LIMIT
_LATEST_S = 10.0
"""With a file's time once more, seconds until what it has started must be ended."""
_COUNTED_S = 0.25
_KEPT = 4096
"""Bytes of a file's output that are told where its process ends too early."""
_LONGEST = 64 << 20
"""Bytes of what may be said of one file."""
_GRACE_S = 1.0
"""Beyond its time, for a file's process to say where it is."""
_TOO_MANY = b""
_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER, prctl(2): what loses its parent becomes a child of ours
_PDEATHSIG = 1  # PR_SET_PDEATHSIG: do not outlive who watches
_CAPBSET_DROP = 24  # PR_CAPBSET_DROP
_EXEMPT = (21, 24)  # CAP_SYS_ADMIN, CAP_SYS_RESOURCE
_UIDS = 1_700_000_000
"""Real user ids that nobody has, one for each file: the limit of processes is per user, and not for root."""


_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Limits:
    """How many files at once, and what each may take: seconds, megabytes beyond Airflow's, processes and threads.

    ``others``: how many processes and threads the user has besides.
    """

    jobs: int
    import_s: float
    memory_mb: int
    processes: int
    others: int = 0


def main() -> None:
    """Import every file that standard input names."""
    # Airflow says what it does on standard output; that is for the results alone.
    results = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    _libc.prctl(_SUBREAPER, 1, 0, 0, 0)
    reading.prepare()
    first, *paths = (json.loads(line) for line in sys.stdin)
    folder, limits = Path(first.pop("folder")), Limits(**first, others=_others())
    wanted = reading.candidates(folder)
    skipped, files = [p for p in paths if p not in wanted], [p for p in paths if p in wanted]
    for path in skipped:
        print(json.dumps({"file": path, "skipped": True}), file=results)
    results.flush()
    _preload(folder, files)
    gc.collect()
    gc.freeze()  # what a child never changes need not be copied for it
    again = []
    for path, found in _spread(folder, files, limits):
        if limits.jobs > 1 and _was_starved(found):
            again.append(path)
        else:
            print(json.dumps({"file": path, **found}), file=results, flush=True)
    # Except for root, the limit of processes is for all files that are imported at once. Alone, each has all of it.
    for path, found in _spread(folder, again, replace(limits, jobs=1)):
        print(json.dumps({"file": path, **found}), file=results, flush=True)


def _was_starved(found: Mapping[str, Any]) -> bool:
    """Whether a file may have failed for what another one did at the same time."""
    error = str(found.get("error", ""))
    return found.get("rule") == "ends" or os.strerror(errno.EAGAIN) in error or "start new thread" in error


def _preload(folder: Path, files: Iterable[str]) -> None:
    """Import what the files want of Airflow and its providers, as Airflow's DAG processor does before it parses."""
    from airflow.utils.file import iter_airflow_imports

    names: set[str] = set()
    for path in files:
        try:
            names |= set(iter_airflow_imports(str(folder / path)))
        except Exception:  # noqa: S112 (whatever is wrong with the file is told when it is imported)
            continue
    for name in sorted(names):
        try:
            importlib.import_module(name)
        except Exception:  # noqa: S112
            continue


@dataclass
class _Lane:
    """A process that imports one file after another, each in a child, and the file that it has now."""

    connection: Connection[Any, Any]
    pid: int
    path: str = ""
    since: float = 0.0

    def end(self) -> None:
        """Let it end, and wait for that."""
        self.connection.close()
        with suppress(ChildProcessError):
            os.waitpid(self.pid, 0)


def _spread(folder: Path, files: list[str], limits: Limits) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give each lane a file when it has finished one."""
    left = files[::-1]
    numbers = count()
    lanes: list[_Lane] = []
    while left or lanes:
        while left and len(lanes) < limits.jobs:
            lanes.append(_lane(folder, next(numbers), limits, lanes))
            _give(lanes[-1], left)
        ready = wait([lane.connection for lane in lanes], 1.0)
        for lane in lanes:
            # It is stopped, or what it should end does not end. Where it is dead, its end of the pipe is closed.
            if time.monotonic() - lane.since > limits.import_s * 2 + _GRACE_S + _LATEST_S:
                _signal(lane.pid, signal.SIGKILL)
        for lane in [lane for lane in lanes if lane.connection in ready]:
            path, alive = lane.path, True
            try:
                found = lane.connection.recv()
            except (EOFError, OSError):  # somebody ended it; the system does where memory is short
                alive = False
                found = {"error": "what imported it was stopped or killed; is there enough memory?", "rule": "ends"}
            if alive and left:
                _give(lane, left)
            else:
                lanes.remove(lane)
                lane.end()
            if not alive:  # what it leaves is ours once it has ended, and its pipe is closed a moment before
                _end(lambda: _orphans({lane.pid for lane in lanes}))
            yield path, found


def _give(lane: _Lane, left: list[str]) -> None:
    """Give it the next file. Where it is dead, whoever waits for its answer notices."""
    lane.path, lane.since = left.pop(), time.monotonic()
    with suppress(BrokenPipeError):
        lane.connection.send(lane.path)


def _lane(folder: Path, number: int, limits: Limits, others: Iterable[_Lane]) -> _Lane:
    ours, theirs = multiprocessing.Pipe()
    pid = os.fork()
    if pid:
        theirs.close()
        return _Lane(ours, pid)
    code = 1
    try:
        # Whoever has the other end of a pipe keeps those from ending who listen to it.
        for connection in (ours, *(other.connection for other in others)):
            connection.close()
        _libc.prctl(_SUBREAPER, 1, 0, 0, 0)
        status = Path("/proc/self/status").read_text()
        data = int(re.search(r"^VmData:\s+(\d+) kB", status, re.MULTILINE)[1]) << 10  # type: ignore[index]
        memory = data + (limits.memory_mb << 20)
        uid = _UIDS + number * 1_000_000
        while True:
            path = theirs.recv()
            uid += 1
            theirs.send(_import(folder, path, uid, memory, limits))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def _import(folder: Path, path: str, uid: int, memory: int, limits: Limits) -> dict[str, Any]:
    said, says = os.pipe()
    printed, prints = os.pipe()
    stuck = os.memfd_create("stuck")
    began = time.monotonic()
    pid = os.fork()
    if pid == 0:
        try:
            _become(uid, memory, limits, (says, prints, stuck))
            answer = json.dumps(reading.read(folder, path)).encode()
            faulthandler.cancel_dump_traceback_later()
            with os.fdopen(says, "wb") as stream:
                stream.write(len(answer).to_bytes(8, "big") + answer)
            os._exit(0)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)
    os.close(says)
    os.close(prints)
    try:
        told, output = _listen(pid, said, printed, limits)
        found = _judge(pid, told, output, _where(stuck, folder), limits)
    finally:
        _end_all(pid)
        for descriptor in (said, printed, stuck):
            os.close(descriptor)
    return {**found, "seconds": round(time.monotonic() - began, 3)}


def _become(uid: int, memory: int, limits: Limits, descriptors: tuple[int, int, int]) -> None:
    """Make this process, a fresh fork, the one that a file is imported in."""
    says, prints, stuck = descriptors
    os.setsid()
    _libc.prctl(_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    with Path(os.devnull).open() as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(prints, 1)
    os.dup2(prints, 2)
    # Whoever waits for the end of a pipe does not wait for what a file leaves behind.
    for descriptor in [int(path.name) for path in Path("/proc/self/fd").iterdir()]:
        if descriptor not in {0, 1, 2, says, stuck}:
            with suppress(OSError):
                os.close(descriptor)
    resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    others = limits.others
    if os.geteuid() == 0:
        with suppress(OSError):  # in a namespace that does not have the id; then they are counted, see `_listen`
            os.setresuid(uid, -1, -1)
            _drop_capabilities()
            others = 0
    os.nice(1)  # what a file starts does not keep those from working who watch it
    soft, hard = others + limits.processes + _OURS, resource.getrlimit(resource.RLIMIT_NPROC)[1]
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


def _others() -> int:
    """Processes and threads of this user: the limit is for all of them, except for root."""
    found = psutil.process_iter(["uids", "num_threads"])
    return sum(p.info["num_threads"] or 0 for p in found if p.info["uids"] and p.info["uids"].real == os.getuid())


def _listen(pid: int, said: int, printed: int, limits: Limits) -> tuple[bytes | None, bytes]:
    """Wait until the process has said its whole answer, or ends, or takes too much; its answer and its last output."""
    deadline = time.monotonic() + limits.import_s + _GRACE_S
    counted = time.monotonic()
    answer, output = bytearray(), bytearray()
    ended = os.pidfd_open(pid)
    try:
        with selectors.DefaultSelector() as selector:
            for descriptor in (said, printed, ended):
                selector.register(descriptor, selectors.EVENT_READ)
            while (left := deadline - time.monotonic()) > 0:
                ready = {key.fd for key, _ in selector.select(min(left, _COUNTED_S))}
                if time.monotonic() - counted > _COUNTED_S:
                    if _count_below() > limits.processes + _OURS:
                        return _TOO_MANY, bytes(output)
                    counted = time.monotonic()
                if printed in ready:
                    text = os.read(printed, 1 << 16)
                    output[:] = (output + text)[-_KEPT:]
                    if not text:
                        selector.unregister(printed)
                if said in ready:
                    part = os.read(said, 1 << 20)
                    answer += part
                    if not part:
                        selector.unregister(said)
                size = int.from_bytes(answer[:8], "big")
                if len(answer) >= 8 + size > 8 or size > _LONGEST:
                    return bytes(answer[8 : 8 + size]), bytes(output)
                # What it said before its end is read first.
                if ended in ready and not ready & {said, printed}:
                    break
    finally:
        os.close(ended)
    return None, bytes(output)


def _count_below() -> int:
    """Processes and threads below this one."""
    found = 0
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            found += process.num_threads()
    return found


def _judge(pid: int, answer: bytes | None, output: bytes, where: str, limits: Limits) -> dict[str, Any]:
    if answer == _TOO_MANY:
        return {"error": f"it started more than {limits.processes} processes and threads", "rule": "processes"}
    if answer is not None:
        try:
            found: dict[str, Any] = json.loads(answer)
        except ValueError:
            return {"error": f"there is more in it than {_LONGEST >> 20} MB can say", "rule": "size"}
        if found.get("rule") == "memory":
            found["error"] += f"\nit may take {limits.memory_mb} MB"
        return found
    gone, status = os.waitpid(pid, os.WNOHANG)
    if not gone:
        line = int(where.rpartition(":")[2]) if where else 0
        place = f"; it was at {where}" if where else ""
        return {"error": f"it was not imported after {limits.import_s:g} s{place}", "rule": "slow", "line": line}
    code = os.waitstatus_to_exitcode(status)
    how = f"with exit code {code}" if code >= 0 else f"by {signal.Signals(-code).name}"
    last = output.decode(errors="replace").strip().splitlines()[-3:]
    return {"error": "\n".join([f"the process that imported it ended {how}", *last]), "rule": "ends"}


def _where(stuck: int, folder: Path) -> str:
    """``path:line`` in the folder where the file was when its time was over, or nothing."""
    os.lseek(stuck, 0, os.SEEK_SET)
    dump = os.read(stuck, 1 << 16).decode(errors="replace")
    found = re.search(rf'File "{re.escape(str(folder))}/(.+?)", line (\d+)', dump)
    return f"{found[1]}:{found[2]}" if found else ""


def _end_all(pid: int) -> None:
    """End the child and whatever it has started."""
    _signal(pid, signal.SIGKILL)
    with suppress(ChildProcessError):
        os.waitpid(pid, 0)
    if _left():
        _end(lambda: psutil.Process().children(recursive=True))


def _orphans(lanes: set[int]) -> list[psutil.Process]:
    """What is below this process, but for the lanes and what is theirs."""
    found = []
    for child in psutil.Process().children():
        if child.pid not in lanes:
            with suppress(psutil.Error):
                found += [child, *child.children(recursive=True)]
    return found


def _end(find: Callable[[], list[psutil.Process]]) -> None:
    """End all that is found, also what starts more than is ended."""
    while below := find():
        # What is stopped starts nothing more, and ends for nobody before its turn.
        for process in below:
            _signal(process.pid, signal.SIGSTOP)
        if set(find()) <= set(below):
            for process in below:
                _signal(process.pid, signal.SIGKILL)
        _left()


def _left() -> bool:
    """Whether there is any child, after taking leave of the dead. What loses its parent becomes a child of ours."""
    try:
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            continue
    except ChildProcessError:
        return False
    return True


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


if __name__ == "__main__":
    main()
