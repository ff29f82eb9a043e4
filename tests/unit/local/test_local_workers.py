"""The workers of this machine, as the controller reads them from the supervisor."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tradewind.errors import TradewindError
from tradewind.local.controller import SupervisorBackend
from tradewind.local.paths import StateDirectory
from tradewind.scaling.policy import Bounds
from tradewind.workers.pool import Group, Keep, Pool, Worker


class Supervisor:
    """A supervisor with given responses, which records its calls."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.services: list[dict[str, Any]] = []
        self.asked: list[dict[str, Any]] = []
        self.away = False

    def __call__(self, state_dir: StateDirectory, request: dict[str, Any]) -> dict[str, Any]:
        if self.away:
            raise ConnectionError("the supervisor does not answer")
        self.asked.append(request)
        return {"processes": self.rows, "services": self.services, "containers": True}

    def add(self, name: str, *, wanted: bool = True, healthy: bool = True, image: str = "", state: str = "") -> None:
        row = {"name": name, "service": "worker", "wanted": wanted, "healthy": healthy, "image": image, "log": ""}
        state = state or ("healthy" if healthy else "starting")
        ended = state == "crash-loop"
        self.rows.append(row | {"state": state, "pid": None if ended else 7, "last_exit": "exit code 1"})


@pytest.fixture
def supervisor() -> Supervisor:
    return Supervisor()


@pytest.fixture
def backend(supervisor: Supervisor) -> SupervisorBackend:
    return SupervisorBackend(StateDirectory(Path("unused")), supervisor)


def service(name: str, **said: object) -> dict[str, Any]:
    known = {"name": name, "component": "worker", "one_shot": False, "address": False, "count": 1, "fixed": None}
    return {**known, "image": "", "registered": [], **said}


def test_what_it_sees(supervisor: Supervisor, backend: SupervisorBackend) -> None:
    supervisor.add("worker-1")
    supervisor.add("worker-5", healthy=False)
    supervisor.add("worker-6", wanted=False)
    supervisor.rows.append({"name": "web", "service": "web", "wanted": True, "healthy": True, "image": ""})
    assert backend.look("worker", with_workers=False) == Pool((Group("", "", 2),), "another image", "")
    workers = (Worker("worker-1", protected=None), Worker("worker-5", protected=None, healthy=False))
    assert backend.look("worker", with_workers=True) == Pool((Group("", "", 2, workers),), "another image", "")
    assert backend.running("worker") == ["worker-1"]


@pytest.mark.parametrize(
    ("cordoned", "tasks", "safe"),
    [(False, 3, True), (False, 0, True), (True, 1, True), (True, 0, False), (None, None, True)],
)
def test_it_ends_only_workers_without_tasks(cordoned: bool | None, tasks: int | None, safe: bool) -> None:
    assert Worker("worker-1", cordoned, tasks, protected=None).safe is safe


def test_workers_of_one_image_are_a_group(supervisor: Supervisor, backend: SupervisorBackend) -> None:
    supervisor.add("worker-2", image="old")
    supervisor.add("worker-3", image="old")
    supervisor.add("worker-1", image="new")
    supervisor.add("worker-9", image="older", wanted=False)
    found = backend.look("worker", with_workers=False)
    assert found == Pool((Group("old", "old", 2), Group("new", "new", 1)), "another image", None)


def test_where_there_is_none_the_supervisor_says_what_runs(supervisor: Supervisor, backend: SupervisorBackend) -> None:
    supervisor.services = [service("worker", image="in force", registered=["in force", "new"])]
    assert backend.look("worker", with_workers=True) == Pool((), "another image", "in force")
    assert backend.registered("worker", "new")
    assert not backend.registered("worker", "else")


def test_one_that_does_not_start_has_a_reason(supervisor: Supervisor, backend: SupervisorBackend) -> None:
    supervisor.add("worker-1", image="new", healthy=False, state="crash-loop")
    (group,) = backend.look("worker", with_workers=True).groups
    assert group == Group(
        "new", "new", 1, (Worker("worker-1", True, 0, protected=None, healthy=False),), "worker-1: exit code 1"
    )
    backend.keep("worker", Keep("new", "new", 1, again=True))
    assert supervisor.asked[-1]["leaving"] == ("worker-1",)


def test_what_it_does(supervisor: Supervisor, backend: SupervisorBackend) -> None:
    backend.keep("worker", Keep("new", "new", 1, ("worker-3", "worker-2")))
    leaving = ("worker-2", "worker-3")
    assert supervisor.asked == [{"do": "keep", "service": "worker", "count": 1, "leaving": leaving, "image": "new"}]


def test_what_a_person_has_fixed(supervisor: Supervisor, backend: SupervisorBackend) -> None:
    supervisor.services = [service("worker", fixed=4), service("web")]
    assert backend.bounds() == {"worker": Bounds(4, 4)}


def test_a_supervisor_that_is_away_changes_nothing(supervisor: Supervisor, backend: SupervisorBackend) -> None:
    supervisor.away = True
    for do in (
        lambda: backend.look("worker", with_workers=False),
        lambda: backend.keep("worker", Keep("", "", 1)),
        lambda: backend.bounds(),
    ):
        with pytest.raises(TradewindError, match="the supervisor does not answer"):
            do()
