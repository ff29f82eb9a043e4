"""The shared folder: releases are complete or absent, and one process deploys at a time."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from releases_at_hand import release

from tradewind.dag_releases.shared_folder import BusyError, SharedFolder
from tradewind.errors import TradewindError

FILES = {"a.py": "A = 1", "lib/b.py": "B = 1"}


@pytest.fixture
def shared(tmp_path: Path) -> SharedFolder:
    return SharedFolder(tmp_path / "shared")


def test_a_release_is_put_in_force(shared: SharedFolder) -> None:
    made = release(shared.folder, FILES)
    assert shared.active() is None
    now = shared.activate(made.id)
    assert shared.active() == now
    assert now.release == made.id
    assert shared.activate(made.id) == now, "an active release stays active, with its time"
    assert shared.read(made.id) == made
    assert oct(shared.archive(made.id).stat().st_mode & 0o777) == "0o644", "containers run as another user"


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
    before = shared.active()
    with pytest.raises(TradewindError, match=r"there is no|is not the name"):
        shared.activate(name)
    assert shared.active() == before


def _torn(archive: Path) -> None:
    archive.write_bytes(archive.read_bytes()[:-100])


def _other_bytes(archive: Path) -> None:
    archive.write_bytes(archive.read_bytes().replace(b"A = 1", b"A = 2"))


def _unknown_compression(archive: Path) -> None:
    _flag(archive, 10, 99)


def _encrypted(archive: Path) -> None:
    _flag(archive, 8, 1)


def _deflated_nonsense(archive: Path) -> None:
    _flag(archive, 10, zipfile.ZIP_DEFLATED)


def _flag(archive: Path, offset: int, value: int) -> None:
    """Change a field of each entry in the archive's directory (offsets as in APPNOTE.TXT, 4.3.12)."""
    content = bytearray(archive.read_bytes())
    at = content.find(b"PK\x01\x02")
    while at != -1:
        content[at + offset] = value
        at = content.find(b"PK\x01\x02", at + 1)
    archive.write_bytes(bytes(content))


@pytest.mark.parametrize(
    "damage", [_torn, _other_bytes, _unknown_compression, _encrypted, _deflated_nonsense, Path.unlink]
)
def test_a_damaged_archive_is_not_put_in_force_and_is_mended_by_making_it_again(
    shared: SharedFolder, damage: Callable[[Path], object]
) -> None:
    before = shared.activate(release(shared.folder, {"a.py": "A = 0"}).id)
    made = release(shared.folder, FILES)
    damage(shared.archive(made.id))
    with pytest.raises(TradewindError, match=r"damaged|no archive"):
        shared.activate(made.id)
    assert shared.active() == before
    release(shared.folder, FILES)
    assert shared.activate(made.id).release == made.id


def test_a_manifest_under_another_name_is_refused(shared: SharedFolder) -> None:
    one, two = release(shared.folder, FILES), release(shared.folder, {"a.py": "A = 2"})
    shutil.copy(shared.manifest(one.id), shared.manifest(two.id))
    with pytest.raises(TradewindError, match="damaged"):
        shared.activate(two.id)


def test_a_disk_that_is_full_when_the_pointer_is_written(shared: SharedFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = release(shared.folder, FILES), release(shared.folder, {"a.py": "A = 2"})
    shared.activate(one.id)

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", full)
        with pytest.raises(TradewindError, match="No space left"):
            shared.activate(two.id)
    now = shared.active()
    assert now
    assert now.release == one.id


def test_a_damaged_manifest_does_not_hide_others_and_is_mended_by_making_it_again(shared: SharedFolder) -> None:
    one, two = (release(shared.folder, {"a.py": f"A = {n}"}) for n in range(2))
    shared.manifest(two.id).write_text("{")
    assert [entry.id for entry in shared.releases()] == [one.id]
    release(shared.folder, {"a.py": "A = 1"})
    assert {entry.id for entry in shared.releases()} == {one.id, two.id}
    assert shared.activate(two.id).release == two.id


def test_what_was_left_long_ago_is_swept_away(shared: SharedFolder) -> None:
    made = release(shared.folder, FILES)
    old, fresh = (shared.folder / f"releases/.{made.id}.zip.{n}" for n in (1, 2))
    for draft in (old, fresh):
        draft.write_text("")
    os.utime(old, (1, 1))
    shared.sweep()
    assert (old.exists(), fresh.exists(), shared.archive(made.id).exists()) == (False, True, True)


def test_what_is_in_force_cannot_be_removed(shared: SharedFolder) -> None:
    one, two = release(shared.folder, FILES), release(shared.folder, {"a.py": "A = 2"})
    shared.activate(one.id)
    with pytest.raises(TradewindError, match="it is active"):
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
