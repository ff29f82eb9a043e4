"""The shared folder: releases arrive whole or not at all, and one deploys at a time."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
from pathlib import Path

import pytest
from releases_at_hand import release

from tradewind.bundle.shared import BusyError, SharedFolder
from tradewind.errors import TradewindError

FILES = {"a.py": "A = 1", "lib/b.py": "B = 1"}


@pytest.fixture
def shared(tmp_path: Path) -> SharedFolder:
    return SharedFolder(tmp_path / "shared")


@pytest.fixture
def store(tmp_path: Path) -> SharedFolder:
    """Where releases come from."""
    return SharedFolder(tmp_path / "store")


def test_a_release_is_brought_and_put_in_force(shared: SharedFolder, store: SharedFolder) -> None:
    made = release(store.folder, FILES)
    assert not shared.has(made.id)
    assert shared.put(store.manifest(made.id), store.archive(made.id)) == made
    assert shared.has(made.id)
    assert shared.in_force() is None
    now = shared.activate(made.id)
    assert shared.in_force() == now
    assert now.release == made.id
    assert shared.activate(made.id) == now, "what is in force stays so, with its time"
    assert shared.read(made.id) == made
    assert oct(shared.archive(made.id).stat().st_mode & 0o777) == "0o644", "containers run as somebody else"


def test_the_newest_comes_first(shared: SharedFolder) -> None:
    made = [release(shared.folder, {"a.py": f"A = {n}"}) for n in range(3)]
    for n, entry in enumerate(made):
        document = entry.as_dict() | {"created": f"2026-01-0{n + 1}"}
        shared.manifest(entry.id).write_text(json.dumps(document))
    (shared.folder / "releases/d-something-else.json").write_text("{}")
    assert [entry.id for entry in shared.releases()] == [entry.id for entry in reversed(made)]


@pytest.mark.parametrize("name", ["d-0000000000000000", "../d-0000000000000000", "nothing"])
def test_what_is_not_there_is_not_put_in_force(shared: SharedFolder, name: str) -> None:
    shared.activate(release(shared.folder, FILES).id)
    before = shared.in_force()
    with pytest.raises(TradewindError, match=r"there is no|is no name"):
        shared.activate(name)
    assert shared.in_force() == before


def test_a_damaged_archive_is_neither_brought_nor_put_in_force(shared: SharedFolder, store: SharedFolder) -> None:
    made = release(store.folder, FILES)
    archive = store.archive(made.id)
    kept = archive.read_bytes()
    archive.write_bytes(kept.replace(b"A = 1", b"A = 2"))
    with pytest.raises(TradewindError, match="damaged"):
        shared.put(store.manifest(made.id), archive)
    assert not list((shared.folder / "releases").iterdir())
    archive.write_bytes(kept)
    shared.put(store.manifest(made.id), archive)
    shared.archive(made.id).write_bytes(kept[:-100])
    with pytest.raises(TradewindError, match="damaged"):
        shared.activate(made.id)
    assert shared.in_force() is None
    shared.archive(made.id).unlink()
    with pytest.raises(TradewindError, match="no archive"):
        shared.activate(made.id)


def test_a_manifest_under_another_name_is_refused(shared: SharedFolder) -> None:
    one, two = release(shared.folder, FILES), release(shared.folder, {"a.py": "A = 2"})
    shutil.copy(shared.manifest(one.id), shared.manifest(two.id))
    with pytest.raises(TradewindError, match="damaged"):
        shared.activate(two.id)


def test_a_disk_that_is_full_while_it_is_brought(
    shared: SharedFolder, store: SharedFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = release(store.folder, FILES)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "copyfile", full)
        with pytest.raises(TradewindError, match="No space left"):
            shared.put(store.manifest(made.id), store.archive(made.id))
    assert not shared.has(made.id)
    assert not list((shared.folder / "releases").iterdir())


def test_a_disk_that_is_full_when_the_pointer_is_written(shared: SharedFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = release(shared.folder, FILES), release(shared.folder, {"a.py": "A = 2"})
    shared.activate(one.id)

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", full)
        with pytest.raises(TradewindError, match="No space left"):
            shared.activate(two.id)
    now = shared.in_force()
    assert now
    assert now.release == one.id


def test_one_that_is_damaged_is_brought_again_and_does_not_hide_others(
    shared: SharedFolder, store: SharedFolder
) -> None:
    one, two = (release(store.folder, {"a.py": f"A = {n}"}) for n in range(2))
    for made in (one, two):
        shared.put(store.manifest(made.id), store.archive(made.id))
    shared.archive(one.id).write_bytes(b"torn")
    shared.manifest(two.id).write_text("{")
    assert [entry.id for entry in shared.releases()] == [one.id]
    for made in (one, two):
        shared.put(store.manifest(made.id), store.archive(made.id))
        assert shared.activate(made.id).release == made.id


def test_what_was_left_long_ago_is_swept_away(shared: SharedFolder) -> None:
    made = release(shared.folder, FILES)
    old, fresh = (shared.folder / f"releases/.{made.id}.zip.{n}" for n in (1, 2))
    for draft in (old, fresh):
        draft.write_text("")
    os.utime(old, (1, 1))
    shared.sweep()
    assert (old.exists(), fresh.exists(), shared.has(made.id)) == (False, True, True)


def test_what_is_in_force_cannot_be_removed(shared: SharedFolder) -> None:
    one, two = release(shared.folder, FILES), release(shared.folder, {"a.py": "A = 2"})
    shared.activate(one.id)
    with pytest.raises(TradewindError, match="in force"):
        shared.remove(one.id)
    shared.remove(two.id)
    assert [entry.id for entry in shared.releases()] == [one.id]
    assert not shared.archive(two.id).exists()


def test_one_deploys_at_a_time_and_the_other_is_told(shared: SharedFolder) -> None:
    context = multiprocessing.get_context("spawn")
    ready, stop = context.Event(), context.Event()
    other = context.Process(target=_deploy, args=(shared, ready, stop))
    other.start()
    assert ready.wait(60)
    with pytest.raises(BusyError, match="under way"), shared.deploying():
        pass
    other.kill()
    other.join()
    with shared.deploying():
        pass


def _deploy(shared: SharedFolder, ready: object, stop: object) -> None:
    with shared.deploying():
        ready.set()  # type: ignore[attr-defined]
        stop.wait()  # type: ignore[attr-defined]
