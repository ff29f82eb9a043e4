"""A task calls the API twice, and both calls wait for the database: afterwards they collide, and nobody notices."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote, urlsplit

import psycopg2
import pytest
from running import Running, eventually

pytestmark = [pytest.mark.local, pytest.mark.soak]

TALKS = """
import time
from pathlib import Path

from airflow.sdk import dag, get_current_context, task


@dag(schedule=None, is_paused_upon_creation=False)
def talks():
    @task(retries=0)
    def talk():
        context = get_current_context()
        while not Path(context["params"]["enough"]).exists():
            context["ti"].xcom_push(key="said", value=time.monotonic())

    talk()


talks()
"""
TIMEOUT_S = 2
TIMES = 5


def test_calls_that_wait_for_the_database_twice(tmp_path: Path) -> None:
    running = Running.create(tmp_path, database="embedded")
    (tmp_path / "dags/talks.py").write_text(TALKS)
    file = tmp_path / "tradewind.yaml"
    setting = f"airflow: {{settings: {{workers.execution_api_timeout: {TIMEOUT_S}}}}}\n    network:"
    file.write_text(file.read_text().replace("network:", setting) + "  workers: 1\n")
    running.tradewind("up")
    try:
        run = running.trigger("talks", enough=str(tmp_path / "enough"))
        eventually(lambda: [task["state"] for task in running.tasks("talks", run)] == ["running"])
        url = urlsplit(running.environment("scheduler")["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"])
        database = {"host": url.hostname, "port": url.port, "user": url.username, "dbname": url.path[1:]}
        with closing(psycopg2.connect(**database, password=unquote(url.password or ""))) as connection:
            for _ in range(TIMES):
                connection.cursor().execute("LOCK TABLE xcom IN SHARE ROW EXCLUSIVE MODE")
                time.sleep(4 * TIMEOUT_S)
                connection.rollback()
                time.sleep(2)
        (tmp_path / "enough").touch()
        state = eventually(lambda: (s := running.state("talks", run)) in {"success", "failed"} and s)
        said = [running.log(task, 1) for task in running.tasks("talks", run)]
        assert state == "success", said
        refused = (tmp_path / ".tradewind/logs/web.log").read_text().count("status_code=409")
        print(f"{refused} calls collided, and the task succeeded")
        assert refused > 0
    finally:
        running.tradewind("down", "--now")
    assert running.left_behind() == []
