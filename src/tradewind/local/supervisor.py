"""Runs the state machine: starts processes, watches and probes them, and carries out the machine's actions."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from tradewind.local import process as processes
from tradewind.local.forked import ForkServer, Started
from tradewind.local.process import ProcessSpec
from tradewind.local.state_machine import Action, Event, Exited, Machine, Probed, Process, Send, Spawn, Spawned, State

PROBE_STARTING_S = 0.25
PROBE_RUNNING_S = 5.0
LOG_LIMIT_BYTES = 20_000_000


@dataclass
class Running:
    """One operating-system process."""

    process: Started
    started_at: float  # Unix time
    watchers: list[asyncio.Task[None]] = field(default_factory=list)


class Supervisor:
    """Owns the processes of one platform. One loop consumes one event queue."""

    def __init__(self, state_dir: Path, journal: Path, fork_server: ForkServer | None = None) -> None:
        self.state_dir = state_dir
        self.fork_server = fork_server
        self.journal = journal
        self.machine = Machine()
        self.running: dict[str, Running] = {}
        self._events: asyncio.Queue[Event | None] = asyncio.Queue()

    def send(self, event: Event) -> None:
        """Hand an event to the loop."""
        self._events.put_nowait(event)

    async def begin(self) -> None:
        """Start the fork server, which imports the common modules in the background."""
        if self.fork_server:
            await self.fork_server.begin()

    async def run(self, specs: Iterable[ProcessSpec]) -> None:
        """Start all processes and keep them running until a Stop has ended them."""
        await self._carry_out(self.machine.add(specs, time.monotonic()))
        while not self.machine.all_stopped:
            now = time.monotonic()
            due = self.machine.next_due(now)
            try:
                event = await asyncio.wait_for(self._events.get(), None if due is None else max(0.0, due - now))
            except TimeoutError:
                await self._carry_out(self.machine.tick(time.monotonic()))
                continue
            if event is not None:
                await self._carry_out(self.machine.handle(event, time.monotonic()))
        if self.fork_server:
            await self.fork_server.end()
        await asyncio.to_thread(processes.end, processes.strays(self.state_dir), 0.0)

    async def add(self, specs: Iterable[ProcessSpec]) -> None:
        """Add processes while the platform runs."""
        await self._carry_out(self.machine.add(specs, time.monotonic()))
        self._events.put_nowait(None)  # the loop computes its next due time again

    async def _carry_out(self, actions: Iterable[Action]) -> None:
        for action in actions:
            match action:
                case Spawn(name):
                    await self._spawn(self.machine.processes[name].spec)
                case Send(name, number, everything):
                    await self._signal(name, number, everything)

    async def _spawn(self, spec: ProcessSpec) -> None:
        started_at = time.time()
        try:
            descriptor = _opened(spec.log)
        except OSError as error:
            self.send(Exited(spec.name, 127, f"cannot write {spec.log}: {error.strerror}"))
            return
        try:
            process = await self._start(spec, descriptor)
        except OSError as error:
            self.send(Exited(spec.name, 127, f"cannot start {spec.argv[0]}: {error.strerror}"))
            return
        finally:
            os.close(descriptor)
        if spec.nice:
            with contextlib.suppress(psutil.Error):
                psutil.Process(process.pid).nice(spec.nice)
        running = Running(process, started_at)
        self.running[spec.name] = running
        self._write_journal()
        running.watchers.append(asyncio.create_task(self._watch(spec, running)))
        if spec.probe:
            running.watchers.append(asyncio.create_task(self._probe(spec, running)))
        self.send(Spawned(spec.name))

    async def _start(self, spec: ProcessSpec, log: int) -> Started:
        if self.fork_server and not spec.image and self.fork_server.can_start(spec.argv):
            forked = await self.fork_server.start(spec.argv, spec.env, self.state_dir, log)
            if forked:
                return forked
        return await asyncio.create_subprocess_exec(
            *spec.argv,
            env=dict(spec.env),
            cwd=self.state_dir,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=asyncio.subprocess.STDOUT,
            # A group, not a session: Linux divides processor time among sessions before it considers niceness.
            process_group=0,
        )

    async def _watch(self, spec: ProcessSpec, running: Running) -> None:
        code = await running.process.wait()
        if not spec.one_shot:
            # Processes that it leaves (Celery's pool, tasks) must not run beside its successor.
            left = await asyncio.to_thread(processes.strays, self.state_dir, spec.name)
            await asyncio.to_thread(processes.end, left, 0.0)
        self.running.pop(spec.name, None)
        self._write_journal()
        for watcher in running.watchers:
            if watcher is not asyncio.current_task():
                watcher.cancel()
        self.send(Exited(spec.name, code))

    async def _probe(self, spec: ProcessSpec, running: Running) -> None:
        assert spec.probe
        while True:
            verdict = await asyncio.to_thread(spec.probe.look, running.started_at)
            self.send(Probed(spec.name, verdict))
            await asyncio.sleep(PROBE_RUNNING_S if verdict.well else PROBE_STARTING_S)

    async def _signal(self, name: str, number: signal.Signals, everything: bool) -> None:
        if running := self.running.get(name):
            with contextlib.suppress(ProcessLookupError):
                running.process.send_signal(number)
        if everything:
            left = await asyncio.to_thread(processes.strays, self.state_dir, name)
            await asyncio.to_thread(processes.end, left, 0.0)

    def _write_journal(self) -> None:
        """Record the running processes, so that the next command can clean up if this process is killed.

        If the journal cannot be written, the next command finds them by their mark: see ``orphans``.
        """
        entries = []
        for name, running in self.running.items():
            with contextlib.suppress(psutil.Error):
                born = psutil.Process(running.process.pid).create_time()
                spec = self.machine.processes[name].spec
                entries.append(
                    {
                        "name": name,
                        "service": spec.service,
                        "pid": running.process.pid,
                        "born": born,
                        "grace_s": spec.stop_grace_s,
                        "requires": sorted(spec.requires),
                    }
                )
        temporary = self.journal.with_suffix(".new")
        with contextlib.suppress(OSError):
            temporary.write_text(json.dumps(entries))
            temporary.replace(self.journal)

    def report(self, usage: bool) -> list[dict[str, Any]]:
        """Return the state of every process, in the order of their start. The keys are the public ``--json`` format.

        ``usage`` adds CPU and memory. This takes a tenth of a second of CPU: do not use it in a loop.
        """
        return [self._row(process, usage) for process in list(self.machine.processes.values())]

    def _row(self, process: Process, usage: bool) -> dict[str, Any]:
        spec = process.spec
        running = self.running.get(spec.name)
        row: dict[str, Any] = {
            "name": spec.name,
            "service": spec.service,
            "image": spec.image,
            "wanted": process.wanted,
            "state": process.state.value,
            "healthy": process.state in {State.HEALTHY, State.DONE},
            "problem": process.problem,
            "pid": running.process.pid if running else None,
            "uptime_s": round(time.time() - running.started_at, 1) if running else None,
            "cpu_s": None,
            "memory_mb": None,
            "restarts": process.restarts,
            "last_exit": process.last_exit,
            "url": spec.url,
            "log": str(spec.log),
        }
        if running and usage:
            row.update(used(running.process.pid, processes.strays(self.state_dir, spec.name) if spec.image else ()))
        return row


def used(pid: int, inside: Iterable[psutil.Process]) -> dict[str, float]:
    """Return the CPU seconds and resident memory of a process, its descendants, and the processes in its container.

    ``inside`` has the processes in the container, which are not its descendants. Shared memory is divided among the
    processes (PSS) if the kernel reports it.
    """
    cpu, memory = 0.0, 0
    try:
        root = psutil.Process(pid)
        family = {root, *root.children(recursive=True), *inside}
    except psutil.Error:
        return {}
    for member in family:
        with contextlib.suppress(psutil.Error), member.oneshot():
            times = member.cpu_times()
            cpu += times.user + times.system
            memory += _resident(member)
    return {"cpu_s": round(cpu, 2), "memory_mb": round(memory / 1e6, 1)}


def _resident(member: psutil.Process) -> int:
    try:
        # Forked children share most of their parent's memory. To count it for each would give several times too much.
        full = member.memory_full_info()
    except psutil.AccessDenied:
        return int(member.memory_info().rss)
    return int(getattr(full, "pss", 0) or full.rss)


def _opened(log: Path) -> int:
    log.parent.mkdir(parents=True, exist_ok=True)
    _rotate(log)
    return os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)


def _rotate(log: Path) -> None:
    """Rename a log that is too large, and keep one such log. Running processes append to the file that is open."""
    try:
        if log.stat().st_size > LOG_LIMIT_BYTES:
            log.replace(log.with_name(log.name + ".1"))
    except OSError:
        return
