"""### A wait that holds no worker slot

The DAG may run one task at a time (`max_active_tasks=1`), and a deferred task does not count. So:

1. **depart** sets a time ten seconds ahead
2. **wait** starts first, defers itself to the triggerer and hands its slot back
3. **meanwhile** runs in that slot while the wait goes on
4. **arrive** prints who ran when, and whether the slot was free

With a sensor that sat in its slot, `meanwhile` could only have started after the wait.
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
        print(f"running in the slot that wait handed back, at {now}")
        return now

    @task
    def arrive(due: str, used_at: str) -> None:
        target, used = datetime.fromisoformat(due), datetime.fromisoformat(used_at)
        now = datetime.now(UTC)
        print(f"depart     {target - WAIT:%H:%M:%S}")
        print(f"meanwhile  {used:%H:%M:%S}")
        print(f"due        {target:%H:%M:%S}")
        print(f"arrive     {now:%H:%M:%S}, {(now - target).total_seconds():.1f} s after the time that was waited for")
        if used < target:
            print("The slot was free during the wait.")
        else:
            print("meanwhile ran after the wait: the scheduler took longer than the wait, or no slot was free.")

    due = depart()
    # The higher weight lets the wait have the only slot first.
    wait = DateTimeSensorAsync(task_id="wait", target_time=due, priority_weight=100)
    between = meanwhile()
    due >> between
    wait >> arrive(due, between)


deferrable_wait()
