from __future__ import annotations

import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout without a running platform."""
    shutil.copy(ROOT / "tradewind.yaml", tmp_path)
    return tmp_path
