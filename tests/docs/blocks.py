"""Reads the pages: their command blocks, their files, their links and their anchors.

A page marks commands for the reader as a ``sh`` block. A test runs the block unchanged, unless an HTML comment on the
line before says otherwise:

    <!-- not run: why -->            only its words are checked
    <!-- runs until Ctrl-C -->       it is interrupted after a few seconds
    <!-- fails: 3 -->                it ends with this exit code
    <!-- file: my-dags/hello.py -->  before a block in another language: the test writes this file first
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
# In the order of execution. The guide to one machine ends with stopping and wiping the platform.
EXECUTED = (
    DOCS / "guides" / "dag-releases.md",
    ROOT / "README.md",
    DOCS / "guides" / "configuration.md",
    DOCS / "guides" / "one-machine.md",
)
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])

_FENCE = re.compile(r"^(?P<indent> *)```(?P<language>[\w-]*)")
_REMARK = re.compile(r"^<!-- (?P<kind>not run|runs until Ctrl-C|fails|file)(: (?P<text>.+))? -->$")
_LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")
_CODE = re.compile(r"`([^`\n]+)`")


@dataclass(frozen=True)
class Block:
    """One fenced block of a page, and the comment before it. ``line`` is the line of the opening fence."""

    page: Path
    line: int
    language: str
    text: str
    remark: str = ""  # "not run", "runs until Ctrl-C", "fails", "file", or nothing
    detail: str = ""  # the text after the colon

    @property
    def name(self) -> str:
        """``README.md:12``, for messages."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def is_shell(self) -> bool:
        """Whether the block is for the reader to type."""
        return self.language == "sh"

    @property
    def is_run(self) -> bool:
        """Whether a test runs the block."""
        return self.is_shell and self.remark != "not run"

    def lines(self, program: str) -> list[list[str]]:
        """The words after ``program`` of each command line that begins with it."""
        joined = self.text.replace("\\\n", " ").splitlines()
        split = [shlex.split(line, comments=True) for line in joined]
        return [_simple(words)[1:] for words in split if words and words[0] == program]


def _simple(words: list[str]) -> list[str]:
    """The command itself, without redirections of its output."""
    end = next((at for at, word in enumerate(words) if word in {">", ">>", "|", "&&", ";"}), len(words))
    return words[:end]


def commands(path: Path) -> list[Block]:
    """The blocks of a page that a reader types, in order."""
    return [block for block in blocks(path) if block.is_shell]


def files(path: Path) -> dict[str, str]:
    """The content of the files that a page shows, by path."""
    return {block.detail: block.text for block in blocks(path) if block.remark == "file"}


def blocks(path: Path) -> list[Block]:
    """Every fenced block of a page."""
    found: list[Block] = []
    opened: dict[str, Any] | None = None
    inside: list[str] = []
    previous = ""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        fence = _FENCE.match(line)
        if opened is None and fence:
            remark = _REMARK.match(previous)
            opened = {
                "page": path,
                "line": number,
                "language": fence["language"],
                "remark": remark["kind"] if remark else "",
                "detail": (remark["text"] or "") if remark else "",
            }
            inside = []
        elif opened is not None and fence:
            found.append(Block(**opened, text="\n".join(inside) + "\n"))
            opened = None
        elif opened is not None:
            inside.append(line)
        previous = line.strip() or previous
    assert opened is None, f"{path}: a block is not closed"
    return found


def prose(path: Path) -> str:
    """A page without its fenced blocks and comments."""
    text = re.sub(r"(?ms)^ *```.*?^ *```$", "", path.read_text(encoding="utf-8"))
    return re.sub(r"(?s)<!--.*?-->", "", text)


def links(path: Path) -> list[str]:
    """Every target of a link of a page."""
    return [found["target"] for found in _LINK.finditer(_CODE.sub("``", prose(path)))]


def codes(path: Path) -> list[str]:
    """Everything in backticks in the text of a page."""
    return _CODE.findall(prose(path))


def anchors(path: Path) -> set[str]:
    """The anchors of the headings of a page, as GitHub and the site generate them."""
    headings = re.findall(r"(?m)^#{1,6} (.+)$", prose(path))
    plain = (re.sub(r"[`*]|\]\([^)]*\)|\[", "", heading).strip().lower() for heading in headings)
    return {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in plain}


def cells(path: Path, heading: str) -> list[list[str]]:
    """The rows of the first table below a heading, without its head. ValueError if there is none."""
    lines = path.read_text(encoding="utf-8").splitlines()
    at = next((n for n, line in enumerate(lines) if line.lstrip("#").strip() == heading and line.startswith("#")), None)
    if at is None:
        raise ValueError(f"{path} has no heading {heading!r}")
    rows: list[list[str]] = []
    for line in lines[at + 1 :]:
        if line.startswith("|"):
            rows.append([re.sub(r"^`([^`]+)`$", r"\1", cell.strip()) for cell in line.strip("|").split("|")])
        elif rows or line.startswith("#"):
            break
    if not rows:
        raise ValueError(f"{path} has no table below {heading!r}")
    return rows[2:]
