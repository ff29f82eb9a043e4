"""All decisions have one form, and the list has the title and the status of each."""

from __future__ import annotations

import re
from pathlib import Path

import blocks
import pytest
from blocks import DOCS

FOLDER = DOCS / "decisions"
PAGES = sorted(FOLDER.glob("0*.md"))
ALWAYS = ["Status", "Context", "Decision", "Consequences"]
PARTS = ["Status", "Context", "Decision", "Alternatives", "Evidence", "Consequences"]
"""In this order."""


def _title(page: Path) -> str:
    return page.read_text(encoding="utf-8").splitlines()[0]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_decision_has_the_form(page: Path) -> None:
    parts = [part for part in re.findall(r"(?m)^\*\*(\w+)\.\*\*", page.read_text(encoding="utf-8")) if part in PARTS]

    assert _title(page).startswith(f"# {page.stem[:4]}: ")
    assert parts == sorted(set(parts), key=PARTS.index)
    assert set(ALWAYS) <= set(parts)


def test_the_list_has_every_decision_with_its_title_and_status() -> None:
    rows = [line.split("|")[1:4] for line in (FOLDER / "index.md").read_text().splitlines() if line.startswith("| [")]
    listed = {link.strip(): (title.strip(), status.strip()) for link, title, status in rows}

    assert len(listed) == len(PAGES) > 30
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        status = re.search(r"\*\*Status\.\*\* (.*)", text)
        assert status
        words = {"Replaced": "replaced", "Accepted;": "amended", "Accepted.": "accepted"}
        expected = words[status[1].split()[0]]
        title = _title(page).partition(": ")[2]
        assert listed[f"[{page.stem[:4]}]({page.name})"] == (title, expected), page.name


def test_a_changed_decision_names_its_successor() -> None:
    for page in PAGES:
        status = re.search(r"\*\*Status\.\*\* (.*)", page.read_text(encoding="utf-8"))
        assert status
        if not status[1].startswith("Accepted."):
            assert blocks.links(page), page.name
            assert re.search(r"\]\(\d{4}-", status[1]), page.name
