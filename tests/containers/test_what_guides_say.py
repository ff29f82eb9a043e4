"""Runs the commands of the guides to images, releases and pipelines.

It runs after all other tests of this folder, because it uses their platform and images, and the guide to releases
stops the platform at its end.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import blocks
import pytest
from running import Running
from typed import run

pytestmark = [pytest.mark.containers, pytest.mark.xdist_group("containers")]

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.parametrize("page", ["pipelines.md", "releases.md"])
def test_every_command_of_the_guide_does_what_it_says(platform: Running, page: str) -> None:
    shutil.copytree(EXAMPLES / "dags", platform.folder / "examples" / "dags", dirs_exist_ok=True)
    for block in blocks.commands(blocks.DOCS / "guides" / page):
        if block.is_run:
            run(block, platform.folder)
    if page == "releases.md":
        assert platform.left_behind() == []
