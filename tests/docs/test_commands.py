"""Runs the commands of README and the guides unchanged, in the order of the pages.

The fixture ``platform_folder`` is a folder with the ``tradewind.yaml`` and the ``examples`` of this repository, in
which a platform runs. The last page stops the platform and removes its data, so the folder is for this test alone.
"""

from __future__ import annotations

import sys
from pathlib import Path

import blocks
import pytest
from blocks import EXECUTED, Block
from typed import run


@pytest.mark.local
def test_every_command_of_the_pages_does_what_it_says(platform_folder: Path) -> None:
    environment = Path(sys.prefix)
    if not (platform_folder / ".venv").exists():
        (platform_folder / ".venv").symlink_to(environment)
    for page in EXECUTED:
        for path, text in blocks.files(page).items():
            (platform_folder / path).parent.mkdir(parents=True, exist_ok=True)
            (platform_folder / path).write_text(text)
        for block in blocks.commands(page):
            if block.is_run:
                run(block, platform_folder)
        if any("--dags" in words for block in blocks.commands(page) for words in block.lines("tradewind")):
            # The page leaves a platform with other DAGs. The next page begins as for a new reader.
            run(Block(page, 0, "sh", "tradewind down\n"), platform_folder)
