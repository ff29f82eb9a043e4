"""Cleaning up after a killed supervisor, with real processes and the journal that it would have left."""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from machine_samples import process

from tradewind.errors import TradewindError
from tradewind.local import lock, orphans, supervisor_socket
from tradewind.local.paths import StateDirectory
from tradewind.local.platform import Platform, last_lines
from tradewind.local.process import HOME_VARIABLE
from tradewind.local.supervisor import Supervisor
from tradewind.local.supervisor_requests import GetStatus, RestartService

LEAVES_A_NOTE = """
import signal, sys, time
def leave(*_):
    with open("order", "a") as order:
        order.write(sys.argv[1] + "\\n")
    sys.exit(0)
signal.signal(signal.SIGTERM, leave)
print("ready", flush=True)
time.sleep(600)
"""

Start = Callable[..., psutil.Process]


@pytest.fixture
def state_dir(tmp_path: Path) -> StateDirectory:
    state_dir = StateDirectory(tmp_path / ".tradewind")
    state_dir.create()
    return state_dir


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a process that notes when it was asked to leave; carries the mark of ``state_dir``, if given."""
    with contextlib.ExitStack() as stack:

        def run(name: str, state_dir: StateDirectory | None = None) -> psutil.Process:
            child = subprocess.Popen(
                [sys.executable, "-S", "-c", LEAVES_A_NOTE, name],
                cwd=tmp_path,
                env={**os.environ, **({HOME_VARIABLE: str(state_dir.root)} if state_dir else {})},
                stdout=subprocess.PIPE,
                text=True,
            )
            stack.callback(finish, child)
            assert child.stdout
            assert child.stdout.readline() == "ready\n"
            return psutil.Process(child.pid)

        yield run


def finish(child: subprocess.Popen[str]) -> None:
    child.kill()
    child.wait()
    if child.stdout:
        child.stdout.close()


def entry(name: str, process: psutil.Process, *requires: str, **change: Any) -> dict[str, Any]:
    values = {"pid": process.pid, "born": process.create_time(), "grace_s": 60, "requires": list(requires)}
    return {"name": name, "service": name, **values, **change}


@contextlib.contextmanager
def holding(state_dir: StateDirectory) -> Iterator[None]:
    """Hold the lock, as a supervisor does while it runs."""
    held = lock.acquire(state_dir.lock)
    assert held is not None
    try:
        yield
    finally:
        os.close(held)


def is_alive(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def order(tmp_path: Path) -> list[str]:
    file = tmp_path / "order"
    return file.read_text().split() if file.exists() else []


def test_what_the_journal_names_is_ended_in_order(state_dir: StateDirectory, start: Start, tmp_path: Path) -> None:
    database, web, worker = start("database"), start("web"), start("worker")
    state_dir.journal.write_text(
        json.dumps([entry("database", database), entry("web", web, "database", "gone"), entry("worker", worker, "web")])
    )

    Platform(state_dir).clean_up(grace_s=60)

    assert order(tmp_path) == ["worker", "web", "database"]
    assert not [process for process in (database, web, worker) if is_alive(process)]
    assert not state_dir.run.exists()


def test_a_number_that_somebody_else_has_now_is_left_alone(
    state_dir: StateDirectory, start: Start, tmp_path: Path
) -> None:
    stranger = start("stranger")
    state_dir.journal.write_text(json.dumps([entry("web", stranger, born=stranger.create_time() - 3600)]))

    Platform(state_dir).clean_up(grace_s=60)

    assert is_alive(stranger)
    assert order(tmp_path) == []
    assert not state_dir.run.exists()


def test_a_number_that_nobody_has_any_more(state_dir: StateDirectory, start: Start) -> None:
    gone = start("gone")
    state_dir.journal.write_text(json.dumps([entry("web", gone)]))
    gone.kill()
    gone.wait()

    Platform(state_dir).clean_up(grace_s=60)

    assert not state_dir.run.exists()


@pytest.mark.parametrize("journal", [None, "", "[", "7", "[7]", "[{}]"])
def test_without_a_journal_the_mark_is_enough(state_dir: StateDirectory, start: Start, journal: str | None) -> None:
    marked, other = start("web", state_dir), start("web", StateDirectory(state_dir.root.parent / "other"))
    if journal is not None:
        state_dir.journal.write_text(journal)

    Platform(state_dir).clean_up(grace_s=60)

    assert not is_alive(marked)
    assert is_alive(other)
    assert not state_dir.run.exists()


def test_a_home_that_is_alive_is_left_alone(state_dir: StateDirectory, start: Start) -> None:
    marked = start("web", state_dir)
    state_dir.journal.write_text(json.dumps([entry("web", marked)]))

    async def status(request: dict[str, Any]) -> supervisor_socket.Answer:
        return {"processes": []}

    async def run() -> None:
        async with await supervisor_socket.serve(state_dir, status):
            await asyncio.to_thread(Platform(state_dir).clean_up, 0.0)

    with holding(state_dir):
        asyncio.run(run())

    assert is_alive(marked)
    assert state_dir.journal.exists()


def test_a_home_whose_supervisor_is_still_starting_is_left_alone(state_dir: StateDirectory, start: Start) -> None:
    # It holds the lock and does not answer yet: the creation of a database takes a while.
    marked = start("initdb", state_dir)
    with holding(state_dir):
        Platform(state_dir).clean_up(grace_s=0)

        assert is_alive(marked)
        assert state_dir.lock.exists()


def test_a_home_whose_supervisor_is_still_starting_cannot_be_said_to_be_stopped(state_dir: StateDirectory) -> None:
    with holding(state_dir), pytest.raises(TradewindError):
        list(Platform(state_dir).stop())


def test_a_home_that_never_was(tmp_path: Path) -> None:
    platform = Platform(StateDirectory(tmp_path / ".tradewind"))

    platform.clean_up(grace_s=0)

    assert platform.status() is None
    assert list(platform.stop()) == []
    assert not platform.state_dir.root.exists()
    with pytest.raises(TradewindError) as raised:
        platform.ask(RestartService("web"))
    assert (raised.value.what, raised.value.hint) == ("the platform is not running", "tradewind up")


def test_stop_cleans_up_after_a_supervisor_that_was_killed(state_dir: StateDirectory, start: Start) -> None:
    marked = start("web", state_dir)

    assert list(Platform(state_dir).stop(now=True)) == []
    assert not is_alive(marked)


def test_the_last_lines(tmp_path: Path) -> None:
    log = tmp_path / "web.log"
    assert last_lines(log) == ""
    log.write_bytes(b"".join(b"line %d\n" % number for number in range(10_000)) + b"\xff")

    assert last_lines(log, 3) == "line 9998\nline 9999\n�"
    assert len(last_lines(log).splitlines()) == 12


@pytest.mark.parametrize("count", [1, 1000, 20_000, 30_000])
def test_as_many_last_lines_as_are_asked_for_and_are_there(tmp_path: Path, count: int) -> None:
    lines = [f"line {number} of a log" for number in range(20_000)]
    (tmp_path / "web.log").write_text("\n".join(lines) + "\n")

    assert last_lines(tmp_path / "web.log", count).split("\n") == lines[-count:]


def test_what_is_left_is_told_as_what_runs_is(state_dir: StateDirectory, start: Start) -> None:
    web = start("web")
    state_dir.journal.write_text(json.dumps([entry("web", web)]))
    supervisor = Supervisor(state_dir.root, state_dir.journal)
    supervisor.machine.add([process("web")], 0)

    (row,) = orphans.rows(state_dir, orphans.processes_left(state_dir))

    assert row.keys() == supervisor.report(usage=True)[0].keys()
    with pytest.raises(TradewindError) as raised:
        Platform(state_dir).ask(GetStatus())
    assert str(raised.value) == "the supervisor was killed: 1 process runs without it: web"
