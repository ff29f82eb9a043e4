"""An environment in memory, its records, and a clock that only sleeping moves."""

from __future__ import annotations

from pathlib import Path

import pytest
from fleet_of_fakes import NEW, OLD, OTHER, Clock, FakeTarget, ignore, release

from tradewind.delivery.engine import Engine, Limits
from tradewind.delivery.repository import ReleaseRepository
from tradewind.records.records import FolderRecords


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def records(tmp_path: Path) -> FolderRecords:
    return FolderRecords(tmp_path)


@pytest.fixture
def engine(records: FolderRecords, clock: Clock) -> Engine:
    """An environment that runs OLD, as its records say."""
    for image in (OLD, NEW, OTHER):
        ReleaseRepository("dev", records).keep(release(image))
    made = Engine(ReleaseRepository("dev", records), FakeTarget(OLD), Limits(), clock, clock.sleep)
    made.deploy(release(OLD), ignore)
    return made
