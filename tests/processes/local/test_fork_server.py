"""The fork server: a forked process behaves like one that was started alone, and shared imports read no own setting."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import psutil
import pytest

from tradewind.local.fork_server import MARK, MODULES
from tradewind.local.forked import LAUNCH, Forked, ForkServer

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="programs are forked on Linux only")

PROGRAM = """
import json, os, random, sys, time
if len(sys.argv) > 1 and sys.argv[1] == "wait":
    print("waits", flush=True)
    time.sleep(600)

print(json.dumps({
    "argv": sys.argv, "env": dict(os.environ), "folder": os.getcwd(), "group": os.getpgid(0) == os.getpid(),
    "name": __name__, "random": random.random(), "airflow": "airflow" in sys.modules, "stdin": sys.stdin.read(),
}))
print("and an error", file=sys.stderr)
sys.exit(int(os.environ.get("CODE", "0")))
"""


class Home:
    """A fork server, and a folder with a program for it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "program.py").write_text(PROGRAM)
        self.server = ForkServer({"PYTHONPATH": str(folder), "AIRFLOW_HOME": str(folder)}, folder / "log")

    async def start(self, name: str, *arguments: str, **env: str) -> Forked:
        log = os.open(self.folder / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        argv = (sys.executable, *LAUNCH, "program", *arguments)
        forked = await self.server.start(argv, {MARK: name, "AIRFLOW_HOME": str(self.folder), **env}, self.folder, log)
        os.close(log)
        assert forked
        return forked

    async def waiting(self, name: str) -> Forked:
        forked = await self.start(name, "wait")
        while "waits" not in (self.folder / name).read_text():
            await asyncio.sleep(0.05)
        return forked


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def test_a_program_is_as_if_it_had_been_started_alone(home: Home) -> None:
    async def scenario() -> list[int]:
        await home.server.begin()
        first = await home.start("one", "a", "b", SECRET="first")
        second = await home.start("two", CODE="7", OTHER="x")
        codes = [await first.wait(), await second.wait()]
        await home.server.end()
        return codes

    assert asyncio.run(scenario()) == [0, 7]
    texts = [(home.folder / name).read_text() for name in ("one", "two")]
    one, two = (json.loads(text[text.index("{") :].splitlines()[0]) for text in texts)
    assert "and an error" in texts[0]
    assert one["argv"][1:] == ["a", "b"]
    assert (one["name"], one["folder"], one["group"], one["stdin"]) == ("__main__", str(home.folder), True, "")
    assert one["env"]["SECRET"] == "first"
    assert "SECRET" not in two["env"]
    assert {"OTHER", "CODE"} <= two["env"].keys()
    assert "_AIRFLOW__AS_LIBRARY" not in one["env"]
    assert one["airflow"]
    assert one["random"] != two["random"]


def test_the_system_knows_whose_process_it_is_and_how_it_ended(home: Home) -> None:
    async def scenario() -> int:
        await home.server.begin()
        forked = await home.waiting("worker-1")
        assert psutil.Process(forked.pid).environ()[MARK] == "worker-1"
        assert "worker-1" in " ".join(psutil.Process(forked.pid).cmdline())
        forked.send_signal(signal.SIGKILL)
        code = await forked.wait()
        with pytest.raises(ProcessLookupError):
            forked.send_signal(signal.SIGTERM)
        await home.server.end()
        return code

    assert asyncio.run(scenario()) == -signal.SIGKILL


def test_without_the_fork_server_its_programs_end_and_the_next_one_is_not_forked(home: Home) -> None:
    async def scenario() -> tuple[int, Forked | None]:
        await home.server.begin()
        forked = await home.waiting("web")
        process = psutil.Process(forked.pid)
        os.kill(process.ppid(), signal.SIGKILL)
        code = await forked.wait()
        again = await home.server.start((sys.executable, *LAUNCH, "program"), {}, home.folder, 1)
        assert psutil.wait_procs([process], 60)[1] == []
        await home.server.end()
        return code, again

    assert asyncio.run(scenario()) == (-signal.SIGKILL, None)


@pytest.mark.parametrize(
    ("argv", "can"),
    [
        ((sys.executable, "-m", "tradewind.launch", "airflow", "triggerer"), True),
        ((sys.executable, "-m", "celery", "flower"), False),
        (("/usr/bin/env", "-m", "tradewind.launch", "airflow"), False),
        (("true",), False),
    ],
)
def test_what_can_be_forked(argv: tuple[str, ...], can: bool) -> None:
    assert ForkServer.can_start(argv) is can


DIFFERENT = {"host", "port", "base_url", "secret_key", "jwt_secret", "fernet_key", "broker_url", "result_backend",
             "sql_alchemy_conn", "execution_api_server_url", "scheduler_health_check_server_host",
             "scheduler_health_check_server_port"}  # fmt: skip
"""Options of Airflow that two services of one platform may have with different values."""

TRACE = """
import importlib, json, sys
import airflow
from airflow.configuration import conf
read = set()
get = type(conf).get
def reading(self, section, key, *arguments, **options):
    read.add(key.lower())
    return get(self, section, key, *arguments, **options)

type(conf).get = reading
missing = []
for name in sys.argv[1:]:
    try:
        importlib.import_module(name)
    except ImportError as error:
        missing.append(f"{name}: {error}")
import threading
print(json.dumps([sorted(read), missing, threading.active_count()]))
"""


def trace(env: Mapping[str, str], *modules: str) -> tuple[set[str], list[str], int]:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", TRACE, *modules], env=env, capture_output=True, text=True, check=True
    )
    read, missing, threads = json.loads(done.stdout.splitlines()[-1])
    return set(read), missing, threads


def test_what_is_imported_for_all_reads_nothing_that_differs_and_starts_no_thread(tmp_path: Path) -> None:
    env = {"PATH": os.environ["PATH"], "AIRFLOW_HOME": str(tmp_path), "_AIRFLOW__AS_LIBRARY": "1"}

    read, missing, threads = trace(env, *MODULES)

    assert missing == []
    assert len(read) > 10
    assert read & DIFFERENT == set()
    assert threads == 1
    # A module that reads such an option proves that the test can fail.
    assert trace(env, "airflow.cli.cli_config")[0] & DIFFERENT == {"host", "port"}
