"""Secrets of this machine: created once, private, and never partly written."""

import json
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.errors import TradewindError
from tradewind.local.secrets import PASSWORDS, load, write_private


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "secrets.json"


def mode(file: Path) -> int:
    return stat.S_IMODE(file.stat().st_mode)


def test_they_are_made_once_and_private(file: Path) -> None:
    made = load(file)

    assert load(file) == made
    assert set(made) == {*PASSWORDS, "fernet"}
    assert len(set(made.values())) == len(made)
    assert all(len(value) >= 12 for value in made.values())
    assert mode(file) == 0o600
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_two_homes_have_different_ones(tmp_path: Path) -> None:
    one, two = load(tmp_path / "one"), load(tmp_path / "two")

    assert not set(one.values()) & set(two.values())


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "{}", '{"admin": "x"}'])
def test_a_file_that_is_something_else(file: Path, text: str) -> None:
    file.write_text(text)

    with pytest.raises(TradewindError) as raised:
        load(file)

    assert raised.value.what == "secrets.json cannot be used"
    assert "tradewind down --wipe" in raised.value.hint
    assert file.read_text() == text


def test_one_that_is_missing_is_named_and_no_other_is_told(file: Path) -> None:
    made = dict(load(file))
    del made["broker"]
    file.write_text(json.dumps(made))

    with pytest.raises(TradewindError) as raised:
        load(file)

    assert "broker" in raised.value.why
    assert not [value for value in made.values() if value in str(raised.value)]


def test_bytes_that_are_no_text(file: Path) -> None:
    file.write_bytes(b"\xff\xfe\x00")

    with pytest.raises(TradewindError):
        load(file)


def test_a_private_file_replaces_one_that_was_not(file: Path) -> None:
    file.write_text("before")
    file.chmod(0o644)
    file.with_name("secrets.json.new").write_text("left behind by one that was killed")

    write_private(file, "after")

    assert (file.read_text(), mode(file)) == ("after", 0o600)
    assert not file.with_name("secrets.json.new").exists()


@given(st.text(st.characters(codec="utf-8")))
def test_any_text(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    file = tmp_path_factory.mktemp("private") / "file"

    write_private(file, text)

    with file.open(newline="") as stream:
        assert stream.read() == text
