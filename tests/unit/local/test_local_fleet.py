"""The workers of this machine as the controller sees them: through the supervisor."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from tradewind.scaling.fleet import View, Worker

from tradewind.errors import TradewindError
from tradewind.local import supervisor_socket
from tradewind.local.controller import SupervisorFleet
from tradewind.local.paths import Home
from tradewind.scaling.policy import Bounds


class Supervisor:
    """Answers as told, and keeps what it was asked."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.services: list[dict[str, Any]] = []
        self.asked: list[dict[str, Any]] = []
        self.away = False

    def __call__(self, home: Home, request: dict[str, Any]) -> dict[str, Any]:
        if self.away:
            raise ConnectionError("nobody is there")
        self.asked.append(request)
        return {"processes": self.rows, "services": self.services}

    def add(self, name: str, *, wanted: bool = True, healthy: bool = True, image: str = "") -> None:
        row = {"name": name, "service": "worker", "wanted": wanted, "healthy": healthy, "image": image}
        self.rows.append(row)


@pytest.fixture
def supervisor(monkeypatch: pytest.MonkeyPatch) -> Supervisor:
    made = Supervisor()
    monkeypatch.setattr(supervisor_socket, "ask", made)
    return made


DUTIES = {
    "worker-1": {"cordoned": False, "tasks": 3},
    "worker-2": {"cordoned": True, "tasks": 1},
    "worker-3": {"cordoned": True, "tasks": 0},
}


def fleet(told: list[tuple[str, list[str]]]) -> SupervisorFleet:
    def tell(command: str, names: list[str]) -> Mapping[str, Any]:
        told.append((command, names))
        return {name: DUTIES[name] for name in names if name in DUTIES}

    return SupervisorFleet(Home(Path("unused")), tell)


def test_what_it_sees(supervisor: Supervisor) -> None:
    for number in range(1, 5):
        supervisor.add(f"worker-{number}")
    supervisor.add("worker-5", healthy=False)
    supervisor.add("worker-6", wanted=False)
    supervisor.rows.append({"name": "web", "service": "web", "wanted": True, "healthy": True, "image": ""})
    told: list[tuple[str, list[str]]] = []
    assert fleet(told).look("worker", closely=False) == View(5)
    assert told == []
    assert fleet(told).look("worker", closely=True) == View(
        5,
        (
            Worker("worker-1", False, 3, safe=True),
            Worker("worker-2", True, 1, safe=True),
            Worker("worker-3", True, 0, safe=False),
            Worker("worker-4", safe=True),  # it has not answered
        ),
    )
    assert told == [("duty", ["worker-1", "worker-2", "worker-3", "worker-4"])]


def test_a_release_is_seen_by_its_images(supervisor: Supervisor) -> None:
    supervisor.add("worker-1", image="old", wanted=False)
    supervisor.add("worker-2", image="new")
    assert fleet([]).look("worker", closely=True) == View(1, turning=True)


def test_beside_those_that_a_release_has_replaced_there_may_be_more(supervisor: Supervisor) -> None:
    supervisor.add("worker-2", image="old")
    supervisor.add("worker-3", image="old")
    supervisor.add("worker-1", image="new")
    supervisor.add("worker-4", image="new")  # it has not answered
    seen = fleet([])
    assert seen.look("worker", closely=False) == View(2, turning=True)
    assert seen.look("worker", closely=True) == View(2, relieved=True)
    seen.keep("worker", 5, ())
    assert supervisor.asked[-1] == {"do": "keep", "service": "worker", "count": 5, "leaving": [], "image": "new"}


def test_what_it_does(supervisor: Supervisor) -> None:
    told: list[tuple[str, list[str]]] = []
    fleet(told).cordon("worker", ["worker-1"])
    fleet(told).uncordon("worker", ["worker-2"])
    fleet(told).keep("worker", 1, ["worker-3", "worker-2"])
    assert told == [("cordon", ["worker-1"]), ("uncordon", ["worker-2"])]
    leaving = ["worker-2", "worker-3"]
    assert supervisor.asked == [{"do": "keep", "service": "worker", "count": 1, "leaving": leaving, "image": None}]


def test_what_a_person_has_fixed(supervisor: Supervisor) -> None:
    supervisor.services = [{"name": "worker", "fixed": 4}, {"name": "web", "fixed": None}]
    assert fleet([]).bounds() == {"worker": Bounds(4, 4)}


def test_a_supervisor_that_is_away_changes_nothing(supervisor: Supervisor) -> None:
    supervisor.away = True
    for do in (
        lambda: fleet([]).look("worker", closely=False),
        lambda: fleet([]).keep("worker", 1, ()),
        lambda: fleet([]).bounds(),
    ):
        with pytest.raises(TradewindError, match="the supervisor does not answer"):
            do()
