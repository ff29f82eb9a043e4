"""The processes that a killed supervisor has left running, found by its journal and by the platform's mark."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import psutil

from tradewind.local import process
from tradewind.local.paths import StateDirectory

ABANDONED = "abandoned"
"""The state of such a process in ``tradewind status``."""
_NUMBER = re.compile(r"-\d+$")
_NEEDED = {"service", "requires", "pid", "born", "grace_s"}


@dataclass(frozen=True)
class OrphanedProcess:
    """A process that runs without its supervisor."""

    name: str
    service: str
    process: psutil.Process

    @property
    def born(self) -> float:
        """The time at which it started, Unix time."""
        with suppress(psutil.Error):
            return float(self.process.create_time())
        return time.time()


def journal(state_dir: StateDirectory) -> list[dict[str, Any]]:
    """Return the supervisor's last journal; empty if it cannot be read."""
    try:
        return [entry for entry in json.loads(state_dir.journal.read_text()) if entry.keys() >= _NEEDED]
    except (OSError, ValueError, AttributeError, TypeError):
        return []  # the mark in the environment of the processes still finds them


def same(entry: dict[str, Any]) -> psutil.Process | None:
    """Return the process of a journal entry; None if it has ended or its process id now belongs to another process."""
    try:
        found = psutil.Process(entry["pid"])
        alive = found.status() != psutil.STATUS_ZOMBIE and abs(found.create_time() - entry["born"]) < 0.05
        return found if alive else None
    except psutil.Error:
        return None


def processes_left(state_dir: StateDirectory) -> list[OrphanedProcess]:
    """Return the processes of a platform, one for each name. Processes that these have started do not count."""
    found: dict[str, OrphanedProcess] = {}
    for entry in journal(state_dir):
        if alive := same(entry):
            name = str(entry.get("name", entry["service"]))
            found[name] = OrphanedProcess(name, str(entry["service"]), alive)
    for stray in process.strays(state_dir.root):
        try:
            name = stray.environ().get(process.INSTANCE_VARIABLE, stray.name())
        except psutil.Error:
            continue
        found.setdefault(name, OrphanedProcess(name, _NUMBER.sub("", name), stray))
    return list(found.values())


def rows(state_dir: StateDirectory, running: Sequence[OrphanedProcess]) -> list[dict[str, Any]]:
    """Return these processes in the public format of ``tradewind status --json``."""
    from tradewind.local.supervisor import used  # its imports would make every command start slower

    return [
        {
            "name": entry.name,
            "service": entry.service,
            "image": "",
            "wanted": True,
            "state": ABANDONED,
            "healthy": False,
            "problem": "its supervisor was killed",
            "pid": entry.process.pid,
            "uptime_s": round(time.time() - entry.born, 1),
            "cpu_s": None,
            "memory_mb": None,
            "restarts": 0,
            "last_exit": "",
            "url": "",
            "log": str(state_dir.logs / f"{entry.name}.log"),
            **used(entry.process.pid, ()),
        }
        for entry in running
    ]
