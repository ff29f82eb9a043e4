"""What a supervisor that was killed has left running: by its journal, and by the mark of the home."""

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
from tradewind.local.paths import Home

ABANDONED = "abandoned"
"""The state of such a process."""
_NUMBER = re.compile(r"-\d+$")
_NEEDED = {"service", "requires", "pid", "born", "grace_s"}


@dataclass(frozen=True)
class Left:
    """A process that runs without its supervisor."""

    name: str
    service: str
    process: psutil.Process

    @property
    def born(self) -> float:
        """When it started, Unix time."""
        with suppress(psutil.Error):
            return float(self.process.create_time())
        return time.time()


def journal(home: Home) -> list[dict[str, Any]]:
    """What the supervisor wrote down last; empty where it cannot be read."""
    try:
        return [entry for entry in json.loads(home.journal.read_text()) if entry.keys() >= _NEEDED]
    except (OSError, ValueError, AttributeError, TypeError):
        return []  # the mark in their environment finds them all the same


def same(entry: dict[str, Any]) -> psutil.Process | None:
    """The process of a journal entry, unless its number was given to another one since."""
    try:
        found = psutil.Process(entry["pid"])
        alive = found.status() != psutil.STATUS_ZOMBIE and abs(found.create_time() - entry["born"]) < 0.05
        return found if alive else None
    except psutil.Error:
        return None


def processes_left(home: Home) -> list[Left]:
    """The processes of a home, one of each name; what they have started themselves does not count."""
    found: dict[str, Left] = {}
    for entry in journal(home):
        if alive := same(entry):
            name = str(entry.get("name", entry["service"]))
            found[name] = Left(name, str(entry["service"]), alive)
    for stray in process.strays(home.root):
        try:
            name = stray.environ().get(process.INSTANCE_VARIABLE, stray.name())
        except psutil.Error:
            continue
        found.setdefault(name, Left(name, _NUMBER.sub("", name), stray))
    return list(found.values())


def rows(home: Home, running: Sequence[Left]) -> list[dict[str, Any]]:
    """The same in the public format of ``tradewind status --json``."""
    from tradewind.local.supervisor import used  # what it is made of would make every command start slower

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
            "log": str(home.logs / f"{entry.name}.log"),
            **used(entry.process.pid, ()),
        }
        for entry in running
    ]
