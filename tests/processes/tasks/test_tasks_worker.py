"""The worker's command line, and its signs of life with and without a broker."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

import pytest

from tradewind.runtime.tasks.consumer import RETRY_S, TURN_S
from tradewind.runtime.tasks.worker import arguments

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
    """Records the calls that it should repeat."""

    entries: list[Entry] = field(default_factory=list)

    def call_repeatedly(self, seconds: float, call: Callable[[], None]) -> Entry:
        self.entries.append(Entry(seconds, call))
        return self.entries[-1]


@dataclass
class Consumer:
    """The part of Celery's consumer that a step uses."""

    timer: Timer = field(default_factory=Timer)


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
    assert "usage: python -m tradewind.runtime.tasks.worker" in capsys.readouterr().err


def test_a_wrong_command_line_is_told_before_airflow_is_imported() -> None:
    result = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "tradewind.runtime.tasks.worker", "--slots", "x"],
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert result.returncode == 2
    assert "| airflow" not in result.stderr


@needs_celery
def test_its_loop_turns_for_as_long_as_the_broker_is_connected() -> None:
    from tradewind.runtime.tasks.consumer import turn_step

    turns: list[int] = []
    consumer = Consumer()
    step = turn_step(lambda: turns.append(1))(consumer)
    step.stop(consumer)  # a step may stop before it has started
    assert turns == []

    for connections in (1, 2):
        step.start(consumer)
        entry = consumer.timer.entries[-1]
        assert (entry.seconds, len(turns)) == (TURN_S, 2 * connections - 1)
        entry.call()
        step.stop(consumer)
        assert entry.cancelled
    assert len(consumer.timer.entries) == 2


@needs_celery
def test_without_a_broker_it_turns_with_each_try_and_tries_often() -> None:
    from celery.worker.consumer.consumer import Consumer as Stock

    from tradewind.runtime.tasks.consumer import consumer

    turns: list[int] = []
    tried: dict[str, Any] = {}

    class Connection:
        def ensure_connection(
            self, errback: Callable[[Exception, float], None], max_retries: Any, **options: Any
        ) -> str:
            tried.update(options, max_retries=max_retries)
            for _ in range(3):
                errback(OSError("refused"), 1.0)
            return "connected"

    class Celery(Stock):  # type: ignore[misc]
        def __init__(self) -> None:
            """Skip the app."""

        def ensure_connected(self, conn: Any) -> Any:
            return conn.ensure_connection(lambda error, interval: None, None, callback=lambda: None)

    class Ours(consumer(lambda: turns.append(1)), Celery):  # type: ignore[misc]
        pass

    assert Ours().ensure_connected(Connection()) == "connected"
    assert len(turns) == 4
    assert (tried["interval_max"], tried["max_retries"]) == (RETRY_S, None)
