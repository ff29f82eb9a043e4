"""Runs what the guide to images and releases tells a reader to type."""

from __future__ import annotations

from pathlib import Path

import blocks
import pytest
from shop import project
from typed import run

pytestmark = [pytest.mark.containers, pytest.mark.xdist_group("containers")]


def test_every_command_of_the_guide_does_what_it_says(tmp_path: Path) -> None:
    running = project(tmp_path)
    try:
        for block in blocks.commands(blocks.DOCS / "guides" / "releases.md"):
            if block.is_run:
                run(block, tmp_path)
    finally:
        running.tradewind("down", "--now", check=False)
    assert running.left_behind() == []
