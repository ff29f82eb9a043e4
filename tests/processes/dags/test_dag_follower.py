"""Following a DAG folder while it is edited."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tradewind.dag_releases.pointer import ActiveRelease
from tradewind.dag_releases.shared_folder import SharedFolder
from tradewind.dags import follow as follow_module
from tradewind.dags.follow import Follower
from tradewind.errors import TradewindError
from tradewind.runtime.bundle.cache import Cache


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "dags"
    made.mkdir()
    (made / "a.py").write_text("A = 1")
    return made


@pytest.fixture
def shared(tmp_path: Path) -> SharedFolder:
    return SharedFolder(tmp_path / "shared")


def follower(folder: Path, shared: SharedFolder, meanwhile: Callable[[], None] = lambda: None) -> Follower:
    return Follower(folder, shared, rest=meanwhile)


def served(shared: SharedFolder, tmp_path: Path) -> dict[str, str]:
    now = shared.active()
    assert now
    place = Cache(shared, tmp_path / "local").hold(now.release).path
    return {str(path.relative_to(place)): path.read_text() for path in place.rglob("*") if path.is_file()}


def test_every_change_is_served(folder: Path, shared: SharedFolder, tmp_path: Path) -> None:
    follow = follower(folder, shared)
    assert follow.look()
    assert served(shared, tmp_path) == {"a.py": "A = 1"}
    assert follow.look() is None
    (folder / "sub").mkdir()
    (folder / "sub/b.py").write_text("B = 1")
    assert follow.look()
    assert served(shared, tmp_path) == {"a.py": "A = 1", "sub/b.py": "B = 1"}
    (folder / "a.py").write_text("A = 2")
    assert follow.look()
    (folder / "a.py").unlink()
    assert follow.look()
    assert served(shared, tmp_path) == {"sub/b.py": "B = 1"}


def test_a_folder_without_files_serves_nothing(folder: Path, shared: SharedFolder, tmp_path: Path) -> None:
    (folder / "a.py").unlink()
    follow = follower(folder, shared)
    follow.look()
    assert served(shared, tmp_path) == {}
    (folder / "a.py").write_text("A = 1")
    follow.look()
    assert served(shared, tmp_path) == {"a.py": "A = 1"}


def test_what_is_still_being_written_waits(folder: Path, shared: SharedFolder, tmp_path: Path) -> None:
    counts = iter(range(3))

    def write() -> None:
        if (n := next(counts, None)) is not None:
            (folder / f"more{n}.py").write_text("")

    follow = follower(folder, shared, write)
    assert [bool(follow.look()) for _ in range(5)] == [False, False, False, True, False]
    assert set(served(shared, tmp_path)) == {"a.py", "more0.py", "more1.py", "more2.py"}


def test_what_cannot_be_served_is_told_once_and_the_rest_stays(
    folder: Path, shared: SharedFolder, tmp_path: Path
) -> None:
    follow = follower(folder, shared)
    follow.look()
    (folder / "out.py").symlink_to("/etc/hostname")
    with pytest.raises(TradewindError, match="cannot be released"):
        follow.look()
    assert follow.look() is None
    assert "leaves the folder" in follow.problem
    assert served(shared, tmp_path) == {"a.py": "A = 1"}
    (folder / "out.py").unlink()
    follow.look()
    assert follow.problem == ""


def test_what_changes_while_it_is_read_is_not_served(
    folder: Path, shared: SharedFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    follow = follower(folder, shared)
    build = follow_module.build

    def late(*arguments: object) -> object:
        (folder / "late.py").write_text("")
        return build(*arguments)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(follow_module, "build", late)
        assert follow.look() is None
    assert shared.active() is None
    assert follow.look()
    assert set(served(shared, tmp_path)) == {"a.py", "late.py"}


def test_a_disk_that_is_full_is_told_and_tried_again(
    folder: Path, shared: SharedFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    follow = follower(folder, shared)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(follow_module, "build", full)
        with pytest.raises(TradewindError, match="No space left"):
            follow.look()
        assert "No space left" in follow.problem
    assert follow.look()
    assert follow.problem == ""


def test_a_deployment_of_somebody_else_is_waited_for(folder: Path, shared: SharedFolder) -> None:
    follow = follower(folder, shared)
    with shared.deploying():
        assert follow.look() is None
    assert follow.look()


def test_what_somebody_else_put_in_force_stays_until_the_folder_changes(folder: Path, shared: SharedFolder) -> None:
    follow = follower(folder, shared)
    first = follow.look()
    (folder / "a.py").write_text("A = 2")
    assert follow.look()
    assert first
    shared.activate(first.id)
    assert follow.look() is None
    now = shared.active()
    assert now
    assert now.release == first.id
    os.utime(folder / "a.py", (1, 1))
    again = follow.look()
    assert again
    assert again.id != first.id


def test_a_folder_is_settled_when_it_is_served_or_refused_as_it_is(folder: Path, shared: SharedFolder) -> None:
    follow = follower(folder, shared)
    assert not follow.is_settled()
    follow.look()
    assert follow.is_settled()
    (folder / "link.py").symlink_to("/etc/passwd")
    assert not follow.is_settled()
    with pytest.raises(TradewindError):
        follow.look()
    assert follow.problem
    assert follow.is_settled()


def test_a_folder_is_not_settled_before_the_pointer_has_moved(folder: Path, tmp_path: Path) -> None:
    settled = []

    class Shared(SharedFolder):
        def activate(self, release: str) -> ActiveRelease:
            settled.append(follow.is_settled())
            return super().activate(release)

    follow = follower(folder, Shared(tmp_path / "shared"))
    for text in ("A = 1", "A = 2"):
        (folder / "a.py").write_text(text)
        follow.look()
        assert follow.is_settled()

    assert settled == [False, False]


def test_a_platform_in_the_folder_that_it_serves_is_none_of_its_files(folder: Path, shared: SharedFolder) -> None:
    (folder / ".tradewind").mkdir()
    (folder / ".tradewind" / "secrets.json").write_text("{}")
    follow = follower(folder, shared)
    made = follow.look()
    assert made
    assert set(made.files) == {"a.py"}
    (folder / ".tradewind" / "web.log").write_text("says something all the time")
    assert follow.is_settled()


def test_a_folder_that_is_gone_is_settled_when_that_was_seen(folder: Path, shared: SharedFolder) -> None:
    follow = follower(folder, shared)
    follow.look()
    (folder / "a.py").unlink()
    folder.rmdir()
    folder.write_text("a file")
    assert not follow.is_settled()
    with pytest.raises(TradewindError):
        follow.look()
    assert follow.is_settled()
