"""SIGKILL to every service while tasks are in flight: no task is lost."""

from __future__ import annotations

import os
import time

import pytest
from running import DATABASE, RECOVERIES, Running, eventually
from tests.counts import KILL_ROUNDS, SOAK, TASKS

pytestmark = pytest.mark.local

SERVICES = ("database", "broker", "web", "scheduler", "dag-processor", "triggerer", "worker-1", "worker-2", "flower",
            "controller")  # fmt: skip
ALONE = [(service,) for service in SERVICES]
TOGETHER = [
    ("database",),
    ("broker",),
    ("web",),
    ("scheduler", "triggerer"),
    ("worker-1", "dag-processor", "flower", "controller"),
]
"""For each change: services that do not depend on each other are killed at the same moment. Supervision does not depend
on the kind of database, so the second database runs only its own kill."""
KILLED = ALONE if os.environ.get(SOAK) else TOGETHER if DATABASE == "mysql" else TOGETHER[:1]


@pytest.mark.parametrize("services", KILLED, ids="+".join)
@pytest.mark.parametrize("round_", range(KILL_ROUNDS))
def test_every_run_succeeds_and_every_attempt_can_be_read(
    platform: Running, services: tuple[str, ...], round_: int
) -> None:
    run_id = platform.trigger("inflight", tasks=TASKS, seconds=2)
    eventually(lambda: sum(task["state"] == "running" for task in platform.tasks("inflight", run_id)) >= 4)
    killed = {service: platform.kill(service) for service in services}
    began = time.monotonic()
    healthy: dict[str, float] = {}

    def back() -> bool:
        for row in platform.status()["processes"]:
            name = row["name"]
            if name in killed and row["state"] == "healthy" and row["pid"] != killed[name]:
                healthy.setdefault(name, time.monotonic() - began)
        return len(healthy) == len(killed)

    eventually(back)
    state = eventually(lambda: (s := platform.state("inflight", run_id)) in {"success", "failed"} and s)
    tasks = platform.tasks("inflight", run_id)
    ended, attempts = time.monotonic() - began, max(task["try_number"] for task in tasks)
    RECOVERIES.extend((service, healthy[service], ended, attempts) for service in services)
    assert state == "success", [(t["task_id"], t["map_index"], t["state"], t["try_number"]) for t in tasks]
    for task in (task for task in tasks if task["task_id"] == "work"):
        logs = [platform.log(task, attempt) for attempt in range(1, task["try_number"] + 1)]
        # A lost attempt may have ended before its first line. Its log then names the platform's folder.
        assert all(str(platform.folder) in log and "could not read" not in log.lower() for log in logs), logs
        assert f"attempt of task {task['map_index']} ends" in logs[-1]
