"""One controller is the leader, the others wait. A controller that loses the lease ends."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tradewind.errors import TradewindError
from tradewind.protocol.command_queue import LEADER, leadership
from tradewind.runtime.controller.broker_watch import LOST_S, Broker
from tradewind.runtime.controller.dispatcher import StoppedError
from tradewind.runtime.controller.leader import Controller, PeriodicTask
from tradewind.runtime.controller.metadata import JOBS, Metadata
from tradewind.runtime.controller.metrics import line, measured
from tradewind.storage.lease import LEASE_S, RENEW_S
from tradewind.storage.records import FolderRecords
from tradewind.workers.reconciler import Seen


class Watched(FolderRecords):
    """Counts the reads, and refuses writes while it is ``full``."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.reads = threading.Semaphore(0)
        self.full = False

    def read(self, name: str) -> tuple[dict[str, Any], str] | None:
        found = super().read(name)
        self.reads.release()
        return found

    def write(self, name: str, document: Mapping[str, Any], version: str | None) -> str:
        if self.full:
            raise OSError("no space left on device")
        return super().write(name, document, version)


class Copy:
    """A controller in a thread. ``led`` is set when its periodic task begins; each of its rounds then does ``task``."""

    def __init__(self, folder: Path, task: Callable[[], object] = lambda: None, hangs_s: float = 300) -> None:
        self.led, self.stopped, self.code = threading.Event(), threading.Event(), -1
        self.heartbeat = folder / "heartbeat"
        self.ahead_s = 0.0
        self.records = Watched(folder)

        def do() -> None:
            self.led.set()
            task()

        self._controller = Controller(
            self.records,
            leadership("dev"),
            [PeriodicTask("it", 0.01, do)],
            self.stopped,
            self.heartbeat,
            lambda: time.time() + self.ahead_s,
            look_s=0.02,
            hangs_s=hangs_s,
        )
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self) -> None:
        self.code = self._controller.run()

    def has_looked_again(self) -> None:
        """Wait until the controller has read the lease again and acted on it."""
        while self.records.reads.acquire(blocking=False):
            pass
        for _ in range(2):
            assert self.records.reads.acquire(timeout=60)

    def end(self) -> int:
        self.stopped.set()
        return self.ended()

    def ended(self) -> int:
        self.thread.join(60)
        assert not self.thread.is_alive()
        return self.code


def test_one_leads_and_the_next_takes_its_place(tmp_path: Path) -> None:
    first = Copy(tmp_path)
    assert first.led.wait(60)
    second = Copy(tmp_path)
    second.has_looked_again()
    assert not second.led.is_set()
    assert first.end() == 0
    assert second.led.wait(60)
    assert second.heartbeat.exists()
    assert second.end() == 0
    assert second.records.read(LEADER) is None


def test_one_that_waits_can_be_stopped(tmp_path: Path) -> None:
    first = Copy(tmp_path)
    assert first.led.wait(60)
    second = Copy(tmp_path)
    second.has_looked_again()
    assert second.end() == 0
    assert not second.led.is_set()
    assert first.end() == 0


def test_one_that_has_lost_the_lease_ends(tmp_path: Path) -> None:
    first = Copy(tmp_path)
    assert first.led.wait(60)
    found = first.records.read(LEADER)
    assert found
    first.records.write(LEADER, {**found[0], "token": "another"}, found[1])
    first.ahead_s = RENEW_S + 1
    assert first.ended() == 1


def test_one_that_cannot_renew_the_lease_leads_until_it_has_run_out(tmp_path: Path) -> None:
    rounds = threading.Semaphore(0)
    first = Copy(tmp_path, rounds.release)
    assert first.led.wait(60)
    first.records.full = True
    first.ahead_s = RENEW_S + 1
    assert all(rounds.acquire(timeout=60) for _ in range(20))
    first.ahead_s = LEASE_S + 1
    assert first.ended() == 1


def test_a_periodic_task_that_fails_is_tried_again(tmp_path: Path) -> None:
    def fail() -> None:
        raise RuntimeError("again")

    copy = Copy(tmp_path, fail)
    for _ in range(2):
        assert copy.led.wait(60)
        copy.led.clear()
    assert copy.end() == 0


def test_a_periodic_task_that_ends_by_itself_ends_all(tmp_path: Path) -> None:
    def end() -> None:
        raise StoppedError

    copy = Copy(tmp_path, end)
    assert copy.ended() == 1
    assert copy.records.read(LEADER) is None


