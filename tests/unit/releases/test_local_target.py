"""The platform of this machine as a target, without containers: its reading of the supervisor's status."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tradewind.blueprint import Component
from tradewind.local import supervisor_requests as requests
from tradewind.local.supervisor_requests import ServiceState
from tradewind.protocol import workers as protocol
from tradewind.protocol.workers import GroupState, Order, PoolState, Workers
from tradewind.releases.dag_files import DagFiles
from tradewind.releases.local_target import LocalTarget
from tradewind.releases.target import DeployableService, Stage, State, Until
from tradewind.releases.worker_pools import WorkerPools
from tradewind.storage.records import FolderRecords

WORKER = DeployableService("worker", Component.WORKER, False)
SCHEDULER = DeployableService("scheduler", Component.SCHEDULER, False)
ABOUT = (False, False, 1, None, "", ())  # no one-shot task, no address, one copy, no fixed number


class Supervisor:
    """A platform with workers and a scheduler."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.asked: list[requests.Request[Any]] = []

    def add(self, name: str, service: str, image: str, state: str = "healthy") -> None:
        self.rows.append(
            {"name": name, "service": service, "image": image, "state": state, "wanted": True, "pid": len(self.rows)}
            | {"healthy": state == "healthy", "last_exit": "exit code 1", "log": ""}
        )

    def ask(self, request: requests.Request[Any]) -> Any:
        self.asked.append(request)
        match request:
            case requests.GetServices():
                names = {"worker": Component.WORKER, "scheduler": Component.SCHEDULER}
                return requests.ServiceStates(True, tuple(ServiceState(*named, *ABOUT) for named in names.items()))
            case requests.GetStatus():
                return {"processes": self.rows}
        return None


@pytest.fixture
def records(tmp_path: Path) -> FolderRecords:
    return FolderRecords(tmp_path)


@pytest.fixture
def supervisor() -> Supervisor:
    return Supervisor()


@pytest.fixture
def target(supervisor: Supervisor, records: FolderRecords) -> LocalTarget:
    pools, dag_files = WorkerPools(records, "local"), DagFiles(records, "local")
    return LocalTarget(supervisor, lambda image: None, pools, dag_files)  # type: ignore[arg-type]


def test_workers_are_registered_and_left_to_the_controller(target: LocalTarget, supervisor: Supervisor) -> None:
    supervisor.add("worker-1", "worker", "old")
    for until in Until:
        found = target.advance(WORKER, "new", until)
        assert (found.state, found.detail) == (State.PENDING, "waiting for the controller")
    assert requests.RegisterImage("new") in supervisor.asked
    assert {request.do for request in supervisor.asked} == {"services", "register"}


def test_workers_that_only_finish_their_tasks_do_not_run_a_release(
    target: LocalTarget, supervisor: Supervisor, records: FolderRecords
) -> None:
    supervisor.add("worker-1", "worker", "old")
    supervisor.add("worker-2", "worker", "new")
    supervisor.add("scheduler", "scheduler", "new")
    assert target.running() == {"worker": {"old", "new"}, "scheduler": {"new"}}
    order = Order("worker", "new", protocol.Until.GONE, "1")
    groups = (GroupState("new", 1), GroupState("old", 1))
    state = PoolState(order, protocol.Stage.DRAINING, "1 old workers finish 2 tasks", groups)
    records.write(protocol.RECORD, Workers({"worker": order}, {"worker": state}).as_dict(), None)
    assert target.running() == {"worker": {"new"}, "scheduler": {"new"}}
    assert target.draining() == {"worker": "1 old workers finish 2 tasks"}


def test_other_copies_start_beside_the_old_ones(target: LocalTarget, supervisor: Supervisor) -> None:
    supervisor.add("scheduler", "scheduler", "old")
    assert target.advance(SCHEDULER, "new").detail == "starting new copies"
    assert supervisor.asked[-1] == requests.AddProcess("scheduler", "new")
    supervisor.add("scheduler-2", "scheduler", "new", "starting")
    assert target.advance(SCHEDULER, "new").stage is Stage.STARTING
    supervisor.rows[1] |= {"state": "healthy", "healthy": True}
    assert target.advance(SCHEDULER, "new").stage is Stage.STOPPING
    assert requests.RetireProcess("scheduler") in supervisor.asked


def test_a_copy_that_does_not_start_fails(target: LocalTarget, supervisor: Supervisor, tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("no such file\n")
    supervisor.add("scheduler-2", "scheduler", "new", "crash-loop")
    supervisor.rows[0]["log"] = str(log)
    found = target.advance(SCHEDULER, "new")
    assert (found.state, found.detail) == (State.FAILED, "scheduler-2: exit code 1; its last lines:\nno such file")
