"""The record of one process to supervise, and the sweep that leaves nothing of it behind."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tradewind.blueprint import Condition
from tradewind.local.probes import Probe

HOME_VARIABLE = "TRADEWIND_HOME"
INSTANCE_VARIABLE = "TRADEWIND_INSTANCE"


@dataclass(frozen=True)
class ProcessSpec:
    """One process: what to run, when it may start, how to see that it is well, and how to end it.

    ``name`` is unique (``worker-2``), ``service`` the group it belongs to (``worker``). ``requires`` maps services to
    what one of their processes must have reached before this one starts; it stops before all of them. ``image`` is
    what it runs from, or empty where it is a program of this environment. ``stamp`` of
    a one-off: when the file ``stamp_file`` holds the same text, its work is already done. ``env`` holds secrets and
    is therefore not in the record's repr.
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
    one_off: bool = False
    stamp: str = ""
    stamp_file: Path | None = None
    url: str = ""
    nice: int = 0
    image: str = ""

    @property
    def is_done(self) -> bool:
        """Whether an earlier run of this one-off still counts."""
        if not (self.one_off and self.stamp and self.stamp_file):
            return False
        try:
            return self.stamp_file.read_text() == self.stamp
        except OSError:
            return False

    def mark_done(self) -> None:
        """Remember that the work of this one-off is done. Where that cannot be written, it is done again next time."""
        if self.stamp_file:
            with contextlib.suppress(OSError):
                self.stamp_file.write_text(self.stamp)


def stop_waves(requires: Mapping[str, Iterable[str]]) -> list[set[str]]:
    """The order in which processes stop: each wave after the one before, dependents before what they depend on.

    Args:
        requires: from each name to the names that it depends on; names that are not keys are ignored.

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


def strays(home: Path, instance: str | None = None) -> list[psutil.Process]:
    """Processes that carry this home's mark (and ``instance``'s, if given), wherever they were reparented.

    A process group is not enough: tasks and Celery's pool make groups and sessions of their own. PostgreSQL's backends
    overwrite their mark, but end by themselves without their server.
    """
    found = []
    for process in psutil.process_iter():
        try:
            environment = process.environ()
        except (psutil.Error, OSError):
            continue  # gone, a kernel thread, or somebody else's
        if environment.get(HOME_VARIABLE) == str(home) and instance in (None, environment.get(INSTANCE_VARIABLE)):
            found.append(process)
    return found


def end(processes: Iterable[psutil.Process], grace_s: float) -> None:
    """SIGTERM, wait up to ``grace_s`` seconds, SIGKILL what is left, wait until it is gone."""
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
        return  # gone meanwhile, which is what was wanted
