"""The canary DAG of the tests. It fails if the image sets CANARY_FAILS."""

import os

from airflow.sdk import dag, task


@dag(dag_id="canary", schedule=None, is_paused_upon_creation=False)
def canary():
    @task(retries=0)
    def sing() -> str:
        if os.environ.get("CANARY_FAILS"):
            raise RuntimeError("this image is unhealthy")
        return os.environ["TRADEWIND_IMAGE"]

    sing()


canary()
