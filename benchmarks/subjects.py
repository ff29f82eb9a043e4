"""What is measured: the platform, the platform with stock settings, and ``airflow standalone``."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psutil
import yaml

from tradewind import config
from tradewind.errors import TradewindError
from tradewind.local.airflow import Airflow
from tradewind.platform import airflow_settings

BIN = Path(sys.executable).parent
DAGS = Path(__file__).parent / "dags"
POLL_S = 0.1
WATCH_S = 0.5  # each look costs the web server about 30 ms of the processors that the tasks want
PATIENCE_S = 600.0

CONFIGURATION: dict[str, Any] = {
    "tenant": "acme",
    "region": "eu-west-1",
    "accounts": {"non-production": {"id": "111111111111"}},
    "environments": {"dev": {"account": "non-production", "network": {"cidr": "10.0.0.0/16"}}},
    "local": {"dags": "dags"},
}

# Of what Tradewind sets, these decide how fast tasks run. The rest is who may log in, and what survives a failure.
SPEED = {
    ("core", "parallelism"),
    ("core", "max_active_tasks_per_dag"),
    ("core", "default_pool_task_slot_count"),
    ("scheduler", "max_tis_per_query"),
    ("celery", "sync_parallelism"),
    ("workers", "min_heartbeat_interval"),
}


def until(look: Callable[[], Any], pause_s: float = POLL_S) -> Any:
    """The first true answer of ``look``; errors count as no answer."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        try:
            if found := look():
                return found
        except (TradewindError, LookupError):
            pass
        time.sleep(pause_s)
    raise TimeoutError


def run_to_success(airflow: Airflow, dag: str) -> None:
    """Trigger and wait."""
    body = {"logical_date": None}
    run_id = until(lambda: airflow.call("POST", f"/dags/{dag}/dagRuns", body))["dag_run_id"]
    path = f"/dags/{dag}/dagRuns/{quote(run_id)}"
    state = until(lambda: (s := airflow.call("GET", path)["state"]) in {"success", "failed"} and s, WATCH_S)
    if state != "success":
        raise RuntimeError(f"{dag} ended as {state}")


class Tradewind:
    """``tradewind up`` in a folder of its own."""

    name = "tradewind up"

    def __init__(self, folder: Path, settings: dict[str, Any] | None = None) -> None:
        self.folder = folder
        folder.mkdir()
        (folder / "dags").symlink_to(DAGS)
        document = json.loads(json.dumps(CONFIGURATION))
        document["environments"]["dev"]["airflow"] = {"settings": settings or {}}
        (folder / "tradewind.yaml").write_text(yaml.safe_dump(document))

    @contextmanager
    def running(self) -> Iterator[Airflow]:
        """Up, then down."""
        self._command("up")
        try:
            secrets = json.loads((self.folder / ".tradewind/secrets.json").read_text())
            status = json.loads(self._command("status", "--json"))
            yield Airflow(status["urls"]["web"], "admin", secrets["login"])
        finally:
            self._command("down", "--now")

    def _command(self, *arguments: str) -> str:
        argv = [str(BIN / "tradewind"), *arguments]
        return subprocess.run(argv, cwd=self.folder, check=True, capture_output=True, text=True).stdout


class Standalone:
    """``airflow standalone``, Airflow's own way to start everything on one machine."""

    name = "airflow standalone"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]

    @contextmanager
    def running(self) -> Iterator[Airflow]:
        """Started, then ended. Ready is for the caller to find out: the command does not say it to programs."""
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


def stock_values() -> dict[str, Any]:
    """Airflow's own defaults of the settings that decide how fast tasks run, for the file's ``airflow.settings``."""
    environment = config.parse(yaml.safe_dump(CONFIGURATION), "tradewind.yaml").environment("dev")
    wanted = sorted({(s.section, s.key) for s in airflow_settings(environment)} & SPEED)
    script = (
        "import json, sys\n"
        "from airflow.configuration import conf\n"
        "from airflow.providers_manager import ProvidersManager\n"
        "ProvidersManager().initialize_providers_configuration()\n"
        "print(json.dumps([conf.get_default_value(*pair) for pair in json.loads(sys.argv[1])]))"
    )
    env = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script, json.dumps(wanted)],
        check=True, capture_output=True, text=True, env=env,
    )  # fmt: skip
    values = json.loads(result.stdout.strip().splitlines()[-1])
    return {f"{section}.{key}": value for (section, key), value in zip(wanted, values, strict=True)}
