"""The controller on this machine: ``python -m tradewind.local.controller``. The supervisor starts it.

It is the same controller as on AWS. Its records and DAG releases are in folders, and the supervisor runs the workers.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from tradewind.errors import TradewindError
from tradewind.local import supervisor_requests, supervisor_socket
from tradewind.local.controller_records import NAME, POLL_S, records, store
from tradewind.local.paths import StateDirectory
from tradewind.local.platform import last_lines
from tradewind.local.supervisor_requests import (
    A,
    GetServices,
    GetStatus,
    KeepWorkers,
    Remark,
    Request,
    Send,
    ServiceState,
)
from tradewind.protocol.command_queue import CommandQueue
from tradewind.runtime.controller import composition as parts
from tradewind.runtime.controller.leader import PeriodicTask
from tradewind.scaling.policy import Bounds
from tradewind.workers.pool import Group, Keep, Pool, Worker

SCALE_S = 2.0
HASTE_S = 0.5
PATIENCE_S = 5.0
FAILED = ("crash-loop", "failed")
"""States in which a worker counts as failed."""
ROOM = "another image"
"""The name of the group for another image: one machine can always run one more group."""
KEPT_S = 90 * 86_400.0
"""Results of commands are kept for as long as the bucket on AWS keeps them."""


class SupervisorBackend:
    """See ``workers.pool.Backend``. The workers of one image are a group. The image is the group's name and revision.

    ``send`` delivers a request to the supervisor of ``state_dir``.
    """

    def __init__(self, state_dir: StateDirectory, send: Send = supervisor_socket.ask) -> None:
        self._home = state_dir
        self._send = send

    def look(self, pool: str, *, with_workers: bool) -> Pool:
        """See Backend. The supervisor stops only the workers that a request names."""
        rows = [row for row in self._rows(pool) if row["wanted"]]
        images = dict.fromkeys(row["image"] for row in rows)
        groups = tuple(
            Group(
                image,
                image,
                sum(row["image"] == image for row in rows),
                tuple(_worker(row) for row in rows if row["image"] == image) if with_workers else (),
                "; ".join(_failure(row) for row in rows if row["image"] == image and row["state"] in FAILED),
            )
            for image in images
        )
        only = next(iter(images)) if len(images) == 1 else None
        return Pool(groups, room=ROOM, default=self._here(pool).image if not images else only)

    def registered(self, pool: str, revision: str) -> bool:
        """See Backend."""
        return revision in self._here(pool).registered

    def running(self, pool: str) -> Collection[str]:
        """See Backend."""
        return [row["name"] for row in self._rows(pool) if row["wanted"] and row["healthy"]]

    def keep(self, pool: str, wanted: Keep) -> None:
        """See Backend."""
        leaving = set(wanted.leaving)
        if wanted.again:
            rows = self._rows(pool)
            leaving |= {row["name"] for row in rows if row["image"] == wanted.revision and row["state"] in FAILED}
        self._ask(KeepWorkers(pool, wanted.count, tuple(sorted(leaving)), wanted.revision))

    def bounds(self) -> Mapping[str, Bounds]:
        """Return the numbers of workers that ``tradewind scale`` has fixed."""
        found = self._ask(GetServices()).services
        return {service.name: Bounds(service.fixed, service.fixed) for service in found if service.fixed is not None}

    def remark(self, remarks: Sequence[str]) -> None:
        """Replace the remarks that ``tradewind status`` shows."""
        self._ask(Remark(tuple(remarks)))

    def _rows(self, pool: str) -> list[dict[str, Any]]:
        return [row for row in self._ask(GetStatus())["processes"] if row["service"] == pool]

    def _here(self, pool: str) -> ServiceState:
        return next(service for service in self._ask(GetServices()).services if service.name == pool)

    def _ask(self, request: Request[A]) -> A:
        try:
            return supervisor_requests.ask(self._home, request, self._send)
        except ConnectionError as error:
            raise TradewindError("the supervisor does not answer", str(error)) from None


def _worker(row: Mapping[str, Any]) -> Worker:
    if row["pid"] is None:  # it has ended, or waits for its restart
        return Worker(row["name"], True, 0, protected=None, healthy=False)
    return Worker(row["name"], protected=None, healthy=row["healthy"])


def _failure(row: Mapping[str, Any]) -> str:
    lines = last_lines(Path(row["log"]), 5)
    return f"{row['name']}: {row['last_exit']}" + (f"; its last lines:\n{lines}" if lines else "")


def main() -> int:
    """Entry point."""
    state_dir = StateDirectory(Path(os.environ["TRADEWIND_CONTROLLER_CONFIG"]))
    backend = SupervisorBackend(state_dir)
    return parts.run(
        parts.ControllerRuntime(
            environment=NAME,
            records=records(state_dir),
            store=store(state_dir),
            backend=backend,
            patience_s=PATIENCE_S,
            tell=lambda _: None,
            poll_s=POLL_S,
            scale_s=SCALE_S,
            haste_s=HASTE_S,
            bounds=backend.bounds,
            remark=backend.remark,
            periodic_tasks=(
                PeriodicTask("old results", parts.TIDY_S, lambda: CommandQueue(records(state_dir), NAME).sweep(KEPT_S)),
            ),
        )
    )


if __name__ == "__main__":
    sys.exit(main())
