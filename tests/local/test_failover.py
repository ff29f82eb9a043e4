"""The broker goes away and comes back, in each way that a managed one does: nothing fails, is lost or done twice."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
import redis
from running import Running, eventually

pytestmark = pytest.mark.local

AWAY_S = 20.0


class Broker:
    """The platform's, and what can happen to it."""

    def __init__(self, platform: Running) -> None:
        self.process = psutil.Process(platform.row("broker")["pid"])
        self.client: Any = redis.Redis.from_url(platform.environment("worker-1")["AIRFLOW__CELERY__BROKER_URL"])

    @contextmanager
    def demoted(self) -> Iterator[None]:
        """It answers, and refuses every write, as a primary that a failover has made a replica."""
        self.client.replicaof("127.0.0.1", "1")
        try:
            yield
        finally:
            self.client.replicaof("NO", "ONE")

    @contextmanager
    def silent(self) -> Iterator[None]:
        """It takes connections, and answers nothing."""
        os.kill(self.process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.process.pid, signal.SIGCONT)

    @contextmanager
    def full(self) -> Iterator[None]:
        """It has reached its limit of memory, and refuses what needs more."""
        policy, limit = (self.client.config_get(key)[key] for key in ("maxmemory-policy", "maxmemory"))
        self.client.config_set("maxmemory-policy", "noeviction")
        self.client.config_set("maxmemory", "1")
        try:
            yield
        finally:
            self.client.config_set("maxmemory", limit)
            self.client.config_set("maxmemory-policy", policy)


def restarts(platform: Running) -> dict[str, int]:
    return {row["name"]: row["restarts"] for row in platform.status()["processes"]}


@pytest.mark.parametrize("how", ["demoted", "silent", "full"])
def test_the_broker_fails_over(platform: Running, tmp_path: Path, how: str) -> None:
    done = tmp_path / "done"
    before = restarts(platform)
    broker = Broker(platform)
    first = platform.trigger("steady", file=str(done), seconds=AWAY_S + 10)
    eventually(lambda: done.exists() and len(done.read_text().splitlines()) >= 5)
    with getattr(broker, how)():
        began = time.monotonic()
        second = platform.trigger("steady", file=str(done), seconds=1)
        time.sleep(max(0.0, AWAY_S - (time.monotonic() - began)))
    back = time.monotonic()
    already = len(done.read_text().splitlines())
    eventually(lambda: len(done.read_text().splitlines()) > already + 3)
    again = time.monotonic() - back
    for run_id in (first, second):
        state = eventually(lambda run_id=run_id: (s := platform.state("steady", run_id)) in {"success", "failed"} and s)
        tasks = platform.tasks("steady", run_id)
        assert state == "success", [
            (t["task_id"], t["map_index"], t["state"]) for t in tasks if t["state"] != "success"
        ]
        assert {task["try_number"] for task in tasks} == {1}
    lines = Counter(done.read_text().splitlines())
    assert set(lines.values()) == {1}, [line for line, times in lines.items() if times > 1]
    assert len(lines) == 2 * (1 + 1 + 20 + 1 + 12 + 3)
    eventually(lambda: platform.status()["healthy"])
    after = restarts(platform)
    print(f"broker {how} for {AWAY_S:.0f} s: {len(lines)} tasks, 0 failed, 0 twice; tasks again after {again:.1f} s")
    assert after == before
