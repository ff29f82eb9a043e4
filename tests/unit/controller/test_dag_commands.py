"""Commands about DAG releases, from the inbox to the shared folder, also if the controller ends during a command."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from releases_at_hand import release as made_at

from tradewind.dag_releases.pointer import ActiveRelease
from tradewind.dag_releases.shared_folder import SharedFolder
from tradewind.errors import TradewindError
from tradewind.protocol.command_queue import Answer, Command, CommandQueue
from tradewind.protocol.controller_requests import DeployDags, DiffDags, ListDags, PruneDags, Request, RollBackDags
from tradewind.protocol.dag_events import CONFIRMED, SERVED
from tradewind.runtime.controller.dag_commands import DagCommands
from tradewind.runtime.controller.dag_deployment import Deployment, Patience, ProcessorProgress
from tradewind.runtime.controller.dispatcher import Dispatcher, Report, StoppedError
from tradewind.storage.artifacts import FolderArtifacts
from tradewind.storage.records import FolderRecords


class FakeAirflow:
    """Has served the active release, unless ``busy``."""

    def __init__(self) -> None:
        self.busy = False
        self.errors: dict[str, str] = {}
        self.later: dict[str, str] = {}
        self.used: frozenset[str] = frozenset()
        self.asked = 0

    def told(self, now: ActiveRelease) -> ProcessorProgress:
        self.asked += 1
        return ProcessorProgress(frozenset() if self.busy else frozenset({SERVED, CONFIRMED}))

    def import_errors(self) -> Mapping[str, str]:
        return self.errors

    def in_use(self) -> frozenset[str]:
        return self.used


class World:
    """A shared folder, a store, an Airflow, and one controller after another."""

    def __init__(self, folder: Path) -> None:
        self.shared = SharedFolder(folder / "efs")
        self.shared.folder.mkdir()
        self.store = folder / "releases"
        self.store.mkdir()
        self.records = FolderRecords(folder / "records")
        self.airflow = FakeAirflow()
        self.now = 0.0
        self.meanwhile: Callable[[], None] = lambda: None
        self.stopped = threading.Event()
        self.inbox = CommandQueue(self.records, "dev")
        self.desk = self.controller()

    def controller(self) -> Dispatcher:
        """A new controller."""
        stopped = self.stopped = threading.Event()

        def sleep(seconds: float) -> None:
            self.now += seconds
            self.meanwhile()
            if stopped.is_set():
                raise StoppedError

        deployment = Deployment(self.shared, self.airflow, Patience(60, 60), lambda: self.now, sleep)
        commands = DagCommands(deployment, FolderArtifacts(self.store), "dev")
        return Dispatcher(self.inbox, commands.handlers(), stopped)

    def made(self, number: int) -> str:
        return made_at(self.store.parent, {"a.py": f"A = {number}", "b.py": "import a", "c.py": ""}).id

    def ask(self, request: Request) -> Mapping[str, Any]:
        command = self.inbox.send(request)
        self.desk.look()
        self.desk.wait()
        said: list[str] = []
        return self.inbox.follow(command, said.append)

    @property
    def active(self) -> str | None:
        found = self.shared.active()
        return found.release if found else None


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_a_release_goes_from_the_store_into_force_and_back(world: World) -> None:
    one, two = world.made(1), world.made(2)
    assert world.ask(DeployDags(one))["changed"]
    found = world.ask(DeployDags(two))
    assert (found["release"], found["before"], world.active) == (two, one, two)
    assert world.ask(DiffDags()) == {
        "from": one,
        "to": two,
        "files": [{"path": "a.py", "change": "changed"}],
        "importers": ["b.py"],
        "behind": 0,
    }
    assert world.ask(RollBackDags())["release"] == one
    assert world.active == one
    listed = world.ask(ListDags())
    assert {row["id"]: row["active"] for row in listed["releases"]} == {one: True, two: False}
    assert listed["active"]["release"] == one
    for number in range(3, 8):
        world.ask(DeployDags(world.made(number), whole=False))
    world.airflow.used = frozenset({two})
    before = {row["id"] for row in world.ask(ListDags())["releases"]}
    removed = set(world.ask(PruneDags(1))["removed"])
    left = {row["id"] for row in world.ask(ListDags())["releases"]}
    assert (removed | left, removed & left) == (before, set())
    assert {two, world.active, world.shared.before()} <= left
    assert len(left) <= 4


def test_what_is_not_there_or_damaged_is_refused_and_the_old_release_stays(world: World) -> None:
    one, two = world.made(1), world.made(2)
    world.ask(DeployDags(one))
    archive = world.store / f"{two}.zip"
    archive.write_bytes(archive.read_bytes()[:-40])
    for wrong, why in ((two, "damaged"), ("d-0000000000000000", "not in the store"), ("../x", "is not the name")):
        with pytest.raises(TradewindError, match=why):
            world.ask(DeployDags(wrong))

    class Dance(DeployDags):
        do = "dags.dance"

    with pytest.raises(TradewindError, match=r"does not know 'dags\.dance'"):
        world.ask(Dance("d-1"))
    with pytest.raises(TradewindError, match=r"'dags.prune' is not understood.*keep"):
        world.ask(PruneDags("many"))  # type: ignore[arg-type]
    assert world.active == one
    assert world.inbox.waiting() == []


def no_room(*_: object) -> None:
    raise OSError(28, "No space left on device")


def test_a_full_disk(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = world.made(1), world.made(2)
    world.ask(DeployDags(one))
    with monkeypatch.context() as full:
        full.setattr("tradewind.storage.artifacts.shutil.copyfile", no_room)
        with pytest.raises(TradewindError, match="No space left"):
            world.ask(DeployDags(two))
    assert world.active == one
    world.ask(DeployDags(two))
    assert world.active == two


def test_a_controller_that_ends_in_the_middle_is_followed_by_one_that_goes_on(world: World) -> None:
    one, two = world.made(1), world.made(2)
    world.ask(DeployDags(one))
    world.airflow.busy = True
    world.airflow.errors = {"old.py": "NameError: was broken before"}
    world.meanwhile = lambda: world.stopped.set()
    command = world.inbox.send(DeployDags(two))
    world.desk.look()
    world.desk.wait()
    assert world.active == two
    found = world.inbox.answer(command)
    assert found
    assert found.state == "running"

    world.meanwhile = lambda: world.airflow.errors.update({"b.py": "ImportError: a"})
    world.desk = world.controller()
    world.desk.look()
    world.desk.wait()
    with pytest.raises(TradewindError, match=f"{two} was rolled back: b.py: ImportError") as caught:
        world.inbox.follow(command, lambda _: None)
    assert "old.py" not in str(caught.value)  # it was broken before, and the second controller knows it
    assert world.active == one
    assert world.inbox.waiting() == []


@pytest.mark.parametrize("error", [TradewindError("the database does not answer"), RuntimeError("closed")])
def test_what_fails_because_the_controller_ends_is_left_to_the_next_one(world: World, error: Exception) -> None:
    stopped = threading.Event()

    def end(arguments: Mapping[str, Any], report: Report) -> Mapping[str, Any]:
        stopped.set()
        raise error

    command = world.inbox.send(ListDags())
    Dispatcher(world.inbox, {ListDags: end}, stopped).look()
    found = world.inbox.answer(command)
    assert found
    assert found.state == "running"

    Dispatcher(world.inbox, {ListDags: lambda *_: {"releases": []}}, threading.Event()).look()
    assert world.inbox.follow(command, lambda _: None) == {"releases": []}


def test_a_rollback_that_is_begun_twice_goes_to_the_same_release(world: World) -> None:
    one, two = world.made(1), world.made(2)
    world.ask(DeployDags(one))
    world.ask(DeployDags(two))
    world.airflow.busy = True
    world.meanwhile = lambda: world.stopped.set()
    command = world.inbox.send(RollBackDags())
    world.desk.look()
    world.desk.wait()
    assert world.active == one

    world.airflow.busy = False
    world.desk = world.controller()
    world.desk.look()
    world.desk.wait()
    assert world.inbox.follow(command, lambda _: None)["release"] == one
    assert world.active == one


def test_a_release_that_was_being_taken_back_stays_back(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The controller ends after it has activated the old release again, and before it could respond."""
    one, two = world.made(1), world.made(2)
    world.ask(DeployDags(one))
    world.airflow.busy = True
    world.meanwhile = lambda: world.airflow.errors.update({"b.py": "ImportError: a"})
    command = world.inbox.send(DeployDags(two))
    with monkeypatch.context() as dies:
        dies.setattr(world.inbox, "finish", lambda *_: (_ for _ in ()).throw(StoppedError))
        world.desk.look()
        world.desk.wait()
    assert world.active == one
    serial = world.shared.active()

    world.airflow.errors.clear()
    world.desk = world.controller()
    world.desk.look()
    world.desk.wait()
    with pytest.raises(TradewindError, match=f"{two} was rolled back: b.py: ImportError"):
        world.inbox.follow(command, lambda _: None)
    assert world.shared.active() == serial


