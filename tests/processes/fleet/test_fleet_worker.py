"""The worker's command line, and the heartbeat that proves that it takes tasks."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tradewind.fleet.worker import HEARTBEAT_S, arguments

needs_celery = pytest.mark.skipif(find_spec("celery") is None, reason="Celery is not installed (tradewind[local])")


@dataclass
class Entry:
    seconds: float
    call: Callable[[], None]
    cancelled: bool = False

    def cancel(self) -> None:
        self.cancelled = True


@dataclass
class Timer:
    """Remembers what it was asked to call."""

    entries: list[Entry] = field(default_factory=list)

    def call_repeatedly(self, seconds: float, call: Callable[[], None]) -> Entry:
        self.entries.append(Entry(seconds, call))
        return self.entries[-1]


@dataclass
class Consumer:
    """What a step sees of Celery's consumer."""

    timer: Timer = field(default_factory=Timer)


def age(file: Path, mtime: float) -> None:
    os.utime(file, (mtime, mtime))


def step(file: Path, consumer: Consumer) -> Any:
    from tradewind.fleet.worker import heartbeat_step

    return heartbeat_step(file)(consumer)


def test_arguments() -> None:
    found = arguments(["--queues", "heavy,backfill", "--slots", "4"])

    assert (found.queues, found.slots, found.skip_serve_logs) == ("heavy,backfill", 4, False)
    assert arguments(["--queues", "a", "--slots", "1", "--skip-serve-logs"]).skip_serve_logs


@pytest.mark.parametrize(
    "argv",
    [[], ["--queues", "a"], ["--slots", "4"], ["--queues", "a", "--slots", "four"], ["--queues", "a", "b"]],
    ids=" ".join,
)
def test_arguments_that_are_wrong(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        arguments(argv)

    assert raised.value.code == 2
    assert "usage: python -m tradewind.fleet.worker" in capsys.readouterr().err


def test_a_wrong_command_line_is_told_before_airflow_is_imported() -> None:
    result = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "tradewind.fleet.worker", "--slots", "x"],
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert result.returncode == 2
    assert "| airflow" not in result.stderr


@needs_celery
def test_the_heartbeat_begins_at_once_and_goes_on(tmp_path: Path) -> None:
    file, consumer = tmp_path / "heartbeat", Consumer()
    heartbeat = step(file, consumer)
    assert not file.exists()

    heartbeat.start(consumer)

    (entry,) = consumer.timer.entries
    assert file.exists()
    assert entry.seconds == HEARTBEAT_S
    age(file, 1.0)
    entry.call()
    assert file.stat().st_mtime > 1.0


@needs_celery
def test_the_heartbeat_ends_with_the_connection_and_comes_back_with_it(tmp_path: Path) -> None:
    file, consumer = tmp_path / "heartbeat", Consumer()
    heartbeat = step(file, consumer)
    heartbeat.start(consumer)

    heartbeat.stop(consumer)
    assert [entry.cancelled for entry in consumer.timer.entries] == [True]

    age(file, 1.0)
    heartbeat.start(consumer)
    assert file.stat().st_mtime > 1.0
    assert [entry.cancelled for entry in consumer.timer.entries] == [True, False]


@needs_celery
def test_a_heartbeat_that_never_began_may_end(tmp_path: Path) -> None:
    consumer = Consumer()

    step(tmp_path / "heartbeat", consumer).stop(consumer)

    assert consumer.timer.entries == []


@needs_celery
def test_it_waits_until_tasks_are_taken(tmp_path: Path) -> None:
    from celery.worker.consumer.tasks import Tasks

    required = step(tmp_path / "heartbeat", Consumer()).requires

    assert [f"{Tasks.__module__}:{Tasks.__name__}"] == list(required)
