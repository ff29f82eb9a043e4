"""Deployments with a fake Airflow: the active release afterwards, in each case."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from releases_at_hand import release

from tradewind.dag_releases.pointer import ActiveRelease
from tradewind.dag_releases.shared_folder import BusyError, SharedFolder
from tradewind.errors import TradewindError
from tradewind.protocol.dag_events import CONFIRMED, SERVED
from tradewind.runtime.controller.dag_deployment import Deployment, Patience, ProcessorProgress, Silent


class Heard(Silent):
    """Records the reported lines."""

    def __init__(self, said: list[str]) -> None:
        self.said = said

    def tell(self, line: str) -> None:
        self.said.append(line)


class FakeAirflow:
    """Reports ``served`` and ``confirmed`` after these seconds. Files may break, or be broken from the start."""

    def __init__(self, served_s: float = 2, confirmed_s: float = 5) -> None:
        self.time = 0.0
        self.moved: dict[int, float] = {}
        self.after = {SERVED: served_s, CONFIRMED: confirmed_s}
        self.errors: dict[str, str] = {}
        self.breaks: Callable[[float], dict[str, str]] = lambda _: {}
        self.used: frozenset[str] = frozenset()
        self.silent_until = 0.0
        self.left: Callable[[float], int | None] = lambda _: None

    def sleep(self, seconds: float) -> None:
        self.time += seconds

    def told(self, now: ActiveRelease) -> ProcessorProgress:
        if self.time < self.silent_until:
            raise TradewindError("Airflow does not answer")
        waited = self.time - self.moved.setdefault(now.serial, self.time)
        # Confirmed is never reported before served.
        after = {SERVED: self.after[SERVED], CONFIRMED: max(self.after.values())}
        events = frozenset(event for event, seconds in after.items() if waited >= seconds)
        return ProcessorProgress(events, self.left(waited))

    def import_errors(self) -> dict[str, str]:
        began = min(self.moved.values(), default=None)
        return self.errors | (self.breaks(self.time - began) if began is not None else {})

    def in_use(self) -> frozenset[str]:
        return self.used


@pytest.fixture
def shared(tmp_path: Path) -> SharedFolder:
    return SharedFolder(tmp_path)


@pytest.fixture
def airflow() -> FakeAirflow:
    return FakeAirflow()


@pytest.fixture
def deployment(shared: SharedFolder, airflow: FakeAirflow) -> Deployment:
    return Deployment(shared, airflow, Patience(60, 600), clock=lambda: airflow.time, sleep=airflow.sleep)


@pytest.fixture
def made(shared: SharedFolder) -> list[str]:
    return [release(shared.folder, {"a.py": f"A = {n}", "b.py": "import a"}).id for n in range(4)]


def active(shared: SharedFolder) -> str:
    now = shared.active()
    assert now
    return now.release


def test_it_waits_until_what_changed_is_served_and_then_all(
    deployment: Deployment, shared: SharedFolder, made: list[str]
) -> None:
    said: list[str] = []
    done = deployment.deploy(made[0], Heard(said))
    assert active(shared) == made[0]
    assert (done.changed, done.served_s, done.confirmed_s) == (True, 2.0, 3.0)
    assert said == [
        f"{made[0]} is active; waiting until its changed files are served",
        "served after 2.0 s",
        "every file is confirmed after 3.0 s",
    ]


def test_who_does_not_want_to_wait_for_all(deployment: Deployment, made: list[str]) -> None:
    done = deployment.deploy(made[0], whole=False)
    assert (done.served_s, done.confirmed_s) == (2.0, None)


def test_what_is_in_force_is_not_deployed_again(deployment: Deployment, airflow: FakeAirflow, made: list[str]) -> None:
    deployment.deploy(made[0])
    before = airflow.time
    assert not deployment.deploy(made[0]).changed
    assert airflow.time == before


def test_what_is_in_force_and_was_never_served_is_no_success(
    deployment: Deployment, shared: SharedFolder, airflow: FakeAirflow, made: list[str]
) -> None:
    shared.activate(made[0])  # and the process that activated it was killed
    airflow.after[SERVED] = float("inf")
    airflow.errors = {"b.py": "NameError: x"}
    said: list[str] = []
    with pytest.raises(TradewindError, match="is active, but has errors"):
        deployment.deploy(made[0], Heard(said))
    assert said == ["note: b.py cannot be imported: NameError: x"]


def test_airflow_may_be_silent_for_a_while(
    deployment: Deployment, shared: SharedFolder, airflow: FakeAirflow, made: list[str]
) -> None:
    airflow.silent_until = 20.0
    assert deployment.deploy(made[0]).changed
    assert airflow.time > 20
    airflow.silent_until = float("inf")
    why = "the reports of the DAG processor cannot be read: Airflow does not answer"
    with pytest.raises(TradewindError, match=f"rolled back: {why}"):
        deployment.deploy(made[1])
    assert active(shared) == made[0]


@pytest.mark.parametrize("when", [0.0, 1.0, 2.0, 4.0, 5.0])
def test_an_import_error_takes_it_back_and_says_why(
    deployment: Deployment, shared: SharedFolder, airflow: FakeAirflow, made: list[str], when: float
) -> None:
    deployment.deploy(made[0])
    airflow.moved.clear()
    airflow.breaks = lambda since: {"b.py": "NameError: x"} if since >= when else {}
    with pytest.raises(TradewindError, match=r"rolled back: b.py: NameError: x") as raised:
        deployment.deploy(made[1])
    assert f"{made[0]} is active again" in raised.value.hint
    assert active(shared) == made[0]


def test_what_was_broken_before_does_not_matter(
    deployment: Deployment, shared: SharedFolder, airflow: FakeAirflow, made: list[str]
) -> None:
    airflow.errors = {"old.py": "ImportError: gone"}
    deployment.deploy(made[0])
    assert active(shared) == made[0]
    airflow.moved.clear()
    airflow.breaks = lambda _: {"old.py": "ImportError: something else"}
    with pytest.raises(TradewindError, match="something else"):
        deployment.deploy(made[1])


def test_a_first_release_with_errors_stays(
    deployment: Deployment, shared: SharedFolder, airflow: FakeAirflow, made: list[str]
) -> None:
    airflow.breaks = lambda _: {"b.py": "NameError: x"}
    with pytest.raises(TradewindError, match="is active, but has errors"):
        deployment.deploy(made[0])
    assert active(shared) == made[0]


def test_a_way_back_is_not_taken_back(
    deployment: Deployment, shared: SharedFolder, airflow: FakeAirflow, made: list[str]
) -> None:
    deployment.deploy(made[0])
    deployment.deploy(made[1])
    airflow.moved.clear()
    airflow.breaks = lambda _: {"b.py": "NameError: x"}
    with pytest.raises(TradewindError, match="is active, but has errors"):
        deployment.deploy(deployment.shared.before(), roll_back=False)
    assert active(shared) == made[0]


def test_what_is_never_parsed_is_taken_back(
    deployment: Deployment, shared: SharedFolder, airflow: FakeAirflow, made: list[str]
) -> None:
    deployment.deploy(made[0])
    airflow.after[SERVED] = float("inf")
    why = "some of its files are not parsed, and no file was parsed for 60 s"
    with pytest.raises(TradewindError, match=f"rolled back: {why}"):
        deployment.deploy(made[1])
    assert active(shared) == made[0]


def test_as_long_as_files_are_parsed_it_waits(
    deployment: Deployment, shared: SharedFolder, airflow: FakeAirflow, made: list[str]
) -> None:
    deployment.deploy(made[0])
    airflow.after = {SERVED: 600, CONFIRMED: 1200}
    airflow.left = lambda waited: 50 - int(waited / 50) if waited >= 50 else None
    said: list[str] = []
    done = deployment.deploy(made[1], Heard(said))
    assert (done.served_s, done.confirmed_s) == (600.0, 600.0)
    assert said[1:3] == ["49 files are left to parse", "48 files are left to parse"]
    airflow.after[SERVED] = 1000
    airflow.left = lambda waited: 50 - min(int(waited / 50), 5) if waited >= 50 else None
    why = "some of its files are not parsed, and no file was parsed for 60 s"
    with pytest.raises(TradewindError, match=f"rolled back: {why}"):
        deployment.deploy(made[2])


def test_a_file_that_it_did_not_change_and_that_is_never_parsed_is_not_its_fault(
    deployment: Deployment, shared: SharedFolder, airflow: FakeAirflow, made: list[str]
) -> None:
    deployment.deploy(made[0])
    airflow.after[CONFIRMED] = float("inf")
    why = "some of its files are not parsed, and no file was parsed for 600 s"
    with pytest.raises(TradewindError, match=f"is active, but not confirmed: {why}"):
        deployment.deploy(made[1])
    assert active(shared) == made[1]


def test_airflow_that_does_not_answer_before_changes_nothing(
    deployment: Deployment, shared: SharedFolder, airflow: FakeAirflow, made: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    deployment.deploy(made[0])

    def silent() -> dict[str, str]:
        raise TradewindError("Airflow does not answer")

    monkeypatch.setattr(airflow, "import_errors", silent)
    with pytest.raises(TradewindError, match="does not answer"):
        deployment.deploy(made[1])
    assert active(shared) == made[0]


def test_somebody_else_is_deploying(deployment: Deployment, shared: SharedFolder, made: list[str]) -> None:
    with shared.deploying(), pytest.raises(BusyError):
        deployment.deploy(made[0])
    assert shared.active() is None


def test_who_deploys_for_a_moment_only_is_waited_for(
    deployment: Deployment, shared: SharedFolder, airflow: FakeAirflow, made: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    other = shared.deploying()
    other.__enter__()
    sleep = airflow.sleep

    def until_it_ends(seconds: float) -> None:
        sleep(seconds)
        if 3 <= airflow.time < 3 + seconds:
            other.__exit__(None, None, None)

    monkeypatch.setattr(deployment, "_sleep", until_it_ends)
    assert deployment.deploy(made[0]).changed


def test_there_and_back(deployment: Deployment, shared: SharedFolder, made: list[str]) -> None:
    with pytest.raises(TradewindError, match="no earlier DAG release"):
        deployment.shared.before()
    deployment.deploy(made[0])
    deployment.deploy(made[1])
    deployment.deploy(deployment.shared.before())
    assert active(shared) == made[0]
    assert deployment.shared.before() == made[1]


def test_old_releases_go_but_not_those_that_are_needed(
    deployment: Deployment, shared: SharedFolder, airflow: FakeAirflow, made: list[str]
) -> None:
    for name in made:
        deployment.deploy(name)
    newest = shared.releases()[0].id
    airflow.used = frozenset({next(name for name in made[:2] if name != newest)})
    kept = {made[3], made[2], newest, *airflow.used}
    removed = {entry.id for entry in deployment.prune(1)}
    assert removed == set(made) - kept
    assert {entry.id for entry in shared.releases()} == kept


def test_without_anybody_to_ask_nothing_is_waited_for(shared: SharedFolder, made: list[str]) -> None:
    alone = Deployment(shared, None)
    done = alone.deploy(made[0])
    assert (done.changed, done.served_s) == (True, None)
    assert active(shared) == made[0]
    assert not alone.deploy(made[0]).changed
    with pytest.raises(TradewindError, match="cannot be queried"):
        alone.prune(1)
