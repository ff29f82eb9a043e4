"""Runs the command blocks of a page."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

from blocks import Block

UNTIL_INTERRUPT_S = 5.0
HANGS_AFTER_S = 900.0


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
        # Signal the whole process group, as a terminal does.
        os.killpg(process.pid, signal.SIGINT)
        output, _ = process.communicate(timeout=30)
        assert endless, f"{block.name} hangs:\n{output}"
    else:
        assert not endless, f"{block.name} ended by itself:\n{output}"
    # Only a traceback of the command itself: lines of `logs` begin with the name of a process.
    assert not re.search(r"^Traceback \(most recent call last\)", output, re.MULTILINE), f"{block.name}:\n{output}"
    if not endless:
        expected = int(block.detail) if block.remark == "fails" else 0
        assert process.returncode == expected, f"{block.name} ended with {process.returncode}:\n{output}"
