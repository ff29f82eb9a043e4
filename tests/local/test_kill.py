"""``kill -9`` of every service while tasks are in flight: nothing is lost."""

from __future__ import annotations

import os
import time

import pytest
from running import RECOVERIES, Running, eventually

pytestmark = pytest.mark.local

SERVICES = [
    "database", "broker", "web", "scheduler", "dag-processor", "triggerer", "worker-1", "worker-2", "flower",
    "controller",
]  # fmt: skip
ROUNDS = int(os.environ.get("TRADEWIND_KILL_ROUNDS", "1"))


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("round_", range(ROUNDS))
def test_every_run_succeeds_and_every_attempt_can_be_read(platform: Running, service: str, round_: int) -> None:
    run_id = platform.trigger("inflight", tasks=20, seconds=2)
    eventually(lambda: sum(task["state"] == "running" for task in platform.tasks("inflight", run_id)) >= 4)
    killed = platform.kill(service)
    began = time.monotonic()

    def back() -> bool:
        row = platform.row(service)
        return row["state"] == "healthy" and row["pid"] != killed

    eventually(back)
    healthy = time.monotonic() - began
    state = eventually(lambda: (s := platform.state("inflight", run_id)) in {"success", "failed"} and s)
    tasks = platform.tasks("inflight", run_id)
    RECOVERIES.append((service, healthy, time.monotonic() - began, max(task["try_number"] for task in tasks)))
    assert state == "success", [(t["task_id"], t["map_index"], t["state"], t["try_number"]) for t in tasks]
    for task in (task for task in tasks if task["task_id"] == "work"):
        logs = [platform.log(task, attempt) for attempt in range(1, task["try_number"] + 1)]
        # An attempt that was lost may have ended before its first line; the platform still says what it knows of it.
        assert all(str(platform.folder) in log and "could not read" not in log.lower() for log in logs), logs
        assert f"attempt of task {task['map_index']} ends" in logs[-1]
