"""The contract of targets, held by the real platform of this machine."""

from __future__ import annotations

import time

import pytest
from running import Running
from shop import Shop
from target_contract import Case, TargetContract

from tradewind.images.builder import Podman
from tradewind.local.paths import Home
from tradewind.local.platform import Platform
from tradewind.releases.local_target import LocalTarget

pytestmark = [pytest.mark.containers, pytest.mark.xdist_group("containers")]


class TestLocal(TargetContract):
    @pytest.fixture
    def case(self, shop: Shop, platform: Running) -> Case:
        images = shop.images()
        target = LocalTarget(Platform(Home(platform.folder / ".tradewind")), Podman("podman").fetch)
        case = Case(
            target,
            "flower",
            images["flower"],
            shop.variant(images["flower"], "--label", "contract=1"),
            shop.variant(images["flower"], "--entrypoint", '["false"]'),
            "migrate",
            shop.variant(images["scheduler"], "--label", "contract=1"),
            lambda: time.sleep(0.5),
        )
        case.bring(case.service, case.old)  # whatever other tests have left
        return case