def test_a_periodic_task_that_hangs_ends_all(tmp_path: Path) -> None:
    never = threading.Event()
    copy = Copy(tmp_path, never.wait, hangs_s=0)
    assert copy.ended() == 1
    never.set()
    assert copy.records.read(LEADER) is None


AT = datetime(2026, 11, 23, 12, tzinfo=UTC)


class Database(Metadata):
    """Airflow's database, whose oldest task was queued 7 s before the query."""

    def __init__(self, silences: Mapping[str, float], fails: bool = False) -> None:
        self.silences, self.fails = dict(silences), fails

    def queue_age_s(self, now: datetime) -> float:
        if self.fails:
            raise TradewindError("Airflow's database does not answer")
        return (now - AT).total_seconds() + 7

    def silences_s(self, now: datetime) -> dict[str, float]:
        return self.silences


class Silent:
    """A fleet of one worker pool, whose workers do not respond."""

    def __init__(self, *names: str) -> None:
        self.names: tuple[str, ...] | None = names

    def running(self, service: str) -> Collection[str]:
        assert service == "worker"
        if self.names is None:
            raise TradewindError("the call to ECS for worker failed")
        return self.names


def nobody(command: str, names: list[str]) -> Mapping[str, Any]:
    """Send a command to which no worker responds."""
    return {}


class Time:
    """A monotonic clock."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_workers_that_run_and_do_not_answer_are_lost_after_a_while() -> None:
    workers, clock = Silent("starts", "hangs"), Time()
    broker = Broker(lambda: None, workers, nobody, ["worker"], clock)
    assert broker.measured() == {"BrokerAway": 0, "WorkersLost": 0}
    clock.now += LOST_S - 1
    workers.names = ("hangs",)
    assert broker.measured() == {"BrokerAway": 0, "WorkersLost": 0}
    clock.now += 1
    workers.names = ("hangs", "starts")
    assert broker.measured() == {"BrokerAway": 0, "WorkersLost": 1}
    workers.names = None
    assert broker.measured() == {"BrokerAway": 0}


def test_of_a_broker_that_is_away_no_worker_is_said_to_be_lost() -> None:
    def away() -> None:
        raise OSError("timed out")

    assert Broker(away, Silent("worker-1"), nobody, ["worker"]).measured() == {"BrokerAway": 1}


def test_figures() -> None:
    well, broker = (
        {"BrokerAway": 0, "WorkersLost": 0, "DatabaseAway": 0},
        Broker(lambda: None, Silent(), nobody, ["worker"]),
    )
    seen = {"worker": Seen(5, 2, 3), "worker-heavy": Seen(1, 1, 1), "worker-light": Seen(held="ECS does not answer")}
    ages = {"Scheduler": 3.0, "Triggerer": 4.0}
    everything = {"SchedulerHeartbeatAge": 3.0, "TriggererHeartbeatAge": 4.0, "Tasks": 6, "Workers": 3}
    assert measured(Database(ages), broker, seen, AT) == {"QueueAge": 7.0, "WorkersWanted": 4, **everything, **well}
    assert measured(Database({}), broker, {}, AT) == {"QueueAge": 7.0, **well}
    assert measured(Database({}, fails=True), broker, {}, AT) == {**well, "DatabaseAway": 1}


def test_figures_are_told_as_the_alarms_expect_them() -> None:
    told = json.loads(line("acme-dev", {"QueueAge": 7.0, "Workers": 3}, AT))
    metrics = [{"Name": "QueueAge"}, {"Name": "Workers"}]
    directive = {"Namespace": "Tradewind", "Dimensions": [["Environment"]], "Metrics": metrics}
    about = {"Timestamp": 1795435200000, "CloudWatchMetrics": [directive]}
    assert told == {"_aws": about, "Environment": "acme-dev", "QueueAge": 7.0, "Workers": 3}
    alarms = (Path(__file__).parents[3] / "terraform/modules/observability/alarms.tf").read_text()
    assert 'metric      = "QueueAge"' in alarms
    assert 'metric      = "${metric}HeartbeatAge"' in alarms
    for job in JOBS:
        assert f'"{job}"' in alarms
    for metric in Broker(lambda: None, Silent(), nobody, ["worker"]).measured() | {"DatabaseAway": 0}:
        assert f'"{metric}"' in alarms
