"""Releases on the local disk: complete or absent, verified, limited in number, and never removed while in use."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import signal
import zipfile
from pathlib import Path

import pytest
from releases_at_hand import release

from tradewind.dag_releases.shared_folder import SharedFolder
from tradewind.errors import TradewindError
from tradewind.runtime.bundle.cache import Cache

FILES = {"a.py": "A = 1", "lib/b.py": "B = 1", "run.sh": "#!/bin/sh", "deep/er/data.csv": "1,2"}


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(SharedFolder(tmp_path / "shared"), tmp_path / "local", kept=3)


def _contents(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_a_release_is_unpacked_as_it_was_packed(cache: Cache) -> None:
    made = release(cache.shared.folder, FILES)
    held = cache.hold(made.id)
    assert _contents(held.path) == FILES
    assert os.access(held.path / "run.sh", os.X_OK)
    assert (held.path / "a.py").stat().st_mode & 0o777 == 0o444
    assert cache.hold(made.id).path == held.path
    assert cache.manifest(made.id) == made


def test_what_did_not_change_is_the_same_file(cache: Cache) -> None:
    one = cache.hold(release(cache.shared.folder, FILES).id)
    two = cache.hold(release(cache.shared.folder, {**FILES, "a.py": "A = 2"}).id)
    assert _contents(one.path) == FILES
    assert _contents(two.path) == {**FILES, "a.py": "A = 2"}
    assert (one.path / "lib/b.py").samefile(two.path / "lib/b.py")
    assert not (one.path / "a.py").samefile(two.path / "a.py")


def test_a_file_that_somebody_wrote_to_is_not_taken_on(cache: Cache) -> None:
    one = cache.hold(release(cache.shared.folder, FILES).id)
    (one.path / "lib/b.py").chmod(0o644)
    (one.path / "lib/b.py").write_text("B = 9")
    two = cache.hold(release(cache.shared.folder, {**FILES, "a.py": "A = 2"}).id)
    assert (two.path / "lib/b.py").read_text() == "B = 1"


def test_a_manifest_that_was_changed_is_refused(cache: Cache, tmp_path: Path) -> None:
    one = release(cache.shared.folder, FILES)
    cache.hold(one.id)
    document = json.loads(cache.shared.manifest(one.id).read_text())
    document["files"]["run.sh"][2] = False
    (tmp_path / "shared/releases/d-0000000000000000.json").write_text(json.dumps(document))
    with pytest.raises(TradewindError, match="damaged"):
        cache.hold("d-0000000000000000")


@pytest.mark.parametrize("name", ["../etc", "d-1", "", "d-0000000000000000/../x", "none"])
def test_a_name_that_is_none_is_refused(cache: Cache, name: str) -> None:
    with pytest.raises(TradewindError, match="not the name of a DAG release"):
        cache.hold(name)


def test_a_release_that_is_not_there_is_told(cache: Cache) -> None:
    with pytest.raises(TradewindError, match="there is no DAG release d-0000000000000000"):
        cache.hold("d-0000000000000000")


def _cut(archive: Path) -> None:
    archive.write_bytes(archive.read_bytes()[:-200])


def _other_bytes(archive: Path) -> None:
    archive.write_bytes(archive.read_bytes().replace(b"B = 1", b"B = 6"))


def _other_bytes_with_their_checksum(archive: Path) -> None:
    with zipfile.ZipFile(archive, "w") as written:
        for path, content in {**FILES, "lib/b.py": "B = 6"}.items():
            written.writestr(path, content)


def _larger(archive: Path) -> None:
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as written:
        for path, content in {**FILES, "lib/b.py": "0" * 10_000_000}.items():
            written.writestr(path, content)


def _file_missing(archive: Path) -> None:
    with zipfile.ZipFile(archive, "w") as written:
        written.writestr("a.py", FILES["a.py"])


@pytest.mark.parametrize(
    "damage", [_cut, _other_bytes, _other_bytes_with_their_checksum, _larger, _file_missing, Path.unlink]
)
def test_a_damaged_archive_leaves_nothing_and_can_be_mended(cache: Cache, damage: object) -> None:
    made = release(cache.shared.folder, FILES)
    archive = cache.shared.archive(made.id)
    kept = archive.read_bytes()
    damage(archive)  # type: ignore[operator]
    with pytest.raises(TradewindError, match=r"damaged|cannot be unpacked"):
        cache.hold(made.id)
    assert not [path for path in cache.local.rglob("*") if path.is_file() and path.parent.name != ".locks"]
    archive.write_bytes(kept)
    assert _contents(cache.hold(made.id).path) == FILES


def test_an_archive_may_have_more_than_the_manifest_names_and_it_is_left_out(cache: Cache) -> None:
    made = release(cache.shared.folder, FILES)
    with zipfile.ZipFile(cache.shared.archive(made.id), "a") as archive:
        archive.writestr("../../outside.py", "X")
    assert _contents(cache.hold(made.id).path) == FILES
    assert not list(cache.local.parent.rglob("outside.py"))


def test_a_manifest_with_a_path_that_leaves_the_folder_is_refused(cache: Cache) -> None:
    made = release(cache.shared.folder, {"../outside.py": "X"})
    with pytest.raises(TradewindError, match="leaves the folder"):
        cache.hold(made.id)
    assert not list(cache.local.parent.rglob("outside.py"))


def test_what_was_used_last_stays(cache: Cache) -> None:
    made = [release(cache.shared.folder, {**FILES, "a.py": f"A = {n}"}).id for n in range(6)]
    for name in made[:3]:
        cache.hold(name)
    cache.hold(made[0])
    for name in made[3:5]:
        cache.hold(name)
    assert sorted(path.name for path in cache.local.glob("d-*") if path.is_dir()) == sorted([made[0], *made[3:5]])
    assert _contents(cache.hold(made[1]).path) == {**FILES, "a.py": "A = 1"}, "it comes back when it is needed"
    assert not list(cache.local.glob(".away-*"))
    assert len(list((cache.local / ".locks").iterdir())) <= 4


def test_what_is_in_use_stays(cache: Cache) -> None:
    held = cache.hold(release(cache.shared.folder, FILES).id)
    for n in range(2, 8):
        cache.hold(release(cache.shared.folder, {**FILES, "a.py": f"A = {n}"}).id)
    assert _contents(held.path) == FILES


def test_what_another_process_uses_stays(cache: Cache) -> None:
    context = multiprocessing.get_context("spawn")
    ready, stop = context.Event(), context.Event()
    made = release(cache.shared.folder, FILES)
    other = context.Process(target=_use, args=(cache, made.id, ready, stop))
    other.start()
    assert ready.wait(60)
    for n in range(2, 8):
        cache.hold(release(cache.shared.folder, {**FILES, "a.py": f"A = {n}"}).id)
    assert _contents(cache.local / made.id) == FILES
    assert other.pid
    os.kill(other.pid, signal.SIGKILL)
    other.join()
    cache.hold(release(cache.shared.folder, {**FILES, "a.py": "A = 9"}).id)
    assert not (cache.local / made.id).exists(), "a killed process uses nothing"


def _use(cache: Cache, name: str, ready: object, stop: object) -> None:
    held = cache.hold(name)
    ready.set()  # type: ignore[attr-defined]
    stop.wait()  # type: ignore[attr-defined]
    assert held.path


def test_many_processes_at_once_unpack_it_once(cache: Cache) -> None:
    made = release(cache.shared.folder, {f"f{n}.py": f"X = {n}" for n in range(300)})
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        inodes = pool.starmap(_inode, [(cache, made.id)] * 16)
    assert len(set(inodes)) == 1


def _inode(cache: Cache, name: str) -> int:
    return (cache.hold(name).path / "f7.py").stat().st_ino


@pytest.mark.parametrize("at", range(12))
def test_who_is_killed_while_unpacking_leaves_no_half(cache: Cache, at: int, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.hold(release(cache.shared.folder, FILES).id)
    made = release(cache.shared.folder, {**FILES, "a.py": "A = 2"})
    calls = 0

    class KilledError(BaseException):
        pass

    def count(*_: object) -> None:
        nonlocal calls
        calls += 1
        if calls == at:
            raise KilledError

    with monkeypatch.context() as patch:
        for owner, name in (
            (os, "link"),
            (os, "utime"),
            (os, "rename"),
            (Path, "mkdir"),
            (Path, "rename"),
            (shutil, "copyfile"),
        ):
            _counted(patch, owner, name, count)
        # After SIGKILL, no clean-up of the process runs.
        patch.setattr(shutil, "rmtree", lambda *_, **__: None)
        try:
            cache.hold(made.id)
        except KilledError:
            assert calls == at
    assert _contents(cache.hold(made.id).path) == {**FILES, "a.py": "A = 2"}


def _counted(patch: pytest.MonkeyPatch, owner: object, name: str, count: object) -> None:
    original = getattr(owner, name)

    def wrapped(*arguments: object, **named: object) -> object:
        count()  # type: ignore[operator]
        return original(*arguments, **named)

    patch.setattr(owner, name, wrapped)


def test_what_killed_processes_left_is_cleared(cache: Cache) -> None:
    made = [release(cache.shared.folder, {**FILES, "a.py": f"A = {n}"}).id for n in range(5)]
    cache.hold(made[0])
    for name in (f".{made[1]}", f".away-{made[2]}"):
        (cache.local / name).mkdir()
        (cache.local / name / "a.py").write_text("half")
    for name in made[1:]:
        cache.hold(name)
    for name in made:
        cache.hold(name)
    assert not list(cache.local.glob(".d-*"))
    assert not [path for path in cache.local.glob(".away-*") if (path / "a.py").read_text() != "half"]
    assert len([path for path in cache.local.glob("d-*") if path.is_dir()]) == 3


def test_no_room_is_told_and_leaves_nothing(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    made = release(cache.shared.folder, FILES)
    with monkeypatch.context() as patch:

        def full(*_: object) -> int:
            raise OSError(28, "No space left on device")

        patch.setattr(Path, "write_bytes", full)
        with pytest.raises(TradewindError, match="No space left on device"):
            cache.hold(made.id)
    assert not (cache.local / made.id).exists()
    assert _contents(cache.hold(made.id).path) == FILES
