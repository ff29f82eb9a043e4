"""The record of one process to supervise, and functions that find and end all processes that it started."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tradewind.blueprint import Condition
from tradewind.local.probes import Probe

HOME_VARIABLE = "TRADEWIND_STATE_DIR"
INSTANCE_VARIABLE = "TRADEWIND_INSTANCE"


@dataclass(frozen=True)
class ProcessSpec:
    """One process: its command, its dependencies, its health probe, and how to stop it.

    ``name`` is unique (``worker-2``), and ``service`` is its group (``worker``). ``requires`` maps each service to the
    condition that one of its processes must meet before this one starts. This process stops before all of them.
    ``image`` is its container image, or empty for a program of this virtual environment. ``stamp`` belongs to a
    one-shot task: if the file ``stamp_file`` has the same text, its work is already done. ``env`` has secrets, so the
    repr of the record omits it.
    """

    name: str
    service: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(repr=False)
    log: Path
    probe: Probe | None = None
    requires: Mapping[str, Condition] = field(default_factory=dict)
    stop_signal: signal.Signals = signal.SIGTERM
    stop_grace_s: float = 30.0
    one_shot: bool = False
    stamp: str = ""
    stamp_file: Path | None = None
    url: str = ""
    nice: int = 0
    image: str = ""

    @property
    def is_done(self) -> bool:
        """Whether an earlier run of this one-shot task still counts."""
        if not (self.one_shot and self.stamp and self.stamp_file):
            return False
        try:
            return self.stamp_file.read_text() == self.stamp
        except OSError:
            return False

    def mark_done(self) -> None:
        """Record that this one-shot task has succeeded. If the record cannot be written, it runs again next time."""
        if self.stamp_file:
            with contextlib.suppress(OSError):
                self.stamp_file.write_text(self.stamp)


def stop_waves(requires: Mapping[str, Iterable[str]]) -> list[set[str]]:
    """Return the order in which processes stop, in waves: dependents stop before their dependencies.

    Args:
        requires: the dependencies of each name; dependencies that are not keys are ignored.

    Raises:
        ValueError: the dependencies have a cycle.
    """
    depths: dict[str, int] = {}

    def depth(name: str, path: tuple[str, ...] = ()) -> int:
        if name in path:
            raise ValueError("a cycle of dependencies: " + " -> ".join((*path[path.index(name) :], name)))
        if name not in depths:
            known = [other for other in requires[name] if other in requires]
            depths[name] = 1 + max((depth(other, (*path, name)) for other in known), default=-1)
        return depths[name]

    waves: dict[int, set[str]] = {}
    for name in requires:
        waves.setdefault(depth(name), set()).add(name)
    return [waves[level] for level in sorted(waves, reverse=True)]


def strays(state_dir: Path, instance: str | None = None) -> list[psutil.Process]:
    """Find the processes that have the mark of this platform (and of ``instance``, if given), under any parent.

    A process group is not enough: tasks and Celery's pool create their own groups and sessions. PostgreSQL's backends
    overwrite their mark, but end automatically without their server.
    """
    found = []
    for process in psutil.process_iter():
        try:
            environment = process.environ()
        except (psutil.Error, OSError):
            continue  # it has ended, is a kernel thread, or belongs to another user
        if environment.get(HOME_VARIABLE) == str(state_dir) and instance in (None, environment.get(INSTANCE_VARIABLE)):
            found.append(process)
    return found


def end(processes: Iterable[psutil.Process], grace_s: float) -> None:
    """Send SIGTERM, wait up to ``grace_s`` seconds, send SIGKILL to the rest, and wait up to 10 s for their end."""
    alive = list(processes)
    if grace_s > 0:
        for process in alive:
            _signal(process, signal.SIGTERM)
        _, alive = psutil.wait_procs(alive, timeout=grace_s)
    for process in alive:
        _signal(process, signal.SIGKILL)
    psutil.wait_procs(alive, timeout=10)


def _signal(process: psutil.Process, number: signal.Signals) -> None:
    try:
        process.send_signal(number)
    except psutil.Error:
        return  # it has ended meanwhile, as intended
