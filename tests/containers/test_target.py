"""The contract of targets, tested on the real platform of this machine."""

from __future__ import annotations

import time

import pytest
from running import Running
from shop import Shop
from target_contract import Case, TargetContract

from tradewind.images.builder import Podman
from tradewind.local import controller_records
from tradewind.local.paths import StateDirectory
from tradewind.local.platform import Platform
from tradewind.releases.dag_files import DagFiles
from tradewind.releases.local_target import LocalTarget
from tradewind.releases.worker_pools import WorkerPools

pytestmark = [pytest.mark.containers, pytest.mark.xdist_group("containers")]


class TestLocal(TargetContract):
    @pytest.fixture
    def case(self, shop: Shop, platform: Running) -> Case:
        images = shop.images()
        state_dir = StateDirectory(platform.folder / ".tradewind")
        asked = controller_records.records(state_dir)
        pools, dag_files = WorkerPools(asked, "local"), DagFiles(asked, "local")
        target = LocalTarget(Platform(state_dir), Podman("podman").fetch, pools, dag_files)
        case = Case(
            target,
            "flower",
            images["flower"],
            shop.variant(images["flower"], "--label", "contract=1"),
            shop.variant(images["flower"], "--entrypoint", '["false"]'),
            "migrate-db",
            shop.variant(images["scheduler"], "--label", "contract=1"),
            lambda: time.sleep(0.5),
        )
        case.bring(case.service, case.old)  # other tests may have left another image
        return case
