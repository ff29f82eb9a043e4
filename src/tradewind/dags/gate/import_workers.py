"""Import workers: processes that import DAG files in children, watch them, and end every process that these start.

A file has a process of its own, or shares one with others if none of them leaves a trace in it (``side_effects``). A
failure in a shared process does not count: that file is imported again in a process of its own.
"""

from __future__ import annotations

import faulthandler
import json
import multiprocessing
import os
import re
import selectors
import signal
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

import psutil

from tradewind.dags.gate import confine, extraction
from tradewind.dags.gate.confine import OURS, Limits
from tradewind.dags.gate.dag_facts import MALFORMED_RESULT
from tradewind.dags.gate.side_effects import SideEffects

_TOGETHER = 64
"""The most files that share a process."""
_PATIENT_S = 2.0
"""Seconds for one of several files that share a process. A file that takes longer gets a process of its own."""
_LONG_S = 5.0
"""Seconds for all files that share a process. The remaining files go to the next process."""
_LATEST_S = 10.0
"""Seconds, added to the time of the files and of one more, in which a worker must end all that they have started."""
_GRACE_S = 1.0
"""Seconds beyond the time of a file, for its process to report its position."""
_COUNTED_S = 0.25
_KEPT = 4096
"""The last bytes of a file's output, which are reported if its process ends too early."""
_LONGEST = 64 << 20
"""The largest result of one file, in bytes."""

Found = dict[str, Any]
_AS_IT_WAS = "as it was"
_PATH = "path"
_KILLED: Found = {
    "error": "the process that imported it was stopped or killed; is there enough memory?",
    "rule": "ends",
}


