"""The pointer: a reader gets a complete value, whenever a process is killed."""

from __future__ import annotations

import multiprocessing
import os
from pathlib import Path

import pytest

from tradewind.dag_releases import pointer
from tradewind.dag_releases.pointer import HALF, ActiveRelease
from tradewind.errors import TradewindError

ONE, TWO, THREE = (f"d-{number:016x}" for number in (1, 2, 3))


def test_before_the_first_release_nothing_is_in_force(tmp_path: Path) -> None:
    assert pointer.read(tmp_path / "current") is None


def test_the_last_that_was_written_is_in_force(tmp_path: Path) -> None:
    path = tmp_path / "current"
    pointer.write(path, ONE, "then")
    inode = path.stat().st_ino
    for number, release in enumerate([TWO, THREE, ONE], start=2):
        written = pointer.write(path, release, "now")
        assert pointer.read(path) == written
        assert (written.release, written.serial) == (release, number)
    assert written == ActiveRelease(ONE, 4, "now", THREE)
    assert path.stat().st_ino == inode
    assert path.stat().st_size == 2 * HALF


@pytest.mark.parametrize("at", range(0, HALF + 1, 16))
def test_a_write_that_stops_anywhere_leaves_what_was(tmp_path: Path, at: int, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "current"
    pointer.write(path, ONE, "")
    pointer.write(path, TWO, "")
    write, text = os.pwrite, 0

    def die(descriptor: int, content: bytes, offset: int) -> int:
        nonlocal text
        text = len(content.rstrip())  # the rest is spaces, as before
        write(descriptor, content[:at], offset)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", die)
        with pytest.raises(KeyboardInterrupt):
            pointer.write(path, THREE, "")
    found = pointer.read(path)
    assert found
    assert found.release == (THREE if at >= text else TWO)
    assert pointer.write(path, THREE, "").serial == found.serial + 1
    assert pointer.read(path) == pointer.read(path)


@pytest.mark.parametrize("at", [0, 1, HALF])
def test_a_first_write_that_stops_is_no_release(tmp_path: Path, at: int) -> None:
    path = tmp_path / "current"
    path.write_bytes(bytes(at))
    assert pointer.read(path) is None
    assert pointer.write(path, ONE, "").serial == 1
    assert pointer.read(path) == ActiveRelease(ONE)


def test_any_damaged_byte_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "current"
    pointer.write(path, ONE, "")
    pointer.write(path, TWO, "")
    content = path.read_bytes()
    for at in range(0, HALF, 7):
        path.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
        found = pointer.read(path)
        assert found
        assert found.release == ONE, "the half of the newer one is damaged"


def test_a_file_that_is_all_damage_is_told_and_can_be_written(tmp_path: Path) -> None:
    path = tmp_path / "current"
    path.write_bytes(b"x" * 2 * HALF)
    with pytest.raises(TradewindError, match="damaged"):
        pointer.read(path)
    pointer.write(path, ONE, "")
    assert pointer.read(path) == ActiveRelease(ONE)


def test_what_is_too_long_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    path = tmp_path / "current"
    with pytest.raises(ValueError, match="448 bytes"):
        pointer.write(path, ONE, "x" * HALF)
    assert not path.exists()


def test_who_reads_while_others_write_always_gets_a_whole_one(tmp_path: Path) -> None:
    path = tmp_path / "current"
    pointer.write(path, ONE, "")
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    writer = context.Process(target=_write_until, args=(path, stop))
    writer.start()
    seen: list[int] = []
    try:
        while len(set(seen)) < 50:
            found = pointer.read(path)
            assert found
            seen.append(found.serial)
    finally:
        stop.set()
        writer.join()
    assert writer.exitcode == 0
    assert seen == sorted(seen), "it never goes back"


def _write_until(path: Path, stop: object) -> None:
    while not stop.is_set():  # type: ignore[attr-defined]
        pointer.write(path, TWO, "")
        pointer.write(path, ONE, "")
