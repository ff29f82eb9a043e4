"""The DAGs of the failover tests: tasks without a retry that run, become ready, map, defer and finish.

When a task has done its work, it writes a line into a file outside of Airflow. The tests count lost and doubled work by
these lines. A line ends with the time when the task began, in Unix time.
"""

import os
import time
from datetime import timedelta

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger
from airflow.sdk import (
    Asset,
    BaseOperator,
    Metadata,
    PokeReturnValue,
    Variable,
    dag,
    get_current_context,
    setup,
    task,
    task_group,
    teardown,
)

NONE = {"retries": 0}
STEPS = 12


def note(name: str = "") -> None:
    """Note that this task has done its work. One write of less than a page is atomic. ``name``: the file."""
    context = get_current_context()
    instance = context["ti"]
    began = instance.start_date.timestamp()
    line = f"{context['run_id']} {instance.task_id} {instance.map_index} {instance.try_number} {began}\n"
    file = os.open(name or context["params"]["file"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    os.write(file, line.encode())
    os.close(file)


class Wait(BaseOperator):
    """Defers for some seconds."""

    def execute(self, context):
        self.defer(trigger=TimeDeltaTrigger(timedelta(seconds=5)), method_name="resume")

    def resume(self, context, event=None):
        note()


@dag(schedule=None, is_paused_upon_creation=False, params={"file": "", "seconds": 30, "many": 20}, max_active_runs=32)
def steady():
    @task(**NONE)
    def long():
        time.sleep(float(get_current_context()["params"]["seconds"]))
        note()

    @task(**NONE)
    def talks():
        """Calls the API all the time, so that every outage interrupts a call."""
        context = get_current_context()
        name = context["run_id"].replace(":", "")
        Variable.set(name, "said")
        until = time.monotonic() + float(context["params"]["seconds"])
        while time.monotonic() < until:
            context["ti"].xcom_push(key="said", value=time.monotonic())
            time.sleep(0.1)
            assert Variable.get(name) == "said"
        note()

    @task(**NONE)
    def numbers() -> list[int]:
        note()
        return list(range(int(get_current_context()["params"]["many"])))

    @task(**NONE)
    def mapped(number: int) -> int:
        time.sleep(1 + number % 3)
        note()
        return number

    @task(**NONE)
    def total(numbers: list[int]) -> None:
        note()

    @task_group
    def chain() -> None:
        """A chain: each step becomes ready when the previous one has ended."""

        @task(**NONE)
        def step():
            time.sleep(2)
            note()

        last = None
        for number in range(STEPS):
            this = step.override(task_id=f"step_{number}")()
            if last:
                last >> this
            last = this

    long()
    talks()
    chain()
    total(mapped.expand(number=numbers()))
    Wait(task_id="wait_1", **NONE) >> Wait(task_id="wait_2", **NONE) >> Wait(task_id="wait_3", **NONE)


steady()


@dag(schedule=None, is_paused_upon_creation=False, params={"file": ""}, max_active_tasks=1000)
def ready():
    """All tasks are ready when the run begins."""

    @task(**NONE)
    def mapped(number: int) -> None:
        note()

    mapped.expand(number=list(range(200)))


ready()


MADE = Asset("made")


@dag(schedule=None, is_paused_upon_creation=False, params={"file": "", "seconds": 30}, max_active_runs=32)
def mixed():
    """Other calls of the API, again and again: sensors, assets, runs, variables."""

    @task.sensor(mode="reschedule", poke_interval=3, timeout=3600, **NONE)
    def time_has_passed() -> PokeReturnValue:
        context = get_current_context()
        begun = context["dag_run"].start_date.timestamp()
        return PokeReturnValue(is_done=time.time() > begun + float(context["params"]["seconds"]))

    @task(**NONE)
    def after():
        note()

    @task(outlets=[MADE], **NONE)
    def makes():
        note()
        yield Metadata(MADE, {"file": get_current_context()["params"]["file"]})

    @task(**NONE)
    def remembers():
        name = get_current_context()["run_id"].replace(":", "")
        for number in range(10):
            Variable.set(name, str(number))
            assert Variable.get(name) == str(number)
            time.sleep(1)
        note()

    @setup
    @task(**NONE)
    def begins():
        note()

    @teardown
    @task(**NONE)
    def ends():
        note()

    time_has_passed() >> after()
    makes()
    begun, done = begins(), ends()
    begun >> remembers() >> done
    begun >> done
    conf = {"file": "{{ params.file }}"}
    TriggerDagRunOperator(
        task_id="starts", trigger_dag_id="started", conf=conf, wait_for_completion=True, poke_interval=5, **NONE
    )


mixed()


@dag(schedule=None, is_paused_upon_creation=False, params={"file": ""}, max_active_runs=32)
def started():
    @task(**NONE)
    def noted():
        note()

    noted()


started()


@dag(schedule=[MADE], is_paused_upon_creation=False)
def consumes():
    @task(**NONE)
    def consumed():
        (events,) = get_current_context()["triggering_asset_events"].values()
        for event in events:
            note(event.extra["file"])

    consumed()


consumes()