@dataclass
class Files:
    """The files that are still to be imported. ``apart``: each of these in a process of its own."""

    left: list[str]
    apart: list[str] = field(default_factory=list)
    together: int = 2
    """How many files are tried in one process. Of two, the first result counts even if that file leaves a trace."""

    def __bool__(self) -> bool:
        return bool(self.left or self.apart)

    def take(self, jobs: int) -> list[str]:
        """The next to share a process; fewer towards the end, so that no worker waits for another."""
        if self.apart:
            return [self.apart.pop()]
        number = max(1, min(self.together, len(self.left) // (2 * jobs)))
        taken, self.left = self.left[:number], self.left[number:]
        return taken

    def put_back(self, taken: list[str], answer: Answer) -> None:
        """Put back the files without a result. If files leave traces, fewer are tried together."""
        again = [path for path in taken if path not in answer.found and path not in answer.apart]
        self.left = again + self.left
        self.apart += answer.apart
        if len(taken) > 1:
            whole = len(answer.found) == len(taken)
            self.together = min(_TOGETHER, self.together * 2) if whole else max(2, len(answer.found))


@dataclass
class Answer:
    """The answer of a worker: results of files, and the files that must have a process of their own."""

    found: dict[str, Found] = field(default_factory=dict)
    apart: list[str] = field(default_factory=list)


@dataclass
class _ImportWorker:
    """A process that imports files in child processes, and the files that it imports now."""

    connection: Connection[Any, Any]
    pid: int
    paths: list[str] = field(default_factory=list)
    until: float = 0.0

    def end(self) -> None:
        """Close its connection, and wait for its end."""
        self.connection.close()
        with suppress(ChildProcessError):
            os.waitpid(self.pid, 0)

    def give(self, paths: list[str], limits: Limits) -> None:
        """Send it the next files. If it is dead, ``spread`` notices that its connection is closed."""
        longest = limits.import_timeout_s if len(paths) == 1 else _LONG_S + 2 * _PATIENT_S
        self.paths, self.until = paths, time.monotonic() + longest + limits.import_timeout_s + _GRACE_S + _LATEST_S
        with suppress(BrokenPipeError):
            self.connection.send(paths)


def spread(folder: Path, paths: list[str], limits: Limits, traces: SideEffects | None) -> Iterator[tuple[str, Found]]:
    """Give each worker files when it has finished some; yield the result of each file, in any order.

    ``traces``: the state before the first import; without it, no file shares a process.
    """
    files = Files(list(paths)) if traces else Files([], apart=paths[::-1])
    workers: list[_ImportWorker] = []
    while files or workers:
        while files and len(workers) < limits.jobs:
            workers.append(_import_worker(folder, limits, traces, workers))
            workers[-1].give(files.take(limits.jobs), limits)
        ready = wait([worker.connection for worker in workers], 1.0)
        for worker in workers:
            # It is stopped, or a process that it must end does not end. A dead worker closes its end of the pipe.
            if time.monotonic() > worker.until:
                _signal(worker.pid, signal.SIGKILL)
        for worker in [worker for worker in workers if worker.connection in ready]:
            taken, alive = worker.paths, True
            try:
                answer = worker.connection.recv()
            except (EOFError, OSError):  # it was killed; the system does that if memory is short
                alive = False
                answer = Answer(apart=taken) if len(taken) > 1 else Answer({taken[0]: _KILLED})
            files.put_back(taken, answer)
            if alive and files:
                worker.give(files.take(limits.jobs), limits)
            else:
                workers.remove(worker)
                worker.end()
            if not alive:  # its children come to this process when it has ended, and its pipe closes a moment earlier
                _end(lambda: _orphans({worker.pid for worker in workers}))
            yield from answer.found.items()


def _import_worker(
    folder: Path, limits: Limits, traces: SideEffects | None, others: Iterable[_ImportWorker]
) -> _ImportWorker:
    ours, theirs = multiprocessing.Pipe()
    pid = os.fork()
    if pid:
        theirs.close()
        return _ImportWorker(ours, pid)
    code = 1
    try:
        # A pipe reports its end only when no process holds the other side, so this worker closes inherited pipes.
        for connection in (ours, *(other.connection for other in others)):
            connection.close()
        confine.adopt()
        data = confine.memory(limits)
        while True:
            paths = theirs.recv()
            theirs.send(_import(folder, paths, data, limits, traces))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def _import(folder: Path, paths: list[str], data: int, limits: Limits, traces: SideEffects | None) -> Answer:
    said, says = os.pipe()
    printed, prints = os.pipe()
    stuck = os.memfd_create("stuck")
    began = time.monotonic()
    pid = os.fork()
    if pid == 0:
        try:
            confine.become(data, limits, (says, prints, stuck))
            itself = os.getpid()
            with os.fdopen(says, "wb") as stream:
                for found in _read(folder, paths, traces):
                    if os.getpid() != itself:
                        os._exit(0)  # a file has forked, and the copy has returned from the import, too
                    answer = json.dumps(found).encode()
                    stream.write(len(answer).to_bytes(8, "big") + answer)
                    stream.flush()
            os._exit(0)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)
    os.close(says)
    os.close(prints)
    child = _Child(pid, said, printed, limits)
    try:
        if len(paths) > 1:
            return _together(paths, child)
        found = next(child.answers(limits.import_timeout_s + _GRACE_S), {}) or child.silence(_where(stuck, folder))
        if found.get("rule") == "memory":
            found["error"] += f"\nthe limit is {limits.memory_mb} MB beyond Airflow's own"
        return Answer({paths[0]: {**found, "seconds": round(time.monotonic() - began, 3)}})
    finally:
        _end_all(pid)
        for descriptor in (said, printed, stuck):
            os.close(descriptor)


def _read(folder: Path, paths: list[str], traces: SideEffects | None) -> Iterator[Found]:
    """In the child: the result of each file, until one leaves a trace. For several, at last whether a trace is left."""
    if len(paths) == 1 or not traces:
        found = extraction.read(folder, paths[0])
        faulthandler.cancel_dump_traceback_later()
        yield found
        return
    traces.begin(folder)
    began = time.monotonic()
    for path in paths:
        since = time.monotonic()
        found = extraction.read(folder, path)
        yield {**found, "seconds": round(time.monotonic() - since, 3), _PATH: path}
        if not traces.forget(folder) or time.monotonic() - began > _LONG_S:
            break
    yield {_AS_IT_WAS: path == paths[0] or traces.none()}  # before the first, there was none


def _together(paths: list[str], child: _Child) -> Answer:
    """The results of files that share a process. They count only if it reports at the end that no trace was left."""
    read: dict[str, Found] = {}
    for found in child.answers(_PATIENT_S):
        if _AS_IT_WAS in found and read:
            fine = {path: each for path, each in read.items() if found[_AS_IT_WAS] and not each.get("error")}
            return Answer(fine, [path for path in read if path not in fine])
        path = found.pop(_PATH, None)
        if len(read) == len(paths) or path != paths[len(read)]:  # the code of a file wrote it
            return Answer(apart=paths)
        read[path] = found
    # It ended or exceeded a limit: in the file after those with a result, or after the last file.
    return Answer(apart=paths[len(read) : len(read) + 1] or paths)


class _Child:
    """The process that imports files, as its worker watches it."""

    def __init__(self, pid: int, said: int, printed: int, limits: Limits) -> None:
        self._pid = pid
        self._said = said
        self._printed = printed
        self._limits = limits
        self._asks = os.getppid()
        self._output = bytearray()
        self._too_much: Found = {}

    def answers(self, wait_s: float) -> Iterator[Found]:
        """Yield its results, each within ``wait_s`` after the previous one, until it ends or exceeds a limit."""
        deadline = time.monotonic() + wait_s
        counted = time.monotonic()
        heard = bytearray()
        ended = os.pidfd_open(self._pid)
        try:
            with selectors.DefaultSelector() as selector:
                for descriptor in (self._said, self._printed, ended):
                    selector.register(descriptor, selectors.EVENT_READ)
                while not self._too_much and (left := deadline - time.monotonic()) > 0:
                    ready = {key.fd for key, _ in selector.select(min(left, _COUNTED_S))}
                    if time.monotonic() - counted > _COUNTED_S:
                        self._count()
                        counted = time.monotonic()
                    if self._printed in ready:
                        text = os.read(self._printed, 1 << 16)
                        self._output[:] = (self._output + text)[-_KEPT:]
                        if not text:
                            selector.unregister(self._printed)
                    if self._said in ready:
                        part = os.read(self._said, 1 << 20)
                        heard += part
                        if not part:
                            selector.unregister(self._said)
                    while found := self._next(heard):
                        yield found
                        deadline = time.monotonic() + wait_s
                    # The results from before its end are read first.
                    if ended in ready and not ready & {self._said, self._printed}:
                        return
        finally:
            os.close(ended)

    def _next(self, heard: bytearray) -> Found:
        """Take the first whole result from the bytes that were received; empty if there is none."""
        size = int.from_bytes(heard[:8], "big")
        if size > _LONGEST:
            self._too_much = {"error": f"its result is larger than {_LONGEST >> 20} MB", "rule": "size"}
        if len(heard) < 8 or len(heard) < 8 + size or self._too_much:
            return {}
        answer = bytes(heard[8 : 8 + size])
        del heard[: 8 + size]
        try:
            found = json.loads(answer)
        except ValueError:
            found = None
        return found if isinstance(found, dict) and found else dict(MALFORMED_RESULT)

    def _count(self) -> None:
        if os.getppid() != self._asks:
            self._too_much = {"error": "the gate ended before the import did", "rule": "ends"}
        elif _count_below() > self._limits.processes + OURS:
            text = f"it started more than {self._limits.processes} processes and threads"
            self._too_much = {"error": text, "rule": "processes"}

    def silence(self, where: str) -> Found:
        """Why there is no result. ``where``: its position when its time was over."""
        if self._too_much:
            return self._too_much
        gone, status = os.waitpid(self._pid, os.WNOHANG)
        if not gone:
            line = int(where.rpartition(":")[2]) if where else 0
            place = f"; it was at {where}" if where else ""
            return {
                "error": f"its import did not end within {self._limits.import_timeout_s:g} s{place}",
                "rule": "slow",
                "line": line,
            }
        code = os.waitstatus_to_exitcode(status)
        how = f"with exit code {code}" if code >= 0 else f"by {signal.Signals(-code).name}"
        last = self._output.decode(errors="replace").strip().splitlines()[-3:]
        return {"error": "\n".join([f"the process that imported it ended {how}", *last]), "rule": "ends"}


def _count_below() -> int:
    """The number of processes and threads below this process."""
    found = 0
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            found += process.num_threads()
    return found


def _where(stuck: int, folder: Path) -> str:
    """The position of the file when its time was over, ``path:line`` in the folder; empty if unknown."""
    os.lseek(stuck, 0, os.SEEK_SET)
    dump = os.read(stuck, 1 << 16).decode(errors="replace")
    found = re.search(rf'File "{re.escape(str(folder))}/(.+?)", line (\d+)', dump)
    return f"{found[1]}:{found[2]}" if found else ""


def _end_all(pid: int) -> None:
    """End the child and every process that it has started."""
    _signal(pid, signal.SIGKILL)
    with suppress(ChildProcessError):
        os.waitpid(pid, 0)
    if _left():
        _end(lambda: psutil.Process().children(recursive=True))


def _orphans(workers: set[int]) -> list[psutil.Process]:
    """The processes below this one, except the workers and their descendants."""
    found = []
    for child in psutil.Process().children():
        if child.pid not in workers:
            with suppress(psutil.Error):
                found += [child, *child.children(recursive=True)]
    return found


def _end(find: Callable[[], list[psutil.Process]]) -> None:
    """End every process that ``find`` returns, also if they start more at the same time."""
    while below := find():
        # A stopped process starts no other one, and does not end before it is killed here.
        for process in below:
            _signal(process.pid, signal.SIGSTOP)
        if set(find()) <= set(below):
            for process in below:
                _signal(process.pid, signal.SIGKILL)
        _left()


def _left() -> bool:
    """Reap the children that have ended; whether any is left. This process adopts orphaned descendants."""
    try:
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            continue
    except ChildProcessError:
        return False
    return True


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)
