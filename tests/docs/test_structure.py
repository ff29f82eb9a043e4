"""Rules that keep the code easy to navigate, besides the import rules of ``pyproject.toml``."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2] / "src/tradewind"
LONGEST = 400
"""The longest file, in lines. A longer file has more than one subject."""
SAME_IN_EVERY_PACKAGE = {"__init__.py", "__main__.py"}


def test_no_file_is_longer_than_one_subject() -> None:
    lengths = {str(path.relative_to(SOURCE)): len(path.read_text().splitlines()) for path in SOURCE.rglob("*.py")}
    assert len(lengths) > 150
    assert {path: length for path, length in lengths.items() if length > LONGEST} == {}


def test_no_two_files_have_one_name() -> None:
    """Except a command and its implementation: each file of ``cli`` has the name of its command."""
    found = defaultdict(list)
    for path in SOURCE.rglob("*.py"):
        if path.name not in SAME_IN_EVERY_PACKAGE and path.parent.name != "cli":
            found[path.name].append(str(path.relative_to(SOURCE)))
    assert {name: paths for name, paths in found.items() if len(paths) > 1} == {}
