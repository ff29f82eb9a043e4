"""Many short tasks at once: what is left of the time is the platform's."""

import time

from airflow.sdk import dag, task

TASKS = 300


def mapped(name: str, wait_s: float) -> None:
    """A DAG whose tasks wait so long and do nothing else."""

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


mapped("mapped", 0)  # on a small machine, a measure of the CPU that each task costs
mapped("mapped_waiting", 1)  # as for the answer of another system: a measure of how long slots stay taken
