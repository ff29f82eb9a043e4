"""Many short tasks at once: almost all of the measured time is the platform's own."""

import time

from airflow.sdk import dag, task

TASKS = 300


def mapped(name: str, wait_s: float) -> None:
    """Define a DAG whose tasks wait ``wait_s`` seconds and do nothing else."""

    @dag(name, schedule=None, is_paused_upon_creation=False)
    def definition():
        @task
        def numbers() -> list[int]:
            return list(range(TASKS))

        @task
        def work(number: int) -> int:
            time.sleep(wait_s)
            return number

        work.expand(number=numbers())

    definition()


mapped("mapped", 0)  # on a small machine, measures the CPU that each task costs
mapped("mapped_waiting", 1)  # tasks wait as if for another system: measures how long a task occupies its slot
