"""The signs of life of a worker, from the progress of its pool."""

from __future__ import annotations

from pathlib import Path

import pytest

from tradewind.runtime.tasks.alive import HANGS_S, Alive, Work
from tradewind.runtime.tasks.pause import FIRST_S, LONGEST_S, Pause


class Worker:
    """A worker with two slots, and a clock that a test moves."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "heartbeat"
        self.work = Work(0, ())
        self.now = 100.0
        self.alive = Alive(self.file, 2, lambda: self.work, lambda: self.now)

    def turns(self, after_s: float = 0) -> bool:
        """Whether it reports that it is alive, this many seconds later."""
        self.file.unlink(missing_ok=True)
        self.now += after_s
        self.alive.on_iteration()
        return self.file.exists()


@pytest.fixture
def worker(tmp_path: Path) -> Worker:
    return Worker(tmp_path)


def test_one_that_has_nothing_to_do_is_alive(worker: Worker) -> None:
    assert worker.turns()
    assert worker.turns(10 * HANGS_S)


def test_one_whose_slots_are_all_in_use_is_alive_however_long(worker: Worker) -> None:
    worker.work = Work(2, {"waits"})
    assert worker.turns()
    assert worker.turns(100 * HANGS_S)


def test_a_pool_that_does_not_begin_what_it_was_given_hangs(worker: Worker) -> None:
    worker.work = Work(1, {"a"})
    assert worker.turns()
    assert worker.turns(HANGS_S)
    assert not worker.turns(1)
    worker.work = Work(2, ())  # it has begun it after all
    assert worker.turns()


def test_a_pool_that_begins_one_after_another_does_not_hang(worker: Worker) -> None:
    for number in range(10):
        worker.work = Work(1, {str(number)})
        assert worker.turns(HANGS_S / 2)


def test_a_slot_that_became_free_a_moment_ago(worker: Worker) -> None:
    worker.work = Work(2, {"a"})
    worker.turns()
    worker.work = Work(1, {"a"})
    assert worker.turns(10 * HANGS_S)


def test_a_pause_is_longer_each_time_up_to_a_limit() -> None:
    now = 0.0
    pause = Pause(lambda: now)
    assert (pause.over, pause.ended) == (True, True)
    lasts = []
    for _ in range(6):
        lasts.append(pause.begin())
        assert not pause.over
        now += lasts[-1]
        assert (pause.over, pause.ended) == (True, False)
    assert lasts == [FIRST_S, 2, 4, 8, LONGEST_S, LONGEST_S]
    pause.end()
    assert pause.ended
    assert pause.begin() == FIRST_S