def test_what_cannot_be_told_changes_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    one = world.made(1)
    real, failed = world.inbox.say, []

    def say(command: Command, answer: Answer) -> None:
        if answer.said and answer.state == "running":
            failed.append(answer.said[-1])
            raise OSError("503 Slow Down")
        real(command, answer)

    monkeypatch.setattr(world.inbox, "say", say)
    assert world.ask(DeployDags(one))["release"] == one
    assert len(failed) == 3


def test_a_rollback_takes_the_place_of_a_deployment_that_is_not_confirmed(world: World) -> None:
    one, two = world.made(1), world.made(2)
    world.ask(DeployDags(one))
    world.airflow.busy = True
    deploying = world.inbox.send(DeployDags(two))
    asked: list[Command] = []

    def meanwhile() -> None:
        if not asked:
            asked.append(world.inbox.send(RollBackDags()))
        world.desk.look()

    world.meanwhile = meanwhile
    world.desk.look()
    world.desk.wait()
    with pytest.raises(TradewindError, match="is active, but not confirmed: a later command replaced this one"):
        world.inbox.follow(deploying, lambda _: None)
    world.airflow.busy = False
    world.desk.look()
    world.desk.wait()
    assert world.inbox.follow(asked[0], lambda _: None)["release"] == one
    assert world.active == one


