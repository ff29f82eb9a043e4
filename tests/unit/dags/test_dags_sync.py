"""One folder becomes equal to another, in an order that never shows half of a change."""

from __future__ import annotations

from pathlib import Path

import pytest

from tradewind.dags.sync import sync
from tradewind.errors import TradewindError


def fill(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def content(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): p.read_text() for p in folder.rglob("*") if p.is_file()}


def test_the_folders_are_equal_afterwards(tmp_path: Path) -> None:
    source = fill(tmp_path / "dags", **{"a.py": "1", "lib__b.py": "2", "__pycache____a.pyc": "x"})
    target = fill(tmp_path / "shared" / "dev", **{"a.py": "0", "old__gone.py": "3", "lib__b.py": "2"})

    done = sync(source, target)

    assert (done.written, done.removed) == (("a.py",), ("old/gone.py",))
    assert content(target) == {"a.py": "1", "lib/b.py": "2"}
    assert not (target / "old").exists()
    assert sync(source, target).written == ()


def test_modules_come_before_the_files_that_import_them(tmp_path: Path) -> None:
    source = fill(tmp_path / "dags", **{"a.py": "1", "z__m.py": "2", "b.py": "3"})
    (tmp_path / "shared").mkdir()

    assert sync(source, tmp_path / "shared" / "dev").written == ("z/m.py", "a.py", "b.py")


def test_files_appear_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has a file open goes on reading the old one."""
    source = fill(tmp_path / "dags", **{"a.py": "new"})
    target = fill(tmp_path / "shared", **{"a.py": "old"})
    with (target / "a.py").open() as stream:
        sync(source, target)
        assert stream.read() == "old"
    assert (target / "a.py").read_text() == "new"
    assert oct((target / "a.py").stat().st_mode)[-3:] == "644"


def test_a_link_that_leads_out_is_refused(tmp_path: Path) -> None:
    source = fill(tmp_path / "dags", **{"a.py": "1"})
    (source / "passwords").symlink_to("/etc/hostname")
    (tmp_path / "shared").mkdir()

    with pytest.raises(TradewindError, match="links lead out"):
        sync(source, tmp_path / "shared" / "dev")
    assert not (tmp_path / "shared" / "dev").exists()


def test_what_is_not_mounted_is_not_made(tmp_path: Path) -> None:
    source = fill(tmp_path / "dags", **{"a.py": "1"})

    with pytest.raises(TradewindError, match="there is no folder") as caught:
        sync(source, tmp_path / "shared" / "dev")
    assert "not mounted" in caught.value.why
    assert list(tmp_path.iterdir()) == [source]
