"""Tasks that run while releases are deployed. They have no retries: a task that a release breaks stays failed."""

import os
import time
from pathlib import Path

from airflow.sdk import dag, get_current_context, task


@dag(schedule=None, is_paused_upon_creation=False, params={"seconds": [1]}, max_active_runs=64)
def load():
    @task
    def durations() -> list[float]:
        return list(get_current_context()["params"]["seconds"])

    @task(retries=0)
    def work(seconds: float) -> dict[str, str]:
        context = get_current_context()
        # One line for each attempt, whatever its result.
        mine = Path(os.environ["TRADEWIND_OUTPUT"]) / f"{context['run_id']}.{context['ti'].map_index}".replace(":", "")
        with mine.open("a") as stream:
            stream.write(os.environ["TRADEWIND_IMAGE"] + "\n")
        time.sleep(seconds)
        return {"image": os.environ["TRADEWIND_IMAGE"]}

    work.expand(seconds=durations())


load()
