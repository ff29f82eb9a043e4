"""One controller leads, the others wait; and whoever leads no longer, ends."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tradewind.controller import controller as module
from tradewind.controller.controller import Chore, Controller
from tradewind.controller.inbox import LEADER, leadership
from tradewind.controller.metrics import line, measured
from tradewind.errors import TradewindError
from tradewind.records.records import FolderRecords
from tradewind.scaling.scaler import Seen


class Copy:
    """A controller in a thread. ``led`` is set when its chore has run once."""

    def __init__(self, folder: Path, fails: BaseException | None = None) -> None:
        self.led, self.stopped, self.code = threading.Event(), threading.Event(), -1
        self.heartbeat = folder / "heartbeat"
        self.fails = fails

        def chore() -> None:
            self.led.set()
            if self.fails:
                raise self.fails

        self.records = FolderRecords(folder)
        self._controller = Controller(
            self.records, leadership("dev"), [Chore("it", 0.01, chore)], self.stopped, self.heartbeat
        )
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self) -> None:
        self.code = self._controller.run()

    def end(self) -> int:
        self.stopped.set()
        return self.ended()

    def ended(self) -> int:
        self.thread.join(60)
        assert not self.thread.is_alive()
        return self.code


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_S", 0.02)


def test_one_leads_and_the_next_takes_its_place(tmp_path: Path) -> None:
    first = Copy(tmp_path)
    assert first.led.wait(60)
    second = Copy(tmp_path)
    assert not second.led.wait(0.3)
    assert first.end() == 0
    assert second.led.wait(60)
    assert second.heartbeat.exists()
    assert second.end() == 0
    assert second.records.read(LEADER) is None


def test_one_that_waits_can_be_stopped(tmp_path: Path) -> None:
    first, second = Copy(tmp_path), Copy(tmp_path)
    assert {first.end(), second.end()} == {0}


def test_one_that_has_lost_the_lease_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tradewind.records.lease.RENEW_S", 0.0)
    first = Copy(tmp_path)
    assert first.led.wait(60)
    found = first.records.read(LEADER)
    assert found
    while True:
        try:
            first.records.write(LEADER, {**found[0], "token": "another"}, found[1])
            break
        except Exception:  # renewed a moment ago
            found = first.records.read(LEADER)
            assert found
    assert first.ended() == 1


def test_a_chore_that_fails_is_tried_again_and_one_that_ends_ends_all(tmp_path: Path) -> None:
    copy = Copy(tmp_path, RuntimeError("once"))
    assert copy.led.wait(60)
    copy.led.clear()
    assert copy.led.wait(60)
    assert copy.end() == 0


class Database:
    def __init__(self, silence: float | None = 3.0, fails: bool = False) -> None:
        self.silence, self.fails = silence, fails

    def queue_age_s(self, now: object) -> float:
        if self.fails:
            raise TradewindError("Airflow's database does not answer")
        return 7.0

    def scheduler_silence_s(self, now: object) -> float | None:
        return self.silence


def test_figures() -> None:
    seen = {"worker": Seen(5, 2, 3), "worker-heavy": Seen(1, 1, 1), "worker-light": Seen(held="ECS does not answer")}
    everything = {"QueueAge": 7.0, "SchedulerHeartbeatAge": 3.0, "Tasks": 6, "Workers": 3, "WorkersWanted": 4}
    assert measured(Database(), seen, module.time) == everything  # type: ignore[arg-type]
    assert measured(Database(silence=None), {}, module.time) == {"QueueAge": 7.0}  # type: ignore[arg-type]
    assert measured(Database(fails=True), {}, module.time) == {}  # type: ignore[arg-type]


def test_figures_are_told_as_the_alarms_expect_them() -> None:
    at = datetime(2026, 11, 23, 12, tzinfo=UTC)
    told = json.loads(line("acme-dev", {"QueueAge": 7.0, "Workers": 3}, at))
    metrics = [{"Name": "QueueAge"}, {"Name": "Workers"}]
    directive = {"Namespace": "Tradewind", "Dimensions": [["Environment"]], "Metrics": metrics}
    about = {"Timestamp": 1795435200000, "CloudWatchMetrics": [directive]}
    assert told == {"_aws": about, "Environment": "acme-dev", "QueueAge": 7.0, "Workers": 3}
    alarms = (Path(__file__).parents[3] / "terraform/modules/observability/alarms.tf").read_text()
    for name in ("QueueAge", "SchedulerHeartbeatAge"):
        assert f'metric      = "{name}"' in alarms
