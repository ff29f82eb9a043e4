"""Callbacks of runs in the DAG processor, from the files that it parses. No process is started."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from releases_at_hand import release

from tradewind.dag_releases.manifest import DagRelease
from tradewind.dag_releases.shared_folder import SharedFolder

DAG = "from airflow.sdk import DAG\nDAG({dag!r})\n"
KINDS = ("dag success", "dag failure", "lost task", "lost task to be retried", "e-mail")

pytestmark = [
    pytest.mark.usefixtures("airflow_home"),
    pytest.mark.filterwarnings("ignore:Using .httpx. with"),  # the manager makes an API that nothing here calls
]


@dataclass
class Process:
    """Airflow's record of a process that imports a file. It ends at the first look, unless held."""

    file: Any
    callbacks: list[Any]
    held: bool = False
    start_time: float = 0.0
    pid: int = 1
    killed: bool = False

    @property
    def had_callbacks(self) -> bool:
        return bool(self.callbacks)

    @property
    def is_ready(self) -> bool:
        return not self.held

    @property
    def parsing_result(self) -> Any:
        return None if self.callbacks else SimpleNamespace(serialized_dags=[1], import_errors={}, warnings=[])

    def kill(self, signal: int) -> None:
        self.killed = True

    def close(self) -> None: ...


@dataclass
class Loop:
    """The part of Airflow's manager loop that decides which file is imported, when, and for which purpose."""

    manager: Any
    bundle: Any
    started: list[Process] = field(default_factory=list)
    held: set[str] = field(default_factory=set)
    """Processes for these files do not end."""
    known: dict[str, Any] = field(default_factory=dict)

    def turn(self, times: int = 1) -> None:
        for _ in range(times):
            self.manager._kill_timed_out_processors()
            self.manager._queue_requested_files_for_parsing()
            if not self.manager._file_queue:
                self.manager.prepare_file_queue(self.known)
            self.manager._start_new_processes()
            self.manager._collect_results()
            self.manager.print_stats(known_files=self.known)

    def serve(self, shared: SharedFolder, made: DagRelease) -> None:
        """Activate a release, and let the manager find its files."""
        from airflow.dag_processing.manager import DagFileInfo

        shared.activate(made.id)
        self.bundle.refresh() if self.bundle.is_initialized else self.bundle.initialize()
        self.manager._bundle_versions["dags"] = made.id
        self.known["dags"] = {DagFileInfo(Path(path), "dags", self.bundle.path) for path in made.files}
        self.manager.handle_removed_files(self.known)
        self.manager._resort_file_queue()
        self.manager._add_new_files_to_queue(self.known)

    def release(self, *files: str) -> None:
        """Let the processes for these files end."""
        self.held -= set(files)
        for process in self.started:
            process.held = str(process.file.rel_path) in self.held

    def parses(self, path: str) -> int:
        return sum(str(process.file.rel_path) == path and not process.callbacks for process in self.started)

    def callbacks(self, path: str) -> list[str]:
        """The runs whose callbacks ran from this file."""
        ran = [process.callbacks for process in self.started if str(process.file.rel_path) == path]
        return [getattr(request, "run_id", None) or request.ti.run_id for requests in ran for request in requests]


@pytest.fixture
def shared(tmp_path: Path) -> SharedFolder:
    return SharedFolder(tmp_path / "shared")


@pytest.fixture(scope="module")
def _own_tables(airflow_home: None) -> Iterator[None]:
    """Airflow's own tables, empty, in the database of the manager."""
    from airflow import settings
    from airflow.models.base import Base
    from airflow.utils.db import import_all_models

    import_all_models()
    Base.metadata.create_all(settings.engine)
    yield
    settings.engine.dispose()


@pytest.fixture
def loop(_own_tables: None, shared: SharedFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Loop]:
    from tradewind.runtime.bundle.processor import ReleaseProcessor
    from tradewind.runtime.bundle.release_bundle import ReleaseBundle

    bundles = [
        {
            "name": "dags",
            "classpath": "tradewind.runtime.bundle.release_bundle.ReleaseBundle",
            "kwargs": {"folder": str(shared.folder)},
        }
    ]
    monkeypatch.setenv("AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST", json.dumps(bundles))
    monkeypatch.setenv("AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_STORAGE_PATH", str(tmp_path / "local"))

    class Manager(ReleaseProcessor):  # type: ignore[misc]
        """Starts no processes, and stores no DAGs."""

        def _create_process(self, file: Any) -> Process:
            held = str(file.rel_path) in made.held
            process = Process(file, self._callback_to_execute.pop(file, []), held)
            made.started.append(process)
            return process

        def persist_parsing_result(self, **_: Any) -> None:
            self._stored = True

        def _claim_priority_files(self) -> list[Any]:
            return []

        def _tell(self, event: str, *_: Any, **__: Any) -> None:
            told.append(event)

    told: list[str] = []
    made = Loop(Manager(max_runs=-1, processor_timeout=1e12), ReleaseBundle(name="dags", folder=str(shared.folder)))
    made.manager._dag_bundles = [made.bundle]
    return made


