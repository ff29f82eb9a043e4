"""Many short tasks at once: what is left of the time is the platform's."""

from airflow.sdk import dag, task

TASKS = 300


@dag(schedule=None, is_paused_upon_creation=False)
def mapped():
    @task
    def numbers() -> list[int]:
        return list(range(TASKS))

    @task
    def work(number: int) -> int:
        return number

    work.expand(number=numbers())


mapped()
