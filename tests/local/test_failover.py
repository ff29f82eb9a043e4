"""The broker, the database or the API goes away and comes back: nothing fails, is lost or done twice."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
import redis
from running import Running, eventually

pytestmark = pytest.mark.local

AWAY_S = 20.0
"""Less than tasks wait for the API on one machine (45 s)."""
SOAK = pytest.mark.soak
TASKS = 1 + 1 + 20 + 1 + 12 + 3
"""Of one run of the DAG steady."""


@contextmanager
def broker_demoted(platform: Running) -> Iterator[None]:
    """It answers, and refuses every write, as a primary that a failover has made a replica."""
    client = _client(platform)
    client.replicaof("127.0.0.1", "1")
    try:
        yield
    finally:
        client.replicaof("NO", "ONE")


@contextmanager
def broker_full(platform: Running) -> Iterator[None]:
    """It has reached its limit of memory, and refuses what needs more."""
    client = _client(platform)
    before = client.config_get("maxmemory*")
    client.config_set("maxmemory-policy", "noeviction")
    client.config_set("maxmemory", "1")
    try:
        yield
    finally:
        client.config_set("maxmemory", before["maxmemory"])
        client.config_set("maxmemory-policy", before["maxmemory-policy"])


def silent(name: str) -> Callable[[Running], AbstractContextManager[None]]:
    """A process that takes connections and answers nothing, with all that it has started."""

    @contextmanager
    def stopped(platform: Running) -> Iterator[None]:
        first = psutil.Process(platform.row(name)["pid"])
        family = [first, *first.children(recursive=True)]
        for process in family:
            process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            for process in family:
                process.send_signal(signal.SIGCONT)

    return stopped


@contextmanager
def database_restarted(platform: Running) -> Iterator[None]:
    """It ends, and its supervisor starts it again."""
    os.kill(platform.row("database")["pid"], signal.SIGQUIT)
    yield


def _client(platform: Running) -> Any:
    return redis.Redis.from_url(platform.environment("worker-1")["AIRFLOW__CELERY__BROKER_URL"])


def restarts(platform: Running, *but: str) -> dict[str, int]:
    return {row["name"]: row["restarts"] for row in platform.status()["processes"] if row["name"] not in but}


@pytest.mark.parametrize(
    ("what", "away", "api", "seconds"),
    [
        ("broker demoted", broker_demoted, True, AWAY_S),
        ("database silent", silent("database"), False, AWAY_S),
        pytest.param("broker demoted", broker_demoted, True, 180, marks=SOAK),
        pytest.param("broker silent", silent("broker"), True, AWAY_S, marks=SOAK),
        pytest.param("broker silent", silent("broker"), True, 180, marks=SOAK),
        pytest.param("broker full", broker_full, True, AWAY_S, marks=SOAK),
        pytest.param("database restarted", database_restarted, False, AWAY_S, marks=SOAK),
        pytest.param("API silent", silent("web"), False, AWAY_S, marks=SOAK),
    ],
)
def test_nothing_is_lost(
    platform: Running,
    tmp_path: Path,
    what: str,
    away: Callable[[Running], AbstractContextManager[None]],
    api: bool,
    seconds: float,
) -> None:
    """``api``: whether runs can be started meanwhile."""
    done = tmp_path / "done"
    changes = ["database"] if away is database_restarted else []
    before = restarts(platform, *changes)
    runs = [platform.trigger("steady", file=str(done), seconds=seconds + 10)]
    eventually(lambda: done.exists() and len(done.read_text().splitlines()) >= 5)
    if not api:
        runs.append(platform.trigger("steady", file=str(done), seconds=1))
    with away(platform):
        began = time.monotonic()
        if api:
            runs.append(platform.trigger("steady", file=str(done), seconds=1))
        time.sleep(max(0.0, seconds - (time.monotonic() - began)))
    back = time.monotonic()
    already = len(done.read_text().splitlines())
    eventually(lambda: len(done.read_text().splitlines()) >= min(already + 3, 2 * TASKS))
    again = time.monotonic() - back
    for run_id in runs:
        state = eventually(lambda run_id=run_id: (s := platform.state("steady", run_id)) in {"success", "failed"} and s)
        tasks = platform.tasks("steady", run_id)
        assert state == "success", [
            (t["task_id"], t["map_index"], t["state"]) for t in tasks if t["state"] != "success"
        ]
        assert {task["try_number"] for task in tasks} == {1}
    lines = Counter(done.read_text().splitlines())
    assert set(lines.values()) == {1}, [line for line, times in lines.items() if times > 1]
    assert len(lines) == 2 * TASKS
    eventually(lambda: platform.status()["healthy"])
    healthy = time.monotonic() - back
    assert restarts(platform, *changes) == before
    print(f"{what} for {seconds:.0f} s: {len(lines)} tasks, 0 failed, 0 twice; tasks again after {again:.1f} s")
    print(f"  all healthy {healthy:.1f} s after it was back, runs ended")