def request(kind: str, version: str | None, run_id: str = "r", path: str = "a.py", dag: str = "a") -> Any:
    """A callback request, as the scheduler stores it for the DAG processor."""
    from airflow.callbacks.callback_requests import DagCallbackRequest, EmailRequest, TaskCallbackRequest

    where = {"filepath": path, "bundle_name": "dags", "bundle_version": version}
    if kind.startswith("dag"):
        return DagCallbackRequest(**where, dag_id=dag, run_id=run_id, is_failure_callback=kind == "dag failure")
    ti = SimpleNamespace(dag_id=dag, run_id=run_id, task_id="t")
    if kind == "e-mail":
        return EmailRequest.model_construct(**where, ti=ti)
    return TaskCallbackRequest.model_construct(**where, ti=ti)


def two(shared: SharedFolder, **others: str) -> DagRelease:
    return release(shared.folder, {"a.py": DAG.format(dag="a"), "b.py": DAG.format(dag="b"), **others})


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("pinned", [True, False])
def test_a_callback_is_no_reason_to_parse(loop: Loop, shared: SharedFolder, kind: str, pinned: bool) -> None:
    made = two(shared)
    loop.serve(shared, made)
    loop.turn(3)
    assert (loop.parses("a.py"), loop.parses("b.py")) == (1, 1)
    loop.manager._add_callback_to_queue(request(kind, made.id if pinned else None))
    loop.turn(20)
    assert loop.callbacks("a.py") == ["r"]
    assert (loop.parses("a.py"), loop.parses("b.py")) == (1, 1)


@pytest.mark.parametrize("pinned", [True, False])
def test_what_is_known_of_parses_is_what_it_was(loop: Loop, shared: SharedFolder, pinned: bool) -> None:
    """Also if a callback takes too long and is killed: otherwise its DAG would count as removed from its file."""
    made = two(shared)
    loop.serve(shared, made)
    loop.turn(3)
    known = dict(loop.manager._file_stats)
    loop.manager._add_callback_to_queue(request("dag success", made.id if pinned else None))
    loop.turn(2)
    loop.held.add("a.py")
    loop.manager._add_callback_to_queue(request("dag success", made.id if pinned else None))
    loop.turn(2)
    loop.manager.processor_timeout = 0
    loop.turn(2)
    assert [process.killed for process in loop.started if process.callbacks] == [False, True]
    assert loop.manager._file_stats == known


@pytest.mark.parametrize("pinned", [True, False])
def test_neither_takes_the_others_place(loop: Loop, shared: SharedFolder, pinned: bool) -> None:
    made = two(shared)
    loop.serve(shared, made)
    loop.manager._add_callback_to_queue(request("dag success", made.id if pinned else None, "waits beside a parse"))
    loop.turn(3)
    assert loop.callbacks("a.py") == ["waits beside a parse"]
    assert loop.parses("a.py") == 1
    # The other way round: a callback that does not end, and a parse that is due.
    loop.held.add("a.py")
    loop.manager._add_callback_to_queue(request("dag success", made.id if pinned else None, "goes on"))
    loop.turn()
    loop.manager._file_stats.clear()
    loop.turn(2)
    assert loop.parses("a.py") == 2
    # And a callback that comes while the file is parsed.
    loop.manager._add_callback_to_queue(request("dag success", made.id if pinned else None, "comes while it is parsed"))
    loop.release("a.py")
    loop.turn(3)
    assert loop.callbacks("a.py") == ["waits beside a parse", "goes on", "comes while it is parsed"]


