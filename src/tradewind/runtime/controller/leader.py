"""The resident service: leads or waits, does what is asked, keeps the number of workers, tidies up.

One leads, by a lease; the others wait. Whoever loses the lease, or one of its parts, ends: its home starts it anew, and
it waits. What it was doing is in the records, and the next leader goes on with it.
"""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from tradewind.runtime.controller.dispatcher import StoppedError
from tradewind.storage.lease import HeldError, Lease, LeaseKey, LostError
from tradewind.storage.records import Records

log = logging.getLogger(__name__)

LOOK_S = 5.0
"""Between two looks at the lease: it is renewed every 15 s, and runs out after 60."""
HANGS_S = 300.0
"""A periodic task that takes so long never ends: a change of DAGs has a thread of its own."""


@dataclass(frozen=True)
class PeriodicTask:
    """Something that the leader does again and again. One that fails is tried again the next time."""

    name: str
    every_s: float
    do: Callable[[], object]


class Controller:
    """Leads with ``periodic_tasks`` for as long as it has the lease. ``stopped`` is set when nothing more may be done.

    ``heartbeat`` is touched while this process is well, whether it leads or waits. ``look_s``: between two looks at the
    lease. ``hangs_s``: a periodic task that takes so long ends the controller.
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
        """Until ``stopped``: 0. 1 where the lease was lost or a periodic task ended by itself."""
        lease = self._wait()
        if lease is None:
            return 0
        log.info("this controller leads")
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
                return Lease.take(self._records, self._right, "leads", self._clock)
            except HeldError as error:
                if not said:
                    log.info("this controller waits: %s", error)
                said = True
            except Exception:
                log.exception("whether a controller leads cannot be read")
            self._stopped.wait(self._look_s)
        return None

    def _lead(self, lease: Lease, threads: list[threading.Thread]) -> int:
        while not self._stopped.wait(self._look_s):
            late = [name for name, at in dict(self._rounds).items() if time.monotonic() - at > self._hangs_s]
            if late:
                log.error("%s: nothing has been heard of it for %.0f s", ", ".join(late), self._hangs_s)
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
    """Stop in order at SIGTERM and Ctrl-C."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
