"""The supervisor with real, tiny processes."""

import asyncio
import json
import os
import stat
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import psutil
import pytest

from tradewind.blueprint import Condition
from tradewind.local.probes import FileProbe
from tradewind.local.process import HOME_VARIABLE, INSTANCE_VARIABLE, ProcessSpec, strays
from tradewind.local.state_machine import State, Stop
from tradewind.local.supervisor import LOG_LIMIT_BYTES, Supervisor

SLOW_MACHINE_S = 60
SLEEP = "import time; time.sleep(600)"
# Writes a file when it can handle SIGTERM, and a line when it ends.
POLITE = """
import pathlib, signal, sys, time
def leave(*_):
    with open("order", "a") as order:
        order.write(sys.argv[1] + "\\n")
    sys.exit(0)
signal.signal(signal.SIGTERM, leave)
pathlib.Path(sys.argv[1] + ".ready").touch()
time.sleep(600)
"""
DEAF_WITH_A_CHILD = """
import pathlib, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(600)"], start_new_session=True)
pathlib.Path("child").write_text(str(child.pid))
pathlib.Path(sys.argv[1] + ".ready").touch()
time.sleep(600)
"""
# The first process leaves a child in another session; the second process keeps running.
LEAVES_A_CHILD = """
import pathlib, subprocess, sys, time
file = pathlib.Path("children")
first = not file.exists()
child = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(600)"], start_new_session=True)
with file.open("a") as children:
    children.write(f"{child.pid}\\n")
if first:
    child.returncode = 0
    sys.exit(3)
time.sleep(600)
"""


@pytest.fixture
def supervisor(tmp_path: Path) -> Supervisor:
    return Supervisor(tmp_path, tmp_path / "processes.json")


def python(home: Path, name: str, code: str, *, ready: bool = False, **change: Any) -> ProcessSpec:
    values: dict[str, Any] = {
        "argv": (sys.executable, "-S", "-c", code, name),
        "env": {**os.environ, HOME_VARIABLE: str(home), INSTANCE_VARIABLE: name},
        "log": home / "logs" / f"{name}.log",
        "probe": FileProbe(home / f"{name}.ready", 3600) if ready else None,
        **change,
    }
    return ProcessSpec(name, name, **values)


