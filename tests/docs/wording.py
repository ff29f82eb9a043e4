"""The texts of this project, block by block, and the rules that they keep: no banned word, no long sentence."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
LONGEST = 35
"""Words in a sentence."""

BANNED = {
    r"who(?:m|ever|mever)?": "name the subject: the operator, the caller, the worker",
    r"no ?body|some ?body|any ?body|every ?body": "name the subject",
    r"in force": "active",
    r"(?:puts?|putting) (?:\w+ )?in(?:to)? force": "activate",
    r"(?:take[sn]?|taking|took) (?:\w+ )?back": "roll back",
    r"class(?:es)? of workers": "worker pool",
    r"one-offs?": "one-shot task",
    r"backlogs?": "queue depth",
    r"ill|unwell": "unhealthy",
    r"hence|thus|thereby|whence|whereby|whereof|thereof|therein|hereby|lest|albeit|ere": "write a plain sentence",
    r"upon": "on",
    r"shall": "must, or will",
    r"likewise": "also",
    r"alas|behold|nought|naught|amiss|awry": "write a plain sentence",
    r"stranger|riddle": "name the thing",
    r"simply|obviously|of course|easily|just": "leave it out",
    r"tidy|tidies|tidied|tidying": "remove, or garbage collection",
    r"utili[sz]e[sd]?|leverag(?:e[sd]?|ing)": "use",
}
"""Patterns that a text may not contain, and the replacement. They match whole words, in any case."""
_BANNED = {
    re.compile(rf"(?<![\w-])(?:{pattern})(?![\w-])", re.IGNORECASE): instead for pattern, instead in BANNED.items()
}

ALLOWED: dict[str, str] = {
    "people who": "the subject is named",
    "person who": "the subject is named",
    "just-in-time": "a term",
    "thread, just": "a name",
}
"""Phrases that contain a banned word, and the reason why they are allowed."""


class Block(NamedTuple):
    """A paragraph, an item, a cell, a docstring, a comment or a message, on one line; where it begins."""

    path: str
    line: int
    text: str


class Finding(NamedTuple):
    """A rule that a text breaks."""

    path: str
    line: int
    what: str
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.what}: {self.text}"


def findings(block: Block) -> Iterator[Finding]:
    """The broken rules of a block."""
    checked = block.text
    for phrase in ALLOWED:
        checked = re.sub(re.escape(phrase), "", checked, flags=re.IGNORECASE)
    for pattern, instead in _BANNED.items():
        if found := pattern.search(checked):
            yield Finding(block.path, block.line, f"{found[0]!r} (write: {instead})", block.text[:160])
    for sentence in sentences(block.text):
        if (count := len(words(sentence))) > LONGEST:
            yield Finding(block.path, block.line, f"a sentence of {count} words", sentence)


def sentences(text: str) -> list[str]:
    """A text cut where a sentence ends: a full stop, a question mark or an exclamation mark, and a space."""
    return [part for part in re.split(r"(?<=[.!?])[)\"'*_]*\s+(?=[\"'(*_A-Z0-9`])", text) if part]


def words(sentence: str) -> list[str]:
    """Its words; code counts as one each."""
    return re.findall(r"`[^`]*`|[^\s`]*\w[^\s`]*", sentence)


def blocks_of_markdown(path: Path, text: str) -> Iterator[Block]:
    """Paragraphs, items, cells and headings; neither code nor comments."""
    name = path.as_posix()
    fenced = commented = False
    gathered: list[str] = []
    begin = 0

    def flush() -> Iterator[Block]:
        if gathered:
            yield Block(name, begin, _plain(" ".join(gathered)))
            gathered.clear()

    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if line.startswith("```"):
            yield from flush()
            fenced = not fenced
            continue
        if "<!--" in line:
            commented = True
        if fenced or commented or (raw.startswith("    ") and not gathered):
            commented = commented and "-->" not in line
            continue
        if not line:
            yield from flush()
        elif line.startswith("|"):
            yield from flush()
            cells = re.split(r"(?<!\\)\|", line.strip("|"))
            yield from (Block(name, number, _plain(cell)) for cell in cells if cell.strip(" -:"))
        else:
            if re.match(r"(#+|[-*]|\d+\.|>) ", line):
                yield from flush()
            if not gathered:
                begin = number
            gathered.append(re.sub(r"^(#+|[-*]|\d+\.|>) ", "", line))
            if line.startswith("#"):
                yield from flush()
    yield from flush()


def _plain(text: str) -> str:
    """Without code, the addresses of links, and marks."""
    text = re.sub(r"``?[^`]+``?", "`x`", text)
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", text)
    return re.sub(r"\*\*|<[^>]+>", "", text).strip()


def blocks_of_python(path: Path, source: str) -> Iterator[Block]:
    """Docstrings, strings with several words, and comments. Comments on consecutive lines are one block."""
    name = path.as_posix()
    tree = ast.parse(source)
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts = [part.value if isinstance(part, ast.Constant) else "`x`" for part in node.values]
            yield from _of_string(name, node.lineno, "".join(map(str, parts)))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside:
            yield from _of_string(name, node.lineno, node.value)
    yield from _comments(name, source)


def _of_string(name: str, line: int, text: str) -> Iterator[Block]:
    if text.count(" ") < 2:
        return
    for number, paragraph in _paragraphs(text):
        yield Block(name, line + number, _plain(paragraph))


def _paragraphs(text: str) -> Iterator[tuple[int, str]]:
    """Paragraphs of a docstring; items and the entries of ``Args`` are paragraphs of their own."""
    gathered: list[str] = []
    begin = 0
    for number, raw in enumerate(text.splitlines()):
        line = "" if re.search(r"\S {2,}\S", raw) else raw.strip()  # a row of a table, whose lines continue further in
        item = re.match(r"([-*] |\w+(?: \([^)]*\))?: |\| )", line)
        if gathered and (not line or item):
            yield begin, " ".join(gathered)
            gathered = []
        if line:
            begin = begin if gathered else number
            gathered.append(line)
    if gathered:
        yield begin, " ".join(gathered)


def _comments(name: str, source: str) -> Iterator[Block]:
    gathered: list[str] = []
    begin = last = 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT:
            continue
        row = token.start[0]
        if gathered and row != last + 1:
            yield Block(name, begin, _plain(" ".join(gathered)))
            gathered = []
        begin = begin if gathered else row
        gathered.append(token.string.lstrip("#! "))
        last = row
    if gathered:
        yield Block(name, begin, _plain(" ".join(gathered)))


def blocks_with_marks(path: Path, text: str, mark: str) -> Iterator[Block]:
    """Comments that begin with a mark, and descriptions: HCL, Groovy, shell, YAML, Dockerfiles."""
    name = path.as_posix()
    gathered: list[str] = []
    begin = 0
    for number, raw in enumerate([*text.splitlines(), ""], 1):
        line = raw.strip()
        if line.startswith((mark, "* ")) and not line.startswith("#!"):
            begin = begin if gathered else number
            gathered.append(line.lstrip("#/* "))
            continue
        if gathered:
            yield Block(name, begin, _plain(" ".join(gathered)))
            gathered = []
        if described := re.search(r"(?:description|error_message)\s*=\s*\"(.*)\"", line):
            yield Block(name, number, _plain(described[1]))


PLAIN_NAMES = {"Dockerfile", "Makefile", "Jenkinsfile"}
MARKS = {".tf": "#", ".hcl": "#", ".groovy": "//", ".sh": "#", ".yaml": "#", ".yml": "#"}


def blocks(path: Path) -> Iterator[Block]:
    """The blocks of a file. ``path`` is relative to the root of the repository."""
    if path.suffix not in {".md", ".py", *MARKS} and path.name not in PLAIN_NAMES:
        return
    text = (ROOT / path).read_text()
    if path.suffix == ".md":
        yield from blocks_of_markdown(path, text)
    elif path.suffix == ".py":
        yield from blocks_of_python(path, text)
    elif path.suffix in MARKS or path.name in PLAIN_NAMES:
        yield from blocks_with_marks(path, text, MARKS.get(path.suffix, "//" if path.name == "Jenkinsfile" else "#"))
