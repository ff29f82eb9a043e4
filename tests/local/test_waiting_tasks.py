"""Tasks that would wait for ever on the real platform: the status names them and the reason."""

from __future__ import annotations

import pytest
from running import Running, eventually

pytestmark = pytest.mark.local
WAITS = """
from airflow.sdk import dag, task

@dag(schedule=None, is_paused_upon_creation=False)
def waits():
    @task(queue="defualt")
    def in_a_queue(number):
        pass

    @task(pool="smal")
    def for_a_pool():
        pass

    in_a_queue.expand(number=[1, 2])
    for_a_pool()

waits()
"""


def remarks(platform: Running) -> list[str]:
    """The remarks about this DAG: a port in use causes other remarks."""
    return [remark for remark in platform.status()["remarks"] if remark.startswith("waits.")]


def test_tasks_that_wait_for_what_is_not_there_are_remarks_of_the_status(platform: Running) -> None:
    (platform.folder / "dags/waits.py").write_text(WAITS)
    run_id = platform.trigger("waits")
    queue, pool = eventually(lambda: len(found := remarks(platform)) == 2 and found)
    assert queue.startswith(
        "waits.in_a_queue waits in the queue defualt: no worker pool serves it (available: default; did you mean "
        "default?); name one of them in the DAG"
    )
    assert pool.startswith("waits.for_a_pool waits for the pool smal: it does not exist (available: default_pool); ")
    assert "note: waits.in_a_queue waits in the queue defualt" in platform.tradewind("status").stderr.replace("\n", " ")
    refused = platform.tradewind("dags", "test", "--no-tests", check=False)
    assert refused.returncode == 3
    for said in ("error: queue: no worker pool serves the queue defualt", "error: pool: there is no pool smal"):
        assert said in refused.stdout
    platform.airflow.call("PATCH", f"/dags/waits/dagRuns/{run_id}", {"state": "failed"})
    eventually(lambda: remarks(platform) == [])
    (platform.folder / "dags/waits.py").unlink()