@pytest.mark.parametrize("pinned", [True, False])
@pytest.mark.parametrize("ended", [True, False])
def test_a_callback_that_comes_while_another_one_runs_is_not_lost(
    loop: Loop, shared: SharedFolder, pinned: bool, ended: bool
) -> None:
    made = two(shared)
    loop.serve(shared, made)
    loop.turn(3)
    loop.held.add("a.py")
    for run_id in ("first", "second", "third"):
        loop.manager._add_callback_to_queue(request("dag success", made.id if pinned else None, run_id))
        loop.turn(2)
    assert loop.callbacks("a.py") == ["first"]
    assert not loop.manager._file_queue, "nothing would be parsed meanwhile"
    if ended:
        loop.manager.processor_timeout = 0  # it is killed
        loop.turn()
        loop.manager.processor_timeout = 1e12
    loop.release("a.py")
    loop.turn(3)
    assert loop.callbacks("a.py") == ["first", "second", "third"]


def test_callbacks_of_an_older_release_run_its_code_and_nothing_else_is_parsed(
    loop: Loop, shared: SharedFolder
) -> None:
    old = two(shared)
    loop.serve(shared, old)
    loop.turn(3)
    new = release(shared.folder, {"b.py": DAG.format(dag="b"), "moved.py": DAG.format(dag="a") + "\n"})
    loop.serve(shared, new)
    loop.turn(3)
    before = len(loop.started)
    # Airflow knows only the newest file. One run has no release, and its file no longer exists.
    loop.manager._add_callback_to_queue(request("dag success", old.id, "old", path="moved.py"))
    loop.manager._add_callback_to_queue(request("dag success", new.id, "new", path="moved.py"))
    loop.manager._add_callback_to_queue(request("lost task", None, "without", path="a.py"))
    loop.manager.handle_removed_files(loop.known)
    loop.turn(20)
    ran = {process.callbacks[0].run_id if hasattr(process.callbacks[0], "run_id") else "without": process.file
           for process in loop.started[before:]}  # fmt: skip
    assert set(ran) == {"old", "new", "without"}
    assert [(str(ran[run].rel_path), ran[run].bundle_path.name) for run in ("old", "new", "without")] == [
        ("a.py", old.id),
        ("moved.py", new.id),
        ("a.py", new.id),
    ]
    assert {str(file.rel_path) for file in loop.manager._file_stats} == {"b.py", "moved.py"}


def test_a_release_is_served_when_its_files_are_parsed_whatever_callbacks_run(loop: Loop, shared: SharedFolder) -> None:
    loop.serve(shared, two(shared))
    loop.turn(3)
    new = release(shared.folder, {"a.py": DAG.format(dag="a") + "\n", "b.py": DAG.format(dag="b")})
    loop.manager._add_callback_to_queue(request("dag success", None, "before"))
    loop.serve(shared, new)
    loop.manager._add_callback_to_queue(request("dag success", None, "after"))
    loop.manager._add_callback_to_queue(request("dag failure", new.id, "pinned"))
    turn = loop.manager._turns["dags"]
    assert (turn.served, turn.first) == (False, {"a.py"})
    loop.turn(4)
    assert sorted(loop.callbacks("a.py")) == ["after", "before", "pinned"]
    assert (turn.served, turn.confirmed, loop.parses("a.py")) == (True, True, 2)
    # Callbacks that waited ran on the new release.
    assert {process.file.bundle_path.name for process in loop.started if process.callbacks} == {new.id}


class EnoughError(Exception):
    """Ends the loop."""


def test_after_an_outage_files_are_parsed_as_before(
    loop: Loop, shared: SharedFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In Airflow's own loop, which restarts without known files, on an unchanged release."""
    from airflow.models.dagbundle import DagBundleModel
    from airflow.utils.session import create_session
    from sqlalchemy.exc import OperationalError

    from tradewind.runtime.database.outage import through_outages

    with create_session() as session:
        session.merge(DagBundleModel(name="dags"))
    shared.activate(two(shared).id)
    beats, before = 0, 0

    def heartbeat() -> None:
        nonlocal beats, before
        beats += 1
        if beats == 6:
            before = loop.parses("a.py")
            raise OperationalError("SELECT 1", {}, Exception("(2013, 'Lost connection')"))
        if beats == 20:
            raise EnoughError

    at_once = partial(through_outages, is_there=lambda: True, sleep=lambda _: None)
    monkeypatch.setattr(type(loop.manager), "through_outages", staticmethod(at_once), raising=False)
    monkeypatch.setattr(loop.manager, "heartbeat", heartbeat)
    monkeypatch.setattr(loop.manager, "_file_process_interval", 0)
    monkeypatch.setattr(loop.manager, "_service_processor_sockets", lambda timeout: None)  # there are no processes
    with pytest.raises(EnoughError):
        loop.manager._run_parsing_loop()
    assert before > 0
    assert loop.parses("a.py") > before
    assert loop.parses("b.py") > before
