"""Every path in the repository that a page, a docstring or a comment names exists."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import blocks
import pytest
from blocks import PAGES, ROOT

TOP = ("src", "tests", "docs", "terraform", "pipelines", "examples", "images", "benchmarks", "requirements", r"\.ci")
NAMED = re.compile(rf"(?<![\w./:@{{}}$-])(?:{'|'.join(TOP)})/[\w.*?/-]*[\w*]")
FILE = re.compile(r"[\w./-]*\w\.(py|tf|md|sh|yaml|groovy|hcl)")
QUOTED = re.compile(r"``([^`]+)``")
SKIPPED = {".git", ".venv", ".venv-checks", "node_modules", "__pycache__", "site", "dist", ".tradewind"}
# Of these, the whole file, because its words are comments and commands. Of Python, docstrings and comments.
READ = {".tf", ".hcl", ".groovy", ".sh", ".yaml", ".toml", ".in", ".md"}
NAMELESS = {"Makefile", "Jenkinsfile", "Dockerfile", "run"}
# Files that users have, that programs write, or that belong to other projects.
ELSEWHERE = {"my-dags/hello.py", "tradewind.yaml"}


@cache
def files() -> tuple[Path, ...]:
    """The files of the repository, relative to it."""

    def walk(folder: Path) -> Iterator[Path]:
        for path in sorted(folder.iterdir()):
            if path.is_dir() and path.name not in SKIPPED and not path.name.endswith("_cache"):
                yield from walk(path)
            elif path.is_file():
                yield path.relative_to(ROOT)

    return tuple(walk(ROOT))


def words(text: str) -> Iterator[str]:
    """The docstrings and comments of a Python file."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.value.value
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.string


def texts() -> Iterator[tuple[Path, str]]:
    """The text that people read, of every file with such text."""
    for path in files():
        if path.suffix == ".py":
            yield from ((path, text) for text in words((ROOT / path).read_text(encoding="utf-8")))
        elif path.suffix in READ or path.name in NAMELESS:
            yield path, (ROOT / path).read_text(encoding="utf-8", errors="replace")


def is_there(named: str) -> bool:
    """Whether a file has this path or matches this pattern, with or without an ending. Generated folders count."""
    if SKIPPED & set(named.split("/")):
        return True
    return any(True for ending in ("", ".py") for _ in ROOT.glob(named.rstrip("./") + ending))


def is_known(file: str) -> bool:
    """Whether the repository has a file with this name. The folder may be left out."""
    outside = file in ELSEWHERE or file.startswith(".tradewind/")
    return outside or any(f"/{path}".endswith(f"/{file}") for path in files())


def test_every_path_that_is_named_is_there() -> None:
    assert [f"{path}: {named}" for path, text in texts() for named in NAMED.findall(text) if not is_there(named)] == []


def test_every_file_that_a_docstring_or_a_comment_names_is_there() -> None:
    found = [(path, code) for path, text in texts() if path.suffix == ".py" for code in QUOTED.findall(text)]
    assert [f"{path}: {code}" for path, code in found if FILE.fullmatch(code) and not is_known(code)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_file_that_a_page_names_is_there(page: Path) -> None:
    assert [code for code in blocks.codes(page) if FILE.fullmatch(code) and not is_known(code)] == []


def test_what_is_not_there_is_found() -> None:
    text = '"""See tests/unit/nowhere.py, docs/decisions and src/tradewind/*/nothing."""\n'
    named = [name for found in words(text) for name in NAMED.findall(found)]
    assert [name for name in named if not is_there(name)] == ["tests/unit/nowhere.py", "src/tradewind/*/nothing"]
    assert is_known("target.py")
    assert not is_known("get.py")
