"""The promises of the README: every service starts, real DAGs run, and the user can read their results."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from running import DATABASE, Running, memory

pytestmark = pytest.mark.local


@pytest.mark.parametrize("dag", ["canary", "mapped_retry", "deferrable_wait", "etl_sun_time"])
def test_example_dags_run_to_success(platform: Running, dag: str) -> None:
    result = platform.tradewind("run", dag)
    assert f"{dag} succeeded: http://127.0.0.1:" in result.stdout
    if dag == "mapped_retry":
        assert re.search(r"^  \w+ +(\d+) of \1 success$", result.stderr, re.MULTILINE), result.stderr


def test_airflow_is_asked_from_inside_whether_it_is_well(platform: Running) -> None:
    """The confirmation that a release runs on ECS at its end, with the environment of the scheduler."""
    environment = platform.environment("scheduler")

    def confirm(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "tradewind.runtime.database.confirm", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    done = confirm()
    assert done.returncode == 0, done.stdout + done.stderr
    found = re.search(r"the run (release__\w+) of the DAG canary: success", done.stdout)
    assert found, done.stdout
    # Without a date, templates such as {{ ds }} would be undefined in a tenant's canary.
    assert platform.airflow.call("GET", f"/dags/canary/dagRuns/{found[1]}")["logical_date"]

    platform.airflow.call("PATCH", "/dags/canary", {"is_paused": True})
    try:
        done = confirm()
        assert (done.returncode, "no canary run: the DAG 'canary' " in done.stdout) == (0, True)
    finally:
        platform.airflow.call("PATCH", "/dags/canary", {"is_paused": False})


def test_the_etl_leaves_a_table_and_a_chart(platform: Running) -> None:
    output = Path(platform.status()["output"]) / "etl_sun_time"
    charts = list(output.glob("manual__*/*.png"))
    assert charts, list(output.rglob("*"))
    assert charts[0].read_bytes().startswith(b"\x89PNG")
    database = next(output.glob("manual__*/*.sqlite"))
    with sqlite3.connect(f"file:{database}?mode=ro&immutable=1", uri=True) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        assert sum(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables) > 200


def test_every_attempt_of_a_retried_task_has_a_readable_log(platform: Running) -> None:
    runs = platform.airflow.call("GET", "/dags/mapped_retry/dagRuns?order_by=-id&limit=1")["dag_runs"]
    retried = [t for t in platform.tasks("mapped_retry", runs[0]["dag_run_id"]) if t["try_number"] == 2]
    assert len(retried) == 1
    first, second = (platform.log(retried[0], attempt) for attempt in (1, 2))
    assert "Traceback" in first or "Error" in first
    assert "could not read" not in (first + second).lower()


ASKS = """
from airflow.sdk import DAG, BaseHook, Variable
from airflow.providers.standard.operators.empty import EmptyOperator
with DAG("asks", schedule=None):
    EmptyOperator(task_id="t", pool="small")
def later():
    return Variable.get("region"), Variable.get("zone"), BaseHook.get_connection("lake"), BaseHook.get_connection("sea")
"""


def test_the_gate_asks_what_is_there(platform: Running, tmp_path: Path) -> None:
    (tmp_path / "asks.py").write_text(ASKS)
    platform.airflow.call("POST", "/variables", {"key": "region", "value": "x"})
    platform.airflow.call("POST", "/connections", {"connection_id": "lake", "conn_type": "aws"})
    done = platform.tradewind("dags", "test", str(tmp_path), "--no-tests", "--json", check=False)
    found = {
        (f["rule"], f["text"].partition(";")[0]) for f in json.loads(done.stdout)["findings"] if f["rule"] != "removed"
    }
    assert found == {
        ("pool", "there is no pool small"),
        ("variable", "there is no variable zone"),
        ("connection", "there is no connection sea"),
    }


def test_no_import_errors(platform: Running) -> None:
    assert platform.airflow.call("GET", "/importErrors")["import_errors"] == []


EDITED = """
from airflow.sdk import DAG
from airflow.providers.standard.operators.bash import BashOperator
with DAG("edited", schedule=None):
    BashOperator(task_id="TASK", bash_command="echo {{ ds }} {{ dag_run.conf['n'] }}")
