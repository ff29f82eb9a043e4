"""The DAG of the failure tests: mapped tasks and a deferred task, with one retry each."""

import time
from datetime import timedelta

from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger
from airflow.sdk import BaseOperator, dag, get_current_context, task

ONCE = {"retries": 1, "retry_delay": timedelta(seconds=1)}


class Wait(BaseOperator):
    """Defers for some seconds."""

    def __init__(self, *, seconds: int, **kwargs):
        super().__init__(**kwargs)
        self.seconds = seconds

    def execute(self, context):
        self.defer(trigger=TimeDeltaTrigger(timedelta(seconds=self.seconds)), method_name="resume")

    def resume(self, context, event=None):
        print("resumed")


@dag(schedule=None, is_paused_upon_creation=False, params={"tasks": 20, "seconds": 2}, max_active_runs=32)
def inflight():
    @task(**ONCE)
    def numbers() -> list[int]:
        return list(range(int(get_current_context()["params"]["tasks"])))

    @task(**ONCE)
    def work(number: int) -> int:
        seconds = float(get_current_context()["params"]["seconds"])
        print(f"attempt of task {number} begins")
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            time.sleep(0.1)
        print(f"attempt of task {number} ends")
        return number

    @task(**ONCE)
    def total(numbers: list[int]) -> int:
        return sum(numbers)

    given = numbers()
    total(work.expand(number=given))
    given >> Wait(task_id="wait", seconds=4, **ONCE)


inflight()
