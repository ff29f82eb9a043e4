"""The lock of a home: one holder, whatever happens to the file."""

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
