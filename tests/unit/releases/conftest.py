"""An environment in memory, its records, and a clock that moves only by sleep; and one on the emulator of ECS."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from ecs_world import World
from fleet_of_fakes import NEW, OLD, OTHER, Clock, FakeTarget, ignore, release
from moto import mock_aws

from tradewind.releases.repository import ReleaseRepository
from tradewind.releases.rollout import Limits, Rollout
from tradewind.storage.records import FolderRecords


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def records(tmp_path: Path) -> FolderRecords:
    return FolderRecords(tmp_path)


@pytest.fixture
def rollout(records: FolderRecords, clock: Clock) -> Rollout:
    """A rollout of an environment that runs OLD, with matching records."""
    for image in (OLD, NEW, OTHER):
        ReleaseRepository("dev", records).keep(release(image))
    made = Rollout(ReleaseRepository("dev", records), FakeTarget(OLD), Limits(), clock, clock.sleep)
    made.deploy(release(OLD), ignore)
    return made


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        yield World(tmp_path)
