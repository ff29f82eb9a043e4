"""The measured systems: Tradewind, the same services with stock settings, and ``airflow standalone``."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psutil
import yaml

from tradewind.blueprint import airflow_settings
from tradewind.errors import TradewindError
from tradewind.local.airflow import Airflow
from tradewind.local.daemon import Request
from tradewind.local.process import ProcessSpec, strays
from tradewind.local.state_machine import Stop
from tradewind.local.supervisor import Supervisor

BIN = Path(sys.executable).parent
DAGS = Path(__file__).parent / "dags"
POLL_S = 0.1
DATABASE_URL = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"
WATCH_S = 0.5  # each request costs the web server about 30 ms of processor time, which the tasks need
PATIENCE_S = 600.0

CONFIGURATION: dict[str, Any] = {
    "tenant": "acme",
    "region": "eu-west-1",
    "accounts": {"non-production": {"id": "111111111111"}},
    "environments": {"dev": {"account": "non-production", "network": {"cidr": "10.0.0.0/16"}}},
    "local": {"dags": "dags"},
}

# Settings that stock Airflow needs for a comparison. All other settings of Tradewind are removed.
KEPT = {
    ("core", "executor"),
    ("core", "auth_manager"),
    ("core", "load_examples"),
    ("fab", "update_fab_perms"),
    ("scheduler", "enable_health_check"),
}


def until(look: Callable[[], Any], pause_s: float = POLL_S, patience_s: float = PATIENCE_S) -> Any:
    """Call ``look`` until it returns a true value, and return it; errors count as no value."""
    end = time.monotonic() + patience_s
    while time.monotonic() < end:
        try:
            if found := look():
                return found
        except (TradewindError, LookupError):
            pass
        time.sleep(pause_s)
    raise TimeoutError


def run_to_success(airflow: Airflow, dag: str) -> None:
    """Trigger a DAG run and wait until it has succeeded."""
    body = {"logical_date": None}
    run_id = until(lambda: airflow.call("POST", f"/dags/{dag}/dagRuns", body))["dag_run_id"]
    path = f"/dags/{dag}/dagRuns/{quote(run_id)}"
    state = until(lambda: (s := airflow.call("GET", path)["state"]) in {"success", "failed"} and s, WATCH_S)
    if state != "success":
        raise RuntimeError(f"{dag} ended as {state}")


def cpu_s(folder: Path) -> float:
    """Seconds of processor time that the platform in ``folder`` has used so far, with its ended child processes."""
    processes: dict[int, psutil.Process] = {}
    for marked in strays(folder / ".tradewind"):
        processes |= {process.pid: process for process in (marked, *marked.children(recursive=True))}
    total = 0.0
    for process in processes.values():
        with suppress(psutil.NoSuchProcess):
            total += sum(process.cpu_times()[:4])  # user and system, its own and its ended children's
    return total


class Tradewind:
    """``tradewind up`` in a folder of its own."""

    name = "tradewind up"

    def __init__(self, folder: Path, dags: Path = DAGS) -> None:
        self.folder = folder
        folder.mkdir()
        (folder / "dags").symlink_to(dags)
        (folder / "tradewind.yaml").write_text(yaml.safe_dump(CONFIGURATION))

    @contextmanager
    def running(self) -> Iterator[Airflow]:
        """Start the platform, and stop it at the end."""
        self.command("up")
        try:
            secrets = json.loads((self.folder / ".tradewind/secrets.json").read_text())
            status = json.loads(self.command("status", "--json"))
            yield Airflow(status["urls"]["web"], "admin", secrets["login"])
        finally:
            self.command("down", "--now")

    def command(self, *arguments: str) -> str:
        """Run ``tradewind`` in the folder and return its stdout."""
        argv = [str(BIN / "tradewind"), *arguments]
        return subprocess.run(argv, cwd=self.folder, check=True, capture_output=True, text=True).stdout


class StockCelery:
    """The same services on the same servers, with Airflow's own settings and its own worker command."""

    name = "stock settings"

    def __init__(self, folder: Path, dags: Path = DAGS) -> None:
        self.folder = Tradewind(folder, dags).folder
        self.dags = dags

    @contextmanager
    def running(self) -> Iterator[Airflow]:
        """Start the platform, and stop it at the end."""
        request = Request(file=str(self.folder / "tradewind.yaml"))
        planned = request.plan(lambda _: True)
        removed = {s.variable for s in airflow_settings(planned.environment) if (s.section, s.key) not in KEPT}
        # Stock Airflow keeps results in the metadata database, and every worker has its URL.
        removed.add("AIRFLOW__CELERY__RESULT_BACKEND")
        database = next(spec for spec in planned.specs if spec.service == "scheduler").env[DATABASE_URL]
        specs = [_stock(spec, removed, database, self.dags) for spec in planned.specs]
        supervisor = Supervisor(planned.state_dir.root, planned.state_dir.journal)
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=lambda: loop.run_until_complete(supervisor.run(specs)))
        thread.start()
        try:
            until(lambda: supervisor.machine.processes and supervisor.machine.all_well)
            yield Airflow(planned.web_url, *planned.login)
        finally:
            loop.call_soon_threadsafe(supervisor.send, Stop(now=True))
            thread.join()
            loop.close()


def _stock(spec: ProcessSpec, removed: set[str], database: str, dags: Path) -> ProcessSpec:
    env = {name: value for name, value in spec.env.items() if name not in removed}
    env["AIRFLOW__CORE__DAGS_FOLDER"] = str(dags)
    if spec.service == "dag-processor":
        return replace(spec, env=env, argv=(str(BIN / "airflow"), "dag-processor"))
    if spec.service != "worker":
        return replace(spec, env=env)
    env[DATABASE_URL] = database
    argv = (str(BIN / "airflow"), "celery", "worker", "--skip-serve-logs", "--celery-hostname", spec.name)
    return replace(spec, env=env, argv=argv, probe=None)


class Standalone:
    """``airflow standalone``, Airflow's own command that starts everything on one machine."""

    name = "airflow standalone"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]

    @contextmanager
    def running(self) -> Iterator[Airflow]:
        """Start it, and stop it at the end. The caller checks if it is ready: the command does not report that."""
        url = f"http://127.0.0.1:{self.port}"
        dropped = ("AIRFLOW", "PYTHONDONTWRITEBYTECODE")
        env = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
        env |= {
            "PATH": f"{BIN}{os.pathsep}{env['PATH']}",
            "AIRFLOW_HOME": str(self.folder),
            "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin",
            "AIRFLOW__API__PORT": str(self.port),
            "AIRFLOW__API__BASE_URL": url,
        }
        log = (self.folder / "log").open("a")
        process = subprocess.Popen(
            [str(BIN / "airflow"), "standalone"], env=env, stdout=log, stderr=log, start_new_session=True
        )
        try:
            yield Airflow(url, "admin", until(lambda: self._password()))
        finally:
            family = [process, *psutil.Process(process.pid).children(recursive=True)]
            os.killpg(process.pid, signal.SIGTERM)
            _, alive = psutil.wait_procs(family[1:], timeout=15)
            for member in alive:
                member.kill()
            process.wait()
            log.close()

    def _password(self) -> str:
        try:
            kept = json.loads((self.folder / "simple_auth_manager_passwords.json.generated").read_text())
        except (OSError, ValueError):
            return ""
        return str(kept.get("admin", ""))
