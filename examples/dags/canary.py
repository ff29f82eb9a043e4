"""### Smoke test: one task, no parameters, a few seconds

A successful run has passed through the scheduler, the broker, a worker and the API server. The log and the
XCom `return_value` name the worker and the time spent in each step:

* **wait_for_scheduler_s** from the time the run was due until the scheduler started it
* **wait_for_worker_s** from then until a worker started the task (queue, broker, start of the process)
* **start_to_code_s** from then until the first line of the task (parsing this file)
"""

import os
import platform
import socket
from datetime import UTC, datetime, timedelta

from airflow.sdk import dag, get_current_context, task


@dag(
    dag_id="canary",
    schedule=None,
    catchup=False,
    is_paused_upon_creation=False,
    dagrun_timeout=timedelta(minutes=5),
    default_args={"owner": "tradewind", "retries": 0},
    doc_md=__doc__,
    tags=["example", "smoke-test"],
)
def canary():
    # No retry: the canary must report the first failure.
    @task(multiple_outputs=False)
    def sing() -> dict[str, str | int | float | None]:
        now = datetime.now(UTC)
        import airflow

        context = get_current_context()
        run, ti = context["dag_run"], context["ti"]
        picked_up = run.start_date or run.run_after
        song = {
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "queue": ti.queue,
            "airflow": airflow.__version__,
            "python": platform.python_version(),
            "run_id": run.run_id,
            "wait_for_scheduler_s": round((picked_up - run.run_after).total_seconds(), 3),
            "wait_for_worker_s": round((ti.start_date - picked_up).total_seconds(), 3),
            "start_to_code_s": round((now - ti.start_date).total_seconds(), 3),
        }
        for name, value in song.items():
            print(f"{name:<21} {value}")
        return song

    sing()


canary()
