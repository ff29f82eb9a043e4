"""The wait for a missing DAG: while files that may define it are parsed, and no longer."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from tradewind.dag_releases.manifest import DagRelease
from tradewind.errors import TradewindError
from tradewind.local.airflow import Airflow
from tradewind.local.dag_lookup import Lookup, Served

RELEASE, OTHER = "d-0000000000000001", "d-0000000000000002"
SERVED = Served(settled=True, release=RELEASE, serial=3)
WELL = {"dag_id": "etl", "is_stale": False, "has_import_errors": False, "relative_fileloc": "etl.py"}


class World(Airflow):
    """An API, a folder and a clock. ``moments`` change them, one at each pause."""

    def __init__(self, *moments: Callable[[World], None]) -> None:
        super().__init__("http://airflow", "", "")
        self.dags: dict[str, Mapping[str, Any]] = {}
        self.said: list[tuple[str, str, int, int | None]] = []  # event, release, serial, left
        self.now = SERVED
        self.seconds = 0.0
        self.pauses = 0
        self.told: list[str] = []
        self._moments = list(moments)

    def call(self, method: str, path: str, body: Any = None) -> Any:
        if path.startswith("/eventLogs?event="):
            event = path.removeprefix("/eventLogs?event=").partition("&")[0]
            rows = [{"release": r, "serial": s, "left": left} for e, r, s, left in self.said if e == event]
            return {"event_logs": [{"extra": json.dumps(row)} for row in reversed(rows)]}
        if path.startswith("/importErrors"):
            return {"import_errors": []}
        if path.startswith("/dags?"):
            return {"dags": [{"dag_id": name} for name in self.dags]}
        name = path.removeprefix("/dags/")
        if "/dagRuns" in name:
            return {"total_entries": 0}
        if name in self.dags:
            return self.dags[name]
        raise LookupError(path)

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds
        self.pauses += 1
        if self._moments:
            self._moments.pop(0)(self)

    def find(self, dag: str = "etl") -> Mapping[str, Any]:
        return Lookup(self, Folder(self), self.told.append, lambda: self.seconds, self.sleep).find(dag)


@dataclass(frozen=True)
class Folder:
    """The folder of a World."""

    world: World

    def served(self) -> Served:
        return self.world.now

    def manifest(self, release: str) -> DagRelease:
        return DagRelease({})


def confirmed(world: World) -> None:
    world.said.append(("dag_release.confirmed", RELEASE, 3, None))


def parsed(world: World) -> None:
    world.dags["etl"] = {**WELL, "bundle_version": RELEASE}


def nothing(world: World) -> None:
    """A moment in which nothing happens."""


def left(count: int) -> Callable[[World], None]:
    return lambda world: world.said.append(("dag_release.progress", RELEASE, 3, count))


def test_what_is_there_is_not_waited_for() -> None:
    world = World()
    parsed(world)

    assert world.find()["bundle_version"] == RELEASE
    assert (world.pauses, world.told) == (0, [])


def test_what_is_not_there_when_all_is_parsed_is_told_at_once() -> None:
    world = World()
    confirmed(world)

    with pytest.raises(TradewindError, match="there is no DAG 'etl'"):
        world.find()
    assert (world.pauses, world.told) == (0, [])


@pytest.mark.parametrize("before", [None, {**WELL, "bundle_version": OTHER}, {**WELL, "is_stale": True}])
def test_it_is_there_as_soon_as_its_own_file_is_parsed(before: Mapping[str, Any] | None) -> None:
    world = World(nothing, left(7), parsed)
    if before:
        world.dags["etl"] = {"bundle_version": OTHER, **before}

    assert world.find()["bundle_version"] == RELEASE
    what = "may have changed" if before else "is not in Airflow yet"
    assert world.told == [f"etl {what}: the DAG folder is being parsed", f"etl {what}: 7 DAG files are being parsed"]


def test_what_was_said_of_another_release_does_not_count() -> None:
    world = World(confirmed)
    world.said = [("dag_release.confirmed", OTHER, 3, None), ("dag_release.confirmed", RELEASE, 1, None)]

    with pytest.raises(TradewindError, match="there is no DAG"):
        world.find()
    assert world.pauses == 1


def test_a_change_that_is_not_yet_seen_is_waited_for() -> None:
    def seen(world: World) -> None:
        world.now = Served(settled=True, release=OTHER, serial=4)

    def gone(world: World) -> None:
        world.said.append(("dag_release.confirmed", OTHER, 4, None))

    world = World(seen, gone)
    world.now = Served(settled=False, release=RELEASE, serial=3)
    parsed(world)
    confirmed(world)

    # Airflow read the DAG from a file that is no longer served, and no other file has it.
    with pytest.raises(TradewindError, match="etl is no longer in the DAG folder"):
        world.find()
    assert world.pauses == 2


def test_it_is_waited_for_as_long_as_files_are_parsed() -> None:
    steps = [moment for number in range(10, 0, -1) for moment in (left(number), *[nothing] * 90)]
    world = World(*steps, parsed)

    assert world.find()
    assert world.seconds > 400
    assert len(world.told) == 10


@pytest.mark.parametrize("now", [SERVED, Served(settled=False), Served(settled=True)])
def test_it_is_not_waited_for_while_nothing_is_parsed(now: Served) -> None:
    world = World()
    world.now = now

    with pytest.raises(TradewindError) as raised:
        world.find()
    assert str(raised.value) == "etl cannot be run yet: some DAG files are not parsed yet, and for 60 s none was"
    assert 60 < world.seconds < 62


def test_what_airflow_can_run_is_run_though_its_folder_does_not_come_to_rest() -> None:
    world = World()
    parsed(world)
    world.now = Served(settled=False, release=RELEASE, serial=3)

    assert world.find()["bundle_version"] == RELEASE
    assert world.told[-1] == (
        "note: etl runs as it was before its folder changed: some DAG files are not parsed yet, and for 60 s none was"
    )
