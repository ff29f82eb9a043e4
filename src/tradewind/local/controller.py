"""The controller on this machine: ``python -m tradewind.local.controller``, started by the supervisor.

The same controller as on AWS. Records and DAG releases are in folders, and the supervisor runs the workers.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from tradewind.errors import TradewindError
from tradewind.local import supervisor_socket
from tradewind.local.controller_records import NAME, POLL_S, records, store
from tradewind.local.paths import Home
from tradewind.protocol.command_queue import CommandQueue
from tradewind.runtime.controller import bootstrap as parts
from tradewind.runtime.controller.leader import PeriodicTask
from tradewind.runtime.tasks import control as workers
from tradewind.scaling.fleet import View, Worker, taking_tasks
from tradewind.scaling.policy import Bounds

SCALE_S = 2.0
PATIENCE_S = 5.0
KEPT_S = 90 * 86_400.0
"""Answers are kept as long as the bucket on AWS keeps them."""


class SupervisorFleet:
    """See ``scaling.fleet.Fleet``. ``tell`` sends workers a command over the broker."""

    def __init__(self, home: Home, tell: Callable[[str, list[str]], Mapping[str, Any]]) -> None:
        self._home = home
        self._tell = tell
        self._staying: dict[str, str] = {}

    def look(self, service: str, *, closely: bool) -> View:
        """See Fleet."""
        rows = [row for row in self._ask(do="status")["processes"] if row["service"] == service]
        here = [row for row in rows if row["wanted"]]
        self._staying.pop(service, None)
        several = len({row["image"] for row in rows}) > 1
        images = {row["image"]: [r["name"] for r in here if r["image"] == row["image"]] for row in here}
        larger = max((len(names) for names in images.values()), default=0)
        if not closely:
            return View(larger, turning=several)
        names = [row["name"] for row in here if row["healthy"]]
        duties = self._tell("duty", names) if names else {}
        if several:
            staying = taking_tasks(images, duties)
            if staying is None:
                return View(larger, turning=True)
            self._staying[service] = staying
            return View(len(images[staying]), relieved=True)
        return View(len(here), tuple(_worker(name, duties.get(name)) for name in names))

    def silent(self, service: str) -> Collection[str]:
        """See Fleet."""
        rows = self._ask(do="status")["processes"]
        names = [row["name"] for row in rows if row["service"] == service and row["wanted"] and row["healthy"]]
        return set(names) - set(self._tell("duty", names)) if names else set()

    def uncordon(self, service: str, names: Collection[str]) -> None:
        """See Fleet."""
        self._tell("uncordon", list(names))

    def cordon(self, service: str, names: Collection[str]) -> None:
        """See Fleet."""
        self._tell("cordon", list(names))

    def keep(self, service: str, count: int, leaving: Collection[str]) -> None:
        """See Fleet."""
        image = self._staying.get(service)
        self._ask(do="keep", service=service, count=count, leaving=sorted(leaving), image=image)

    def bounds(self) -> Mapping[str, Bounds]:
        """What ``tradewind scale`` has fixed."""
        rows = self._ask(do="services")["services"]
        return {row["name"]: Bounds(row["fixed"], row["fixed"]) for row in rows if row["fixed"] is not None}

    def remark(self, remarks: Sequence[str]) -> None:
        """Have ``tradewind status`` say this, and nothing that was said before."""
        self._ask(do="remark", remarks=list(remarks))

    def _ask(self, **request: Any) -> supervisor_socket.Answer:
        try:
            return supervisor_socket.ask(self._home, request)
        except ConnectionError as error:
            raise TradewindError("the supervisor does not answer", str(error)) from None


def _worker(name: str, duty: Mapping[str, Any] | None) -> Worker:
    # The supervisor stops whom it is told to, and nobody else.
    if duty is None:
        return Worker(name, safe=True)
    return Worker(name, duty["cordoned"], duty["tasks"], safe=not (duty["cordoned"] and not duty["tasks"]))


def main() -> int:
    """Entry point."""
    home = Home(Path(os.environ["TRADEWIND_PLACES"]))
    url = os.environ["AIRFLOW__CELERY__BROKER_URL"]
    fleet = SupervisorFleet(home, lambda command, names: workers.send(command, names, url, PATIENCE_S))
    return parts.run(
        parts.Home(
            environment=NAME,
            records=records(home),
            store=store(home),
            fleet=fleet,
            tell=lambda _: None,
            poll_s=POLL_S,
            scale_s=SCALE_S,
            bounds=fleet.bounds,
            remark=fleet.remark,
            periodic_tasks=(
                PeriodicTask("old answers", parts.TIDY_S, lambda: CommandQueue(records(home), NAME).sweep(KEPT_S)),
            ),
        )
    )


if __name__ == "__main__":
    sys.exit(main())
