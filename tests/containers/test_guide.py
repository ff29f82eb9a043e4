"""Runs what the guides to images, releases and pipelines tell a reader to type."""

from __future__ import annotations

import shutil
from pathlib import Path

import blocks
import pytest
from shop import project
from typed import run

pytestmark = [pytest.mark.containers, pytest.mark.xdist_group("containers")]

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.parametrize("page", ["releases.md", "pipelines.md"])
def test_every_command_of_the_guide_does_what_it_says(tmp_path: Path, page: str) -> None:
    running = project(tmp_path)
    shutil.copytree(EXAMPLES / "dags", tmp_path / "examples" / "dags")
    try:
        for block in blocks.commands(blocks.DOCS / "guides" / page):
            if block.is_run:
                run(block, tmp_path)
    finally:
        running.tradewind("down", "--now", check=False)
    assert running.left_behind() == []
