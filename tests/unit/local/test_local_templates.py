"""Templates of migrated databases: complete, owned by the user, and without data of a platform."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tradewind.local.templates import KEPT, Template


@pytest.fixture
def template(tmp_path: Path) -> Template:
    return Template(tmp_path / "cache" / "databases", "embedded", "k" * 32)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The files of a database."""
    folder = tmp_path / "data"
    (folder / "base" / "1").mkdir(parents=True)
    (folder / "PG_VERSION").write_text("18\n")
    (folder / "base" / "1" / "112").write_bytes(bytes(range(256)) * 100)
    return folder


def files(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_what_was_packed_is_unpacked(template: Template, data: Path, tmp_path: Path) -> None:
    assert not template.exists
    assert not template.unpack(tmp_path / "copy")

    template.pack(data)

    assert template.exists
    assert template.unpack(tmp_path / "copy")
    assert files(tmp_path / "copy") == files(data)


def test_it_is_for_its_user_only(template: Template, data: Path) -> None:
    template.pack(data)
    (file,) = template.folder.iterdir()
    assert template.folder.stat().st_mode & 0o777 == 0o700
    assert file.stat().st_mode & 0o777 == 0o600


def test_another_version_is_another_template(template: Template, data: Path, tmp_path: Path) -> None:
    template.pack(data)
    assert not Template(template.folder, "embedded", "l" * 32).unpack(tmp_path / "copy")
    assert not Template(template.folder, "mysql", template.key).unpack(tmp_path / "copy")


@pytest.mark.parametrize("where", [0, 0.3, 0.999])
def test_what_is_not_what_its_name_says_is_removed(
    template: Template, data: Path, tmp_path: Path, where: float
) -> None:
    template.pack(data)
    (file,) = template.folder.iterdir()
    content = bytearray(file.read_bytes())
    content[int(where * len(content))] ^= 1
    file.write_bytes(content)

    assert not template.unpack(tmp_path / "copy")

    assert not (tmp_path / "copy").exists()
    assert not template.exists


def test_half_a_file_is_none(template: Template, data: Path, tmp_path: Path) -> None:
    template.pack(data)
    (file,) = template.folder.iterdir()
    file.write_bytes(file.read_bytes()[:-10])
    assert not template.unpack(tmp_path / "copy")


def test_a_folder_that_others_may_write_to_is_not_trusted(template: Template, data: Path, tmp_path: Path) -> None:
    template.pack(data)
    template.folder.chmod(0o777)
    assert not template.unpack(tmp_path / "copy")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_what_another_user_owns_is_not_trusted(template: Template, data: Path, tmp_path: Path) -> None:
    template.pack(data)
    (file,) = template.folder.iterdir()
    os.chown(file, 1, 1)
    assert not template.unpack(tmp_path / "copy")


def test_the_last_few_are_kept(template: Template, data: Path) -> None:
    for number in range(KEPT + 2):
        Template(template.folder, "embedded", f"{number:032}").pack(data)
    assert len(list(template.folder.iterdir())) == KEPT


@pytest.mark.parametrize(
    ("environment", "folder"),
    [
        ({"XDG_CACHE_HOME": "/c", "HOME": "/h"}, "/c/tradewind/databases"),
        ({"XDG_CACHE_HOME": "relative", "HOME": "/h"}, "/h/.cache/tradewind/databases"),
        ({"HOME": "/h"}, "/h/.cache/tradewind/databases"),
    ],
)
def test_where_it_is_kept(environment: dict[str, str], folder: str) -> None:
    found = Template.of("embedded", environment)
    assert found
    assert str(found.folder) == folder


def test_plugins_outside_packages_may_bring_what_a_template_does_not_know() -> None:
    assert Template.of("embedded", {"HOME": "/h", "AIRFLOW__CORE__PLUGINS_FOLDER": "/plugins"}) is None


def test_sizes_and_addresses_make_no_other_template_and_what_a_migration_reads_does() -> None:
    usual = Template.of("embedded", {"HOME": "/h"})
    same = {"AIRFLOW__CORE__PARALLELISM": "9", "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "postgresql://u:p@h:1/x"}
    assert Template.of("embedded", {"HOME": "/h", **same}) == usual
    assert Template.of("embedded", {"HOME": "/h", "AIRFLOW__DATABASE__LOAD_DEFAULT_CONNECTIONS": "True"}) != usual
