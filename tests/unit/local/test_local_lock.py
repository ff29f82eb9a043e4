"""The lock of a state directory: one holder, whatever happens to the file."""

import fcntl
import os
import stat
from pathlib import Path

import pytest

from tradewind.local import lock


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "run" / "supervisor.lock"


def acquired(file: Path) -> int:
    held = lock.acquire(file)
    assert held is not None
    return held


def test_one_holder_at_a_time(file: Path) -> None:
    held = acquired(file)

    assert lock.acquire(file) is None
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    os.close(held)
    os.close(acquired(file))


def test_a_file_that_was_left_behind_is_free(file: Path) -> None:
    file.parent.mkdir()
    file.touch()

    os.close(acquired(file))


def test_what_was_removed_with_its_folder_is_a_new_lock(file: Path) -> None:
    before = acquired(file)
    file.unlink()
    file.parent.rmdir()

    after = acquired(file)

    assert lock.acquire(file) is None
    os.close(before)
    assert lock.acquire(file) is None
    os.close(after)


def test_whether_it_is_held_can_be_seen_without_making_or_taking_it(file: Path) -> None:
    assert not lock.is_held(file)
    assert not file.parent.exists()
    held = acquired(file)
    assert lock.is_held(file)
    os.close(held)
    assert not lock.is_held(file)


def test_two_that_only_look_do_not_see_each_other(file: Path) -> None:
    os.close(acquired(file))
    looking = os.open(file, os.O_RDWR)
    fcntl.flock(looking, fcntl.LOCK_SH)

    assert not lock.is_held(file)
    os.close(looking)


def test_one_that_looks_for_a_moment_keeps_no_supervisor_from_starting(file: Path) -> None:
    os.close(acquired(file))
    looking = os.open(file, os.O_RDWR)
    fcntl.flock(looking, fcntl.LOCK_SH)

    held = lock.acquire(file, sleep=lambda _: os.close(looking))

    assert held is not None
    os.close(held)
