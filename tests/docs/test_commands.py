"""Runs what README and the guides tell a reader to type, as it stands, in the order in which they tell it.

The fixture ``platform_folder`` is a folder with the ``tradewind.yaml`` and the ``examples`` of this repository, in
which a platform runs. The last page stops the platform and removes its data, so the folder is for this test alone.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import blocks
import pytest
from blocks import EXECUTED, Block

UNTIL_INTERRUPT_S = 5.0
HANGS_AFTER_S = 900.0


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
        # A page may leave the platform with DAGs of its own; the next one begins as a reader would.
        run(Block(page, 0, "sh", "tradewind down\n"), platform_folder)


def run(block: Block, folder: Path) -> None:
    """Run a block as one script that ends at the first failure, and check how it ended."""
    process = subprocess.Popen(
        ["/bin/sh", "-eu", "-c", block.text],
        cwd=folder,
        env={**os.environ, "PATH": os.pathsep.join([str(Path(sys.prefix) / "bin"), os.environ["PATH"]])},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    endless = block.remark == "runs until Ctrl-C"
    try:
        output, _ = process.communicate(timeout=UNTIL_INTERRUPT_S if endless else HANGS_AFTER_S)
    except subprocess.TimeoutExpired:
        # To the whole group, as a terminal does.
        os.killpg(process.pid, signal.SIGINT)
        output, _ = process.communicate(timeout=30)
        assert endless, f"{block.name} hangs:\n{output}"
    else:
        assert not endless, f"{block.name} ended by itself:\n{output}"
    assert "Traceback (most recent call last)" not in output, f"{block.name}:\n{output}"
    if not endless:
        expected = int(block.detail) if block.remark == "fails" else 0
        assert process.returncode == expected, f"{block.name} ended with {process.returncode}:\n{output}"