def test_a_lock_that_somebody_left_is_waited_for(world: World) -> None:
    """The file system still keeps the lock of a controller that was killed."""
    one, two = world.made(1), world.made(2)
    world.ask(DeployDags(one))
    world.airflow.busy = True
    world.meanwhile = lambda: world.stopped.set()
    command = world.inbox.send(DeployDags(two))
    world.desk.look()
    world.desk.wait()
    world.airflow.busy, world.meanwhile = False, lambda: None
    world.desk = world.controller()
    with world.shared.deploying():
        world.desk.look()
        world.desk.wait()
        found = world.inbox.answer(command)
        assert found
        assert found.state == "running"
    world.desk.look()
    world.desk.wait()
    assert world.inbox.follow(command, lambda _: None)["release"] == two


def test_reads_are_answered_while_a_change_goes_on(world: World) -> None:
    one = world.made(1)
    world.airflow.busy = True
    waits = threading.Event()
    world.meanwhile = lambda: (waits.wait(60), setattr(world.airflow, "busy", False))[1]
    command = world.inbox.send(DeployDags(one))
    world.desk.look()
    listing = world.inbox.send(ListDags())
    world.desk.look()
    found = world.inbox.answer(listing)
    assert found
    assert found.state == "done"
    waits.set()
    world.desk.wait()
    assert world.inbox.follow(command, lambda _: None)["release"] == one
