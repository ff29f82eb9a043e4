"""Every text keeps the rules of ``wording``: documentation, help, messages, docstrings, comments, HCL, pipelines."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from wording import ROOT, Block, blocks, blocks_of_markdown, blocks_of_python, blocks_with_marks, findings, sentences

PARTS = (
    "src",
    "docs",
    "terraform",
    "pipelines",
    "images",
    "benchmarks",
    "examples",
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "CHANGELOG.md",
    "Makefile",
    "tradewind.yaml",
)
EXCEPTIONS: dict[tuple[str, str], str] = {}
"""Findings that are allowed: the file and the beginning of the text, and the reason."""


def _files(part: str) -> list[Path]:
    listed = subprocess.run(["git", "ls-files", part], cwd=ROOT, capture_output=True, text=True, check=True)
    return [Path(name) for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


@pytest.mark.parametrize("part", PARTS)
def test_no_text_breaks_a_rule(part: str) -> None:
    files = _files(part)
    assert files
    broken = [found for path in files for block in blocks(path) for found in findings(block)]

    assert [str(one) for one in broken if not any(_excepted(one.path, one.text, key) for key in EXCEPTIONS)] == []


def test_every_exception_is_needed() -> None:
    found = [one for part in PARTS for path in _files(part) for block in blocks(path) for one in findings(block)]

    assert [key for key in EXCEPTIONS if not any(_excepted(one.path, one.text, key) for one in found)] == []


def _excepted(path: str, text: str, key: tuple[str, str]) -> bool:
    return path == key[0] and text.startswith(key[1])


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("Whoever leads renews it.", "'Whoever'"),
        ("Nobody may deploy.", "'Nobody'"),
        ("The release is in force.", "'in force'"),
        ("It is taken back.", "'taken back'"),
        ("A class of workers has slots.", "'class of workers'"),
        (" ".join(["word"] * 36) + ".", "a sentence of 36 words"),
    ],
)
def test_a_broken_rule_is_found(text: str, what: str) -> None:
    (found,) = findings(Block("page.md", 3, text))

    assert found.what.startswith(what)
    assert str(found).startswith("page.md:3: ")


@pytest.mark.parametrize(
    "text", ["People who write DAGs decide.", "The user `nobody` runs PostgreSQL.", " ".join(["word"] * 35) + "."]
)
def test_a_text_that_keeps_the_rules(text: str) -> None:
    (block,) = blocks_of_markdown(Path("page.md"), text)

    assert list(findings(block)) == []


def test_blocks_of_markdown() -> None:
    text = (
        "# Head\n\nOne\ntwo.\n\n- item `code`\n- other\n\n| a | b |\n|---|---|\n\n```sh\nnobody\n```\n<!-- nobody -->\n"
    )

    found = [(block.line, block.text) for block in blocks_of_markdown(Path("page.md"), text)]
    assert found == [(1, "Head"), (3, "One two."), (6, "item `x`"), (7, "other"), (9, "a"), (9, "b")]


def test_blocks_of_python() -> None:
    source = (
        '"""A module of a kind."""\n\n# One comment\n# of two lines\nx = f"no release of {y} is there"\nz = "short"\n'
    )

    found = {block.text for block in blocks_of_python(Path("a.py"), source)}
    assert found == {"A module of a kind.", "One comment of two lines", "no release of `x` is there"}


def test_blocks_of_hcl() -> None:
    source = '# One comment\n# of two lines\nvariable "a" {\n  description = "What it is."\n}\n'

    assert [block.text for block in blocks_with_marks(Path("a.tf"), source, "#")] == [
        "One comment of two lines",
        "What it is.",
    ]


def test_sentences_end_at_a_stop_and_a_capital() -> None:
    assert sentences("One e.g. two. Three? `Four` five!") == ["One e.g. two.", "Three?", "`Four` five!"]
