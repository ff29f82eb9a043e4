"""The output of each command after the supervisor was killed, while its processes still run.

The processes are real processes that sleep. The journal is as the supervisor leaves it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import pytest
from played_run import command as run

from tradewind.local import lock
from tradewind.local.paths import StateDirectory
from tradewind.local.process import HOME_VARIABLE, INSTANCE_VARIABLE, end

ROOT = Path(__file__).parents[2]
KILLED = "the supervisor was killed: 2 processes run without it: web, worker-1"
HINT = "hint: tradewind up ends them and starts the platform again; tradewind down only ends them"


def started(state_dir: StateDirectory, name: str) -> psutil.Process:
    """A sleeping process of the platform, whose parent ends at once, like a killed supervisor."""
    script = (
        "import subprocess, sys\n"
        "sleeps = [sys.executable, '-S', '-c', 'import time; time.sleep(600)']\n"
        "child = subprocess.Popen(sleeps, stdout=subprocess.DEVNULL)\n"
        "print(child.pid)"
    )
    environment = {**os.environ, HOME_VARIABLE: str(state_dir.root), INSTANCE_VARIABLE: name}
    said = subprocess.run([sys.executable, "-S", "-c", script], env=environment, stdout=subprocess.PIPE, check=True)
    return psutil.Process(int(said.stdout))


def entry(name: str, process: psutil.Process) -> dict[str, Any]:
    return {
        "name": name,
        "service": name.partition("-")[0],
        "pid": process.pid,
        "born": process.create_time(),
        "grace_s": 60,
        "requires": [],
    }


class Left(NamedTuple):
    """A checkout whose supervisor was killed, and the processes that are left: web, then a worker."""

    folder: Path
    state_dir: StateDirectory
    processes: list[psutil.Process]


@contextmanager
def abandoned(folder: Path) -> Iterator[Left]:
    """Start web, which is in the journal, and a worker, which only its mark identifies."""
    shutil.copy(ROOT / "tradewind.yaml", folder)
    state_dir = StateDirectory.beside(folder / "tradewind.yaml")
    state_dir.create()
    (state_dir.logs / "web.log").write_text("web says something\n")
    web, worker = started(state_dir, "web"), started(state_dir, "worker-1")
    state_dir.journal.write_text(json.dumps([entry("web", web)]))
    state_dir.lock.touch()
    try:
        yield Left(folder, state_dir, [web, worker])
    finally:
        end([web, worker], 0)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Left]:
    """Shared by tests that do not change it."""
    with abandoned(tmp_path_factory.mktemp("shared")) as left:
        yield left


@pytest.fixture
def left(tmp_path: Path) -> Iterator[Left]:
    with abandoned(tmp_path) as left:
        yield left


def test_status(shared: Left) -> None:
    code, out, err = run(shared.folder, "status")

    rows = [line.split() for line in out.splitlines()]
    assert [row[:3] for row in rows] == [
        ["SERVICE", "STATE", "PID"],
        ["web", "abandoned", str(shared.processes[0].pid)],
        ["worker-1", "abandoned", str(shared.processes[1].pid)],
    ]
    assert (code, err) == (3, f"{KILLED}\n{HINT}\n")


def test_status_as_json(shared: Left) -> None:
    code, out, err = run(shared.folder, "status", "--json")

    report = json.loads(out)
    assert (code, err) == (3, "")
    assert {name: value for name, value in report.items() if name != "processes"} == {
        "version": 1,
        "healthy": False,
        "supervisor": "killed",
    }
    web, worker = report["processes"]
    assert (worker["name"], worker["service"], worker["pid"]) == ("worker-1", "worker", shared.processes[1].pid)
    assert web["memory_mb"] > 0
    assert {name: value for name, value in web.items() if name not in {"uptime_s", "cpu_s", "memory_mb"}} == {
        "name": "web",
        "service": "web",
        "image": "",
        "wanted": True,
        "state": "abandoned",
        "healthy": False,
        "problem": "its supervisor was killed",
        "pid": shared.processes[0].pid,
        "restarts": 0,
        "last_exit": "",
        "url": "",
        "log": str(shared.state_dir.logs / "web.log"),
    }


def test_status_that_is_watched_ends(shared: Left) -> None:
    code, _, err = run(shared.folder, "status", "--watch")

    assert (code, err) == (3, f"{KILLED}\n{HINT}\n")


@pytest.mark.parametrize(
    "command",
    ["run etl", "scale --workers 3", "restart web", "dags deploy local", "dags list", "release status"],
)
def test_what_needs_a_supervisor_says_that_it_was_killed(command: str, shared: Left) -> None:
    assert run(shared.folder, *command.split()) == (1, "", f"error: {KILLED}\n{HINT}\n")


def test_logs_are_shown_all_the_same(shared: Left) -> None:
    assert run(shared.folder, "logs", "web") == (
        0,
        f"{'web':<14} web says something\n",
        f"note: {KILLED.replace('killed:', 'killed;')}\n{HINT}\n",
    )


@pytest.mark.parametrize("options", [(), ("--now",)], ids=["in time", "now"])
def test_down_ends_what_is_left(options: tuple[str, ...], left: Left) -> None:
    said = f"{KILLED.replace('killed:', 'killed;')}; stopping them\nstopped\n"

    assert run(left.folder, "down", *options) == (0, "", said)
    assert psutil.wait_procs(left.processes, timeout=30)[1] == []
    assert not left.state_dir.run.exists()
    assert run(left.folder, "status") == (3, "", "the platform is not running\nhint: tradewind up\n")


def test_a_machine_that_was_restarted_has_nothing_running(left: Left) -> None:
    end(left.processes, 0)

    assert run(left.folder, "status") == (3, "", "the platform is not running\nhint: tradewind up\n")
    assert run(left.folder, "logs", "web")[2] == ""
    assert run(left.folder, "down") == (0, "", "the platform is not running\n")
    assert not left.state_dir.run.exists()


def test_a_supervisor_that_does_not_answer_is_not_one_that_was_killed(shared: Left) -> None:
    silent = (
        "the supervisor does not answer: it is starting or stopping, or it hangs\nhint: try again in a few seconds\n"
    )
    held = lock.acquire(shared.state_dir.lock)
    assert held is not None
    try:
        assert run(shared.folder, "status") == (3, "", silent)
        assert json.loads(run(shared.folder, "status", "--json")[1]) == {
            "version": 1,
            "healthy": False,
            "supervisor": "silent",
            "processes": [],
        }
        assert run(shared.folder, "restart", "web") == (1, "", f"error: {silent}")
        assert run(shared.folder, "logs", "web")[2] == ""
    finally:
        os.close(held)