def supervise(supervisor: Supervisor, specs: list[ProcessSpec], story: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run ``specs``, execute the story, and stop."""

    async def run() -> None:
        async with asyncio.timeout(SLOW_MACHINE_S):
            running = asyncio.create_task(supervisor.run(specs))
            try:
                await until(lambda: supervisor.machine.processes)
                await story()
            finally:
                supervisor.send(Stop())
                await running

    asyncio.run(run())


async def until(condition: Callable[[], object]) -> None:
    """Wait until the condition is true. The timeout of the whole story limits the wait."""
    while not condition():
        await asyncio.sleep(0.01)


def lines(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []


def test_what_ends_starts_again_and_what_it_left_is_ended_first(supervisor: Supervisor, tmp_path: Path) -> None:
    children = tmp_path / "children"

    async def story() -> None:
        await until(lambda: len(lines(children)) == 2)
        first, second = map(int, lines(children))
        assert not psutil.pid_exists(first)
        assert psutil.pid_exists(second)
        found = supervisor.machine.processes["web"]
        assert (found.restarts, found.last_exit) == (1, "exit code 3")

    supervise(supervisor, [python(tmp_path, "web", LEAVES_A_CHILD)], story)

    assert not psutil.pid_exists(int(lines(children)[1]))
    assert strays(tmp_path) == []


def test_dependents_stop_before_what_they_need(supervisor: Supervisor, tmp_path: Path) -> None:
    needs = {"requires": {"database": Condition.HEALTHY}}
    specs = [
        python(tmp_path, "web", POLITE, ready=True, **needs),
        python(tmp_path, "database", POLITE, ready=True),
    ]

    async def story() -> None:
        await until(lambda: supervisor.machine.all_well)
        assert (tmp_path / "database.ready").stat().st_mtime <= (tmp_path / "web.ready").stat().st_mtime

    supervise(supervisor, specs, story)

    assert lines(tmp_path / "order") == ["web", "database"]


def test_the_deaf_are_killed_after_their_grace_with_all_their_own(supervisor: Supervisor, tmp_path: Path) -> None:
    async def story() -> None:
        await until(lambda: supervisor.machine.all_well)

    supervise(supervisor, [python(tmp_path, "web", DEAF_WITH_A_CHILD, ready=True, stop_grace_s=0.1)], story)

    assert supervisor.machine.processes["web"].last_exit == "killed by SIGKILL"
    assert not psutil.pid_exists(int((tmp_path / "child").read_text()))


def test_the_journal_knows_what_runs(supervisor: Supervisor, tmp_path: Path) -> None:
    specs = [
        python(tmp_path, "database", SLEEP),
        python(tmp_path, "web", SLEEP, requires={"database": Condition.HEALTHY}, stop_grace_s=7),
    ]

    async def story() -> None:
        await until(lambda: len(supervisor.running) == 2)
        entries = {entry["name"]: entry for entry in json.loads(supervisor.journal.read_text())}
        assert set(entries) == {"database", "web"}
        web = entries["web"]
        assert psutil.Process(web["pid"]).create_time() == pytest.approx(web["born"], abs=0.01)
        assert (web["grace_s"], web["requires"]) == (7, ["database"])

    supervise(supervisor, specs, story)

    assert json.loads(supervisor.journal.read_text()) == []


def test_the_log_is_private_and_has_all_that_was_said(supervisor: Supervisor, tmp_path: Path) -> None:
    code = "import sys; print('out'); sys.stdout.flush(); print('err', file=sys.stderr)"
    log = tmp_path / "logs" / "init-db-users.log"

    async def story() -> None:
        await until(lambda: supervisor.machine.processes["init-db-users"].state is State.DONE)

    supervise(supervisor, [python(tmp_path, "init-db-users", code, one_shot=True)], story)

    assert log.read_text() == "out\nerr\n"
    assert stat.S_IMODE(log.stat().st_mode) == 0o600


def test_a_large_log_is_kept_once(supervisor: Supervisor, tmp_path: Path) -> None:
    log = tmp_path / "logs" / "init-db-users.log"
    log.parent.mkdir()
    with log.open("wb") as stream:
        stream.truncate(LOG_LIMIT_BYTES + 1)

    async def story() -> None:
        await until(lambda: supervisor.machine.processes["init-db-users"].state is State.DONE)

    supervise(supervisor, [python(tmp_path, "init-db-users", "print('new')", one_shot=True)], story)

    assert log.read_text() == "new\n"
    assert (tmp_path / "logs" / "init-db-users.log.1").stat().st_size == LOG_LIMIT_BYTES + 1


@pytest.mark.parametrize("one_shot", [False, True], ids=["service", "one-off"])
def test_what_cannot_be_started_is_told(supervisor: Supervisor, tmp_path: Path, one_shot: bool) -> None:
    spec = python(tmp_path, "web", "", argv=("/nowhere/airflow",), one_shot=one_shot)

    async def story() -> None:
        await until(lambda: supervisor.machine.processes["web"].problem)
        (row,) = supervisor.report(usage=True)
        assert row["problem"] == "cannot start /nowhere/airflow: No such file or directory"
        assert row["pid"] is None
        assert row["state"] == ("failed" if one_shot else "back-off")

    supervise(supervisor, [spec], story)


def test_what_cannot_be_written_costs_no_event(tmp_path: Path) -> None:
    """Simulate a full disk: no journal, stamp or log can be written."""
    (tmp_path / "full").write_text("")
    supervisor = Supervisor(tmp_path, tmp_path / "full" / "processes.json")
    service = python(tmp_path, "web", "raise SystemExit(3)")
    once = python(
        tmp_path, "init-db-users", "", one_shot=True, stamp="x", stamp_file=tmp_path / "full" / "init-db-users"
    )
    mute = python(tmp_path, "mute", "", log=tmp_path / "full" / "mute.log")

    async def story() -> None:
        found = supervisor.machine.processes
        await until(
            lambda: found["web"].restarts and found["init-db-users"].state is State.DONE and found["mute"].problem
        )
        assert found["mute"].problem.startswith(f"cannot write {mute.log}: ")

    supervise(supervisor, [service, once, mute], story)
    assert supervisor.machine.all_stopped


def test_the_report(supervisor: Supervisor, tmp_path: Path) -> None:
    async def story() -> None:
        await until(lambda: supervisor.running)
        (row,) = supervisor.report(usage=True)
        pid = supervisor.running["web"].process.pid
        assert row["cpu_s"] >= 0
        assert row["memory_mb"] > 1
        assert row["uptime_s"] >= 0
        assert row | {"cpu_s": 0, "memory_mb": 0, "uptime_s": 0} == {
            "name": "web",
            "image": "",
            "wanted": True,
            "service": "web",
            "state": "healthy",
            "healthy": True,
            "problem": "",
            "pid": pid,
            "uptime_s": 0,
            "cpu_s": 0,
            "memory_mb": 0,
            "restarts": 0,
            "last_exit": "",
            "url": "http://127.0.0.1:8080",
            "log": str(tmp_path / "logs" / "web.log"),
        }
        (quick,) = supervisor.report(usage=False)
        assert quick["cpu_s"] is quick["memory_mb"] is None

    supervise(supervisor, [python(tmp_path, "web", SLEEP, url="http://127.0.0.1:8080")], story)


def test_more_may_be_added_and_leave_again(supervisor: Supervisor, tmp_path: Path) -> None:
    async def story() -> None:
        await until(lambda: supervisor.running)
        await supervisor.add([python(tmp_path, "worker-2", SLEEP)])
        await until(lambda: len(supervisor.running) == 2)
        supervisor.send(Stop(frozenset({"worker-2"})))
        await until(lambda: "worker-2" not in supervisor.machine.processes)
        assert list(supervisor.running) == ["worker-1"]

    supervise(supervisor, [python(tmp_path, "worker-1", SLEEP)], story)
