"""### A wait that occupies no worker slot

The DAG may run one task at a time (`max_active_tasks=1`), and a deferred task does not count. So:

1. **depart** returns a time ten seconds ahead.
2. **wait** starts first, defers itself to the triggerer and releases its slot.
3. **meanwhile** runs in that slot during the wait.
4. **arrive** prints when each task ran, and if the slot was free.

With a sensor that occupies its slot while it waits, `meanwhile` could start only after the wait.
"""

from datetime import UTC, datetime, timedelta

from airflow.providers.standard.sensors.date_time import DateTimeSensorAsync
from airflow.sdk import dag, task

WAIT = timedelta(seconds=10)


@dag(
    dag_id="deferrable_wait",
    schedule=None,
    catchup=False,
    is_paused_upon_creation=False,
    max_active_tasks=1,
    dagrun_timeout=timedelta(minutes=10),
    default_args={"owner": "tradewind", "retries": 1, "retry_delay": timedelta(seconds=5)},
    doc_md=__doc__,
    tags=["example", "deferrable"],
)
def deferrable_wait():
    @task
    def depart() -> str:
        return (datetime.now(UTC) + WAIT).isoformat()

    @task
    def meanwhile() -> str:
        now = datetime.now(UTC).isoformat()
        print(f"running in the slot that wait released, at {now}")
        return now

    @task
    def arrive(due: str, used_at: str) -> None:
        target, used = datetime.fromisoformat(due), datetime.fromisoformat(used_at)
        now = datetime.now(UTC)
        print(f"depart     {target - WAIT:%H:%M:%S}")
        print(f"meanwhile  {used:%H:%M:%S}")
        print(f"due        {target:%H:%M:%S}")
        print(f"arrive     {now:%H:%M:%S}, {(now - target).total_seconds():.1f} s after due")
        if used < target:
            print("The slot was free during the wait.")
        else:
            print("meanwhile ran after the wait: the scheduler took longer than the wait, or no slot was free.")

    due = depart()
    # The higher weight gives the wait the only slot first.
    wait = DateTimeSensorAsync(task_id="wait", target_time=due, priority_weight=100)
    between = meanwhile()
    due >> between
    wait >> arrive(due, between)


deferrable_wait()