"""


def test_a_dag_is_run_as_the_folder_has_it(platform: Running) -> None:
    """Also right after a change of the file. An impossible run fails without waiting for a DAG that will not come."""
    file = platform.folder / "dags" / "edited.py"

    def run(dag: str = "edited") -> subprocess.CompletedProcess[str]:
        return platform.tradewind("run", dag, "--conf", '{"n": 3}', check=False)

    try:
        for task in ("one", "two"):
            file.write_text(EDITED.replace("TASK", task))
            done = run()
            assert done.returncode == 0, done.stderr
            assert re.search(rf"^  {task} +success$", done.stderr, re.MULTILINE), done.stderr
        failed = platform.tradewind("run", "edited", check=False)  # without the value that its template needs
        assert failed.returncode == 1
        assert re.search(r"^  two, try 1: UndefinedError: .*'n'$", failed.stderr, re.MULTILINE), failed.stderr
        assert "error: edited ended as failed: two failed\n" in failed.stderr
        missed = run("edted")
        assert (missed.returncode, missed.stderr.splitlines()[0]) == (
            1,
            "error: there is no DAG 'edted': did you mean edited?",
        )
        file.write_text("import nothing_of_that_name\n" + EDITED)
        assert "edited cannot be run: its file edited.py cannot be imported: ModuleNotFoundError" in run().stderr
    finally:
        file.unlink()
    assert "edited is no longer in the DAG folder: its file edited.py no longer exists" in run().stderr
    assert platform.airflow.call("GET", "/importErrors")["import_errors"] == []


def test_status_tells_everything_about_every_process(platform: Running) -> None:
    status = platform.status()
    assert status["healthy"] is True
    rows = {row["name"]: row for row in status["processes"]}
    assert list(rows) == [
        "database", "broker", "init-db-users", "migrate-db", "web", "scheduler", "dag-processor", "triggerer",
        "worker-1", "worker-2", "flower", "controller",
    ]  # fmt: skip
    for name, row in rows.items():
        if name in {"init-db-users", "migrate-db"}:
            assert row["state"] == "done"
        else:
            assert row["state"] == "healthy"
            assert psutil.pid_exists(row["pid"])
            assert row["memory_mb"] > 1
            assert row["uptime_s"] > 0
    assert platform.tradewind("status").stdout.splitlines()[0].split() == [
        "SERVICE", "STATE", "PID", "UPTIME", "CPU", "MEMORY", "RESTARTS", "URL",
    ]  # fmt: skip


def test_health_checks_are_not_what_a_log_is_full_of(platform: Running) -> None:
    said = platform.tradewind("logs", "scheduler", "-n", "1000").stdout
    assert "DagRun Finished" in said
    assert not re.search(r"GET /health.* 200", said)


def test_no_service_has_a_secret_that_is_not_its_own(platform: Running) -> None:
    """Secrets are not in the process list, and not in the memory of other services."""
    secrets = json.loads((platform.folder / ".tradewind/secrets.json").read_text())
    allowed = {"worker": {"broker", "api"}, "flower": {"broker", "flower"}, "controller": {"airflow", "broker"}}
    for row in platform.status()["processes"]:
        if row["pid"] is None:
            continue
        for process in [psutil.Process(row["pid"]), *psutil.Process(row["pid"]).children(recursive=True)]:
            line = " ".join(process.cmdline())
            assert not [name for name, value in secrets.items() if value in line], line
        if row["service"] in allowed:
            texts = list(memory(row["pid"]))
            held = {name for name, value in secrets.items() if any(value.encode() in text for text in texts)}
            assert held == allowed[row["service"]], row["name"]


def test_everything_is_for_the_owner_only(platform: Running) -> None:
    home = platform.folder / ".tradewind"
    # As root, PostgreSQL runs as another user, which may enter the folder but not list it.
    another = os.geteuid() == 0 and DATABASE == "embedded"
    assert oct(home.stat().st_mode & 0o777) == ("0o710" if another else "0o700")
    assert oct((home / "secrets.json").stat().st_mode & 0o777) == "0o600"
    for row in platform.status()["processes"]:
        if row["pid"]:
            for connection in psutil.Process(row["pid"]).net_connections(kind="inet"):
                if connection.status == psutil.CONN_LISTEN:
                    assert connection.laddr.ip == "127.0.0.1", row["name"]
