"""The import graph of modules, read from the code."""

from __future__ import annotations

from pathlib import Path

import pytest

from tradewind.dags.imports import Remembered, read, resolve

FILES = {"a.py", "lib/__init__.py", "lib/b.py", "lib/deep/__init__.py", "lib/deep/c.py", "bare/d.py"}


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("import lib.b as x, os", ("lib.b", "os")),
        ("from lib import b", ("lib", "lib.b")),
        ("from lib.deep.c import f, g", ("lib.deep.c", "lib.deep.c.f", "lib.deep.c.g")),
        ("from . import b", (".", ".b")),
        ("from ..deep import c", ("..deep", "..deep.c")),
        ("from lib import *", ("?", "lib")),
        ("def f():\n  if x:\n    import late", ("late",)),
        ("import importlib\nimportlib.import_module('lib.b')", ("importlib", "lib.b")),
        ("__import__('lib')", ("lib",)),
        ("import_module(name)", ("?",)),
        ("import_module('.b', package)", ("?",)),
        ("exec(code)", ("?",)),
        ("import sys\nsys.path.insert(0, here)\nimport common", ("?", "common", "sys")),
        ("import os\nos.path.join(a, b)", ("os",)),
        ("map(importlib.import_module, found)", ("?",)),
        ("from importlib import import_module as im", ("?", "importlib", "importlib.import_module")),
        ("import_string('a.f')", ("?",)),
        ("folder.rglob('*.py')", ("?",)),
        ("load = util.spec_from_file_location", ("?",)),
        ("this is no Python", ()),
        ("\0", ()),
        ("(" * 5000, ()),
    ],
)
def test_what_a_file_imports(code: str, found: tuple[str, ...]) -> None:
    assert read(code.encode()).names == found


def test_an_encoding_of_its_own() -> None:
    assert read("# -*- coding: latin-1 -*-\nimport é".encode("latin-1")).names == ("é",)


@pytest.mark.parametrize(
    ("path", "imported", "targets"),
    [
        ("a.py", ["lib.b", "os"], ("lib/__init__.py", "lib/b.py")),
        ("a.py", ["lib.deep.c.f"], ("lib/__init__.py", "lib/deep/__init__.py", "lib/deep/c.py")),
        ("a.py", ["bare.d"], ("bare/d.py",)),  # a package without __init__
        ("lib/b.py", [".", ".deep"], ("lib/__init__.py", "lib/deep/__init__.py")),
        ("lib/deep/c.py", ["..b"], ("lib/b.py",)),
        ("lib/deep/c.py", ["....b"], ()),
        ("a.py", ["a"], ()),
    ],
)
def test_which_files_that_are(path: str, imported: list[str], targets: tuple[str, ...]) -> None:
    assert resolve(path, imported, FILES) == targets


def test_what_was_seen_before_is_not_read_again(tmp_path: Path) -> None:
    file = tmp_path / "imports.json"
    first = Remembered(file)
    assert first("1", b"import a").names == ("a",)
    assert first("2", b"import b").names == ("b",)
    first.save()

    again = Remembered(file)
    assert again("1", b"not looked at").names == ("a",)
    again.save()
    assert Remembered(file)("2", b"import c").names == ("c",)  # it was not used, and is removed


@pytest.mark.parametrize("damage", ["", "[]", "{}", '{"version": 0, "names": {"1": ["x"]}}'])
def test_a_memory_that_is_no_memory(tmp_path: Path, damage: str) -> None:
    file = tmp_path / "imports.json"
    file.write_text(damage)

    assert Remembered(file)("1", b"import a").names == ("a",)


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("with DAG('b', schedule=None): pass\nDAG('a')", ("a", "b")),
        ("x = airflow.sdk.DAG(dag_id='a', tags=[])", ("a",)),
        ("for n in 'xy':\n    DAG(f'dag_{n}')\nDAG(name)\nDAG()", ()),
        ("@dag\ndef a(): ...", ("a",)),
        (
            "@airflow.sdk.dag(schedule=None)\ndef a(): ...\n@dag('b')\ndef x(): ...\n@dag(dag_id='c')\ndef y(): ...",
            ("a", "b", "c"),
        ),
        ("@dag(dag_id=f'{team}_etl')\ndef etl(): ...\n@dag(name)\ndef x(): ...\n@dag(**given)\ndef y(): ...", ()),
        ("@task\ndef a(): ...\nOther('x')", ()),
        ("def (", ()),
    ],
)
def test_dags_that_are_written_out(code: str, found: tuple[str, ...]) -> None:
    assert read(code.encode()).dags == found
