"""The resident service: waits to become the leader, then runs commands, scales workers and removes old releases.

One controller is the leader, by a lease; the others wait. A controller that loses the lease, or one of its threads,
ends. ECS or the supervisor starts it anew, and it waits. Its unfinished commands are in the records, and the next
leader continues them.
"""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from tradewind.errors import HeldError
from tradewind.runtime.controller.dispatcher import StoppedError
from tradewind.storage.lease import Lease, LeaseKey, LostError
from tradewind.storage.records import Records

log = logging.getLogger(__name__)

LOOK_S = 5.0
"""Seconds between two checks of the lease: it is renewed every 15 s, and expires after 60 s."""
HANGS_S = 300.0
"""A periodic task that takes this long never ends: a change of DAGs has a thread of its own."""


@dataclass(frozen=True)
class PeriodicTask:
    """Work that the leader repeats every ``every_s`` seconds. If it fails, the leader tries again the next time."""

    name: str
    every_s: float
    do: Callable[[], object]


class Controller:
    """Runs ``periodic_tasks`` for as long as it has the lease. ``stopped`` is set when all work must stop.

    ``heartbeat`` is touched while this process is healthy, whether it is the leader or waits. ``look_s``: seconds
    between two checks of the lease. ``hangs_s``: a periodic task that takes this many seconds ends the controller.
    """

    def __init__(
        self,
        records: Records,
        right: LeaseKey,
        periodic_tasks: Iterable[PeriodicTask],
        stopped: threading.Event,
        heartbeat: Path | None = None,
        clock: Callable[[], float] = time.time,
        look_s: float = LOOK_S,
        hangs_s: float = HANGS_S,
    ) -> None:
        self._records = records
        self._right = right
        self._tasks = tuple(periodic_tasks)
        self._stopped = stopped
        self._heartbeat = heartbeat
        self._clock = clock
        self._look_s = look_s
        self._hangs_s = hangs_s
        self._rounds: dict[str, float] = {}

    def run(self) -> int:
        """Run until ``stopped``. Returns 0, or 1 if the lease was lost, or a periodic task hung or ended."""
        lease = self._wait()
        if lease is None:
            return 0
        log.info("this controller is the leader")
        threads = [threading.Thread(target=self._repeat, args=(c,), name=c.name, daemon=True) for c in self._tasks]
        for thread in threads:
            thread.start()
        try:
            code = self._lead(lease, threads)
        finally:
            self._stopped.set()
            for thread in threads:
                thread.join(self._look_s)
        lease.release()
        return code

    def _wait(self) -> Lease | None:
        said = False
        while not self._stopped.is_set():
            self._beat()
            try:
                return Lease.take(self._records, self._right, "is the leader", self._clock)
            except HeldError as error:
                if not said:
                    log.info("this controller waits: %s", error)
                said = True
            except Exception:
                log.exception("the lease cannot be read")
            self._stopped.wait(self._look_s)
        return None

    def _lead(self, lease: Lease, threads: list[threading.Thread]) -> int:
        while not self._stopped.wait(self._look_s):
            late = [name for name, at in dict(self._rounds).items() if time.monotonic() - at > self._hangs_s]
            if late:
                log.error("%s: still running after %.0f s", ", ".join(late), self._hangs_s)
                return 1
            self._beat()
            try:
                lease.renew()
            except LostError as error:
                log.error("%s", error)
                return 1
            except Exception:
                log.exception("the lease cannot be renewed")
                if lease.expired:
                    return 1
            if not all(thread.is_alive() for thread in threads):
                return 1
        return 0

    def _repeat(self, task: PeriodicTask) -> None:
        while not self._stopped.is_set():
            self._rounds[task.name] = time.monotonic()
            try:
                task.do()
            except StoppedError:
                return
            except Exception:
                log.exception("%s failed; it is tried again", task.name)
            self._rounds.pop(task.name)
            self._stopped.wait(task.every_s)

    def _beat(self) -> None:
        if self._heartbeat:
            self._heartbeat.touch()


def stop_on_signals(stopped: threading.Event) -> None:
    """Set ``stopped`` at SIGTERM and Ctrl-C."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
