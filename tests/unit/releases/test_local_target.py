"""The platform of this machine as a target, without containers: what it makes of what the supervisor says."""

from __future__ import annotations

from typing import Any

import pytest

from tradewind.blueprint import Component
from tradewind.releases.local_target import LocalTarget
from tradewind.releases.target import Phase, Progress, Rolled, Stage

WORKER = Rolled("worker", Component.WORKER, False)
INFO = {"name": "worker", "component": "worker", "one_off": False, "address": False, "count": 1, "fixed": None}


class Supervisor:
    """A platform with one class of workers."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.tasks: dict[str, int] = {}
        self.silent: set[str] = set()
        self.asked: list[dict[str, Any]] = []

    def add(self, name: str, image: str, state: str = "healthy") -> None:
        self.rows.append(
            {"name": name, "service": "worker", "image": image, "state": state, "wanted": True, "pid": len(self.rows)}
            | {"healthy": state == "healthy", "last_exit": "exit code 1", "log": ""}
        )

    def ask(self, **request: Any) -> dict[str, Any]:
        self.asked.append(request)
        match request["do"]:
            case "services":
                return {"containers": True, "services": [INFO]}
            case "status":
                return {"processes": self.rows}
            case "command":
                cordoned = request["command"] == "cordon"
                answering = set(request["names"]) - self.silent
                return {name: {"cordoned": cordoned, "tasks": self.tasks.get(name, 0)} for name in answering}
        return {}

    def look(self, *, keep: bool = False) -> Progress:
        target = LocalTarget(self, lambda image: None)  # type: ignore[arg-type]
        return target.advance(WORKER, "new", keep=keep)


@pytest.mark.parametrize("state", ["crash-loop", "starting"])
def test_copies_that_the_controller_adds_are_not_the_releases_matter(state: str) -> None:
    supervisor = Supervisor()
    supervisor.add("worker-1", "old")
    supervisor.add("worker-2", "new", state)
    supervisor.add("worker-3", "new")
    supervisor.tasks = {"worker-1": 2}
    found = supervisor.look(keep=True)
    assert (found.phase, found.stage, found.turned) == (Phase.PENDING, Stage.DRAINING, True)
    supervisor.tasks = {}
    assert supervisor.look().stage is Stage.STOPPING
    assert {"do": "retire", "name": "worker-1"} in supervisor.asked


def test_one_that_the_release_needs_is(monkeypatch: pytest.MonkeyPatch) -> None:
    supervisor = Supervisor()
    supervisor.add("worker-1", "old")
    supervisor.add("worker-2", "new", "starting")
    assert not supervisor.look().turned
    monkeypatch.setattr("tradewind.releases.local_target.last_lines", lambda path, count: "")
    supervisor.rows[1]["state"] = "crash-loop"
    assert supervisor.look().phase is Phase.FAILED


def test_an_old_worker_that_does_not_answer_may_have_tasks() -> None:
    supervisor = Supervisor()
    supervisor.add("worker-1", "old")
    supervisor.add("worker-2", "new")
    supervisor.silent = {"worker-1"}
    found = supervisor.look()
    assert (found.phase, found.stage, found.turned) == (Phase.PENDING, Stage.TURNING, False)
    assert not [request for request in supervisor.asked if request["do"] == "retire"]
