"""Tasks repeat a call of the API while the first one still waits for the database. The collision does no harm."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

import psycopg2
import pytest
from running import Running, eventually

pytestmark = [pytest.mark.local, pytest.mark.soak]

DAGS = """
import time
from pathlib import Path

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import dag, get_current_context, task


class Starts(TriggerDagRunOperator):
    def execute(self, context):
        while not Path(context["params"]["begin"]).exists():
            time.sleep(0.1)
        return super().execute(context)


@dag(schedule=None, is_paused_upon_creation=False)
def pushes():
    @task(retries=0)
    def push():
        context = get_current_context()
        while not Path(context["params"]["enough"]).exists():
            context["ti"].xcom_push(key="said", value=time.monotonic())

    push()


@dag(schedule=None, is_paused_upon_creation=False)
def starts():
    Starts.partial(task_id="start", trigger_dag_id="started", retries=0).expand(conf=[{"n": n} for n in range(3)])


@dag(schedule=None, is_paused_upon_creation=False)
def started():
    @task(retries=0)
    def nothing():
        pass

    nothing()


pushes(), starts(), started()
"""
TIMEOUT_S = 2
TIMES = 5


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = Running.create(tmp_path_factory.mktemp("platform"), database="embedded")
    (running.folder / "dags/calls.py").write_text(DAGS)
    file = running.folder / "tradewind.yaml"
    setting = f"airflow: {{settings: {{workers.execution_api_timeout: {TIMEOUT_S}}}}}\n    network:"
    file.write_text(file.read_text().replace("network:", setting) + "  workers: 1\n")
    running.tradewind("up")
    yield running
    running.tradewind("down", "--now")
    assert running.left_behind() == []


@contextmanager
def held(platform: Running, table: str) -> Iterator[None]:
    """Lock a table of Airflow against writes."""
    url = urlsplit(platform.environment("scheduler")["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"])
    where = {"host": url.hostname, "port": url.port, "user": url.username, "dbname": url.path[1:]}
    connection = psycopg2.connect(**where, password=unquote(url.password or ""))
    try:
        connection.cursor().execute(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE")
        yield
    finally:
        connection.close()


def in_conflict(platform: Running) -> int:
    """The number of calls that the API has refused because the object existed already."""
    return (platform.folder / ".tradewind/logs/web.log").read_text().count("status_code=409")


def running(platform: Running, dag: str, run: str) -> bool:
    return {task["state"] for task in platform.tasks(dag, run)} == {"running"}


def succeeded(platform: Running, dag: str, run: str) -> None:
    state = eventually(lambda: (s := platform.state(dag, run)) in {"success", "failed"} and s)
    assert state == "success", [platform.log(task, 1) for task in platform.tasks(dag, run)]


def test_what_is_pushed_twice_is_pushed(platform: Running, tmp_path: Path) -> None:
    before = in_conflict(platform)
    run = platform.trigger("pushes", enough=str(tmp_path / "enough"))
    eventually(lambda: running(platform, "pushes", run))
    for _ in range(TIMES):
        with held(platform, "xcom"):
            time.sleep(4 * TIMEOUT_S)
        time.sleep(TIMEOUT_S)
    (tmp_path / "enough").touch()
    succeeded(platform, "pushes", run)
    assert in_conflict(platform) > before


def test_a_run_that_is_started_twice_is_started_once(platform: Running, tmp_path: Path) -> None:
    before = in_conflict(platform)
    run = platform.trigger("starts", begin=str(tmp_path / "begin"))
    eventually(lambda: len(platform.tasks("starts", run)) == 3 and running(platform, "starts", run))
    with held(platform, "dag_run"):
        (tmp_path / "begin").touch()
        time.sleep(4 * TIMEOUT_S)
    succeeded(platform, "starts", run)
    assert platform.airflow.call("GET", "/dags/started/dagRuns")["total_entries"] == 3
    assert in_conflict(platform) > before
