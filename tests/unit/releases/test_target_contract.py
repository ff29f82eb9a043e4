"""The contract of targets, tested on the fake of the rollout's tests, and on the emulator of ECS."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from ecs_world import SERVICES, World, image, release
from fleet_of_fakes import FakeTarget
from moto import mock_aws
from target_contract import Case, TargetContract


class TestFake(TargetContract):
    @pytest.fixture
    def case(self) -> Case:
        old, new, broken = ("sha256:" + digit * 64 for digit in "123")
        target = FakeTarget(old, broken={broken})
        return Case(target, "flower", old, new, broken, "migrate-db", new, lambda: None)


class TestEcs(TargetContract):
    @pytest.fixture(params=["flower", "worker", "web"])
    def case(self, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Case]:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, "testing")
        with mock_aws():
            world = World(tmp_path)
            world.deploy(release(1))
            component = next(str(s.component) for s in SERVICES if s.name == request.param)
            world.ecs.broken = {image(3, component)}
            yield Case(
                world.rollout().target,
                request.param,
                image(1, component),
                image(2, component),
                image(3, component),
                "migrate-db",
                image(2),
                lambda: world.sleep(1),
            )
