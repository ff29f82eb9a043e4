"""Many short tasks at once: what is left of the time is the platform's."""

import time

from airflow.sdk import dag, task

TASKS = 300
WAIT_S = 1


@dag(schedule=None, is_paused_upon_creation=False)
def mapped():
    """Tasks that do nothing: on a small machine, a measure of the CPU that each costs."""

    @task
    def numbers() -> list[int]:
        return list(range(TASKS))

    @task
    def work(number: int) -> int:
        return number

    work.expand(number=numbers())


@dag(schedule=None, is_paused_upon_creation=False)
def mapped_waiting():
    """Tasks that wait a second, as for the answer of another system: a measure of how long slots stay taken."""

    @task
    def numbers() -> list[int]:
        return list(range(TASKS))

    @task
    def work(number: int) -> int:
        time.sleep(WAIT_S)
        return number

    work.expand(number=numbers())


mapped()
mapped_waiting()
