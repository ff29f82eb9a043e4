"""The smallest DAG: a platform that runs it to success is ready."""

from airflow.sdk import dag, task


@dag(schedule=None, is_paused_upon_creation=False)
def one_task():
    @task
    def hello() -> str:
        return "hello"

    hello()


one_task()
