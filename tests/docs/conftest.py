from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
COMMAND = Path(sys.executable).parent / "tradewind"


@pytest.fixture
def platform_folder(tmp_path: Path) -> Iterator[Path]:
    """A folder with the files of a reader of the pages, and a running platform. At the end, no process is left."""
    shutil.copy(REPOSITORY / "tradewind.yaml", tmp_path)
    shutil.copytree(REPOSITORY / "examples", tmp_path / "examples")
    subprocess.run([str(COMMAND), "up"], cwd=tmp_path, check=True, capture_output=True)
    yield tmp_path
    subprocess.run([str(COMMAND), "down", "--now"], cwd=tmp_path, check=True, capture_output=True)
