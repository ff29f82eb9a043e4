"""A real platform for tests, in its own folder, used through the real command."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

import psutil

from tradewind.cli.status import absent
from tradewind.local.airflow import Airflow
from tradewind.local.paths import StateDirectory
from tradewind.local.platform import Platform

COMMAND = Path(sys.executable).parent / "tradewind"
DAGS = Path(__file__).parent / "dags"
EXAMPLES = Path(__file__).parents[2] / "examples" / "dags"
DATABASE = os.environ.get("TRADEWIND_TEST_DATABASE", "embedded")
PATIENCE_S = 600.0  # not a promise: it only ends a test that hangs

CONFIGURATION = """\
tenant: acme
region: eu-west-1
accounts:
  non-production: {{id: "111111111111"}}
environments:
  dev:
    account: non-production
    network: {{cidr: 10.0.0.0/16}}
local:
  dags: {dags}
  database: {database}
  broker_persistence: false
"""

VARIABLE = re.compile(rb"\0((?:AIRFLOW|TRADEWIND)_[A-Z_]+)=([^\0]*)(?=\0)")

RECOVERIES: list[tuple[str, float, float, int]] = []
"""For each killed process: name, seconds until it was healthy, seconds until the run ended, most attempts of a task."""


@dataclass
class Running:
    """A folder with a configuration, and the platform that may run in it."""

    folder: Path
    _airflow: Airflow | None = field(default=None, repr=False)

    @classmethod
    def create(cls, folder: Path, *sources: Path, database: str = DATABASE) -> Running:
        """Write the configuration, and a DAG folder with the content of ``sources``. Do not start the platform."""
        (folder / "dags").mkdir()
        for source in sources:
            shutil.copytree(source, folder / "dags", dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
        (folder / "tradewind.yaml").write_text(CONFIGURATION.format(dags="dags", database=database))
        return cls(folder)

    def tradewind(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run the command in the folder."""
        result = subprocess.run(
            [str(COMMAND), *arguments], cwd=self.folder, capture_output=True, text=True, timeout=PATIENCE_S, check=False
        )
        assert "Traceback" not in result.stderr, result.stderr
        if check:
            assert result.returncode == 0, f"{arguments}: {result.returncode}\n{result.stdout}\n{result.stderr}"
        return result

    def status(self) -> dict[str, Any]:
        """The output of ``tradewind status --json``, without the half second that the command takes."""
        platform = Platform(StateDirectory(self.folder / ".tradewind"))
        return platform.status(usage=True) or absent(platform)

    def row(self, name: str) -> dict[str, Any]:
        """The status of one process."""
        return next(row for row in self.status()["processes"] if row["name"] == name)

    @property
    def airflow(self) -> Airflow:
        """Airflow's API, with the administrator's login."""
        if self._airflow is None:
            secrets = json.loads((self.folder / ".tradewind/secrets.json").read_text())
            self._airflow = Airflow(self.status()["urls"]["web"], "admin", secrets["login"])
        return self._airflow

    def trigger(self, dag: str, **conf: Any) -> str:
        """Start a run. Return its id."""
        self.airflow_when_up(lambda api: api.call("GET", f"/dags/{dag}"))
        body = {"logical_date": None, "conf": conf}
        return str(self.airflow_when_up(lambda api: api.call("POST", f"/dags/{dag}/dagRuns", body))["dag_run_id"])

    def airflow_when_up(self, call: Callable[[Airflow], Any]) -> Any:
        """Call the API, again if the web server restarts meanwhile, also at another address."""

        def tried() -> tuple[Any]:
            try:
                return (call(self.airflow),)
            except Exception:
                self._airflow = None
                raise

        return eventually(tried)[0]

    def tasks(self, dag: str, run_id: str) -> list[dict[str, Any]]:
        """The task instances of a run."""
        path = f"/dags/{dag}/dagRuns/{quote(run_id)}/taskInstances"
        rows = self.airflow_when_up(lambda api: list(api.pages(path, "task_instances")))
        return list({(row["task_id"], row["map_index"]): row for row in rows}.values())

    def state(self, dag: str, run_id: str) -> str:
        """The state of a run."""
        return str(self.airflow_when_up(lambda api: api.call("GET", f"/dags/{dag}/dagRuns/{quote(run_id)}"))["state"])

    def log(self, task: dict[str, Any], attempt: int) -> str:
        """The log of one attempt, as the UI reads it."""
        path = (
            f"/dags/{task['dag_id']}/dagRuns/{quote(task['dag_run_id'])}/taskInstances/{task['task_id']}"
            f"/logs/{attempt}?map_index={task['map_index']}&full_content=true"
        )
        return json.dumps(self.airflow_when_up(lambda api: api.call("GET", path)))

    def environment(self, name: str) -> dict[str, str]:
        """The environment of a process. The kernel shows the fork server's; the process has its own in memory."""
        process = psutil.Process(self.row(name)["pid"])
        own: dict[str, str] = {}
        for text in memory(process.pid):
            own |= {n.decode(): value.decode() for n, value in VARIABLE.findall(text)}
        return process.environ() | own

    def kill(self, name: str) -> int:
        """Send SIGKILL to one process. Return its pid."""
        pid = int(self.row(name)["pid"])
        os.kill(pid, signal.SIGKILL)
        return pid

    def left_behind(self) -> list[str]:
        """Processes that still carry this folder's mark."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get("TRADEWIND_STATE_DIR") == str(self.folder / ".tradewind"):
                    found.append(" ".join(process.cmdline()))
            except (psutil.Error, OSError):
                continue
        return found


def eventually(look: Callable[[], Any], patience_s: float = PATIENCE_S) -> Any:
    """Call ``look`` until it returns something. ``patience_s`` only ends a test that hangs.

    The calls take half of the time at most, because the platform needs the CPU, too.
    """
    end = time.monotonic() + patience_s
    last: Exception | None = None
    while (began := time.monotonic()) < end:
        try:
            found = look()
        except Exception as error:
            last, found = error, None
        if found:
            return found
        time.sleep(max(0.2, time.monotonic() - began))
    raise AssertionError(f"waited {patience_s:.0f} s in vain") from last


def memory(pid: int) -> Iterator[bytes]:
    """The writable memory of a process, region by region."""
    with Path(f"/proc/{pid}/maps").open() as maps, Path(f"/proc/{pid}/mem").open("rb", 0) as file:
        for line in maps:
            addresses, mode, *_ = line.split()
            begin, end = (int(address, 16) for address in addresses.split("-"))
            if mode.startswith("rw"):
                with contextlib.suppress(OSError):  # a mapped region may be unreadable
                    file.seek(begin)
                    yield file.read(end - begin)


class Meanwhile(ABC):
    """Repeats a step in its own threads during a block."""

    threads = 1

    def __init__(self) -> None:
        self._over = threading.Event()
        self._running = [threading.Thread(target=self._repeat) for _ in range(self.threads)]

    @abstractmethod
    def step(self) -> float:
        """Do the step once. Return the seconds until the next one."""

    def _repeat(self) -> None:
        while not self._over.is_set():
            self._over.wait(self.step())

    def __enter__(self) -> Self:
        for thread in self._running:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._running:
            thread.join()
