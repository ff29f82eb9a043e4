from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from running import Running

DAGS = Path(__file__).parent / "dags"
DATABASE = os.environ.get("TRADEWIND_TEST_DATABASE", "embedded")


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A running platform that the tests of this kind share."""
    running = Running.create(tmp_path_factory.mktemp("platform"), DAGS, DATABASE)
    running.tradewind("up")
    yield running
    running.tradewind("down", "--now")
    assert running.left_behind() == []
