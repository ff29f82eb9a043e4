"""The DAG bundle class that Airflow loads. It serves the active release, and to each run the release of its start."""

from __future__ import annotations

import time
from collections import OrderedDict
from pathlib import Path
from typing import Any

from airflow.configuration import conf
from airflow.dag_processing.bundles.base import BaseDagBundle, BundleVersion

from tradewind.dag_releases.pointer import ActiveRelease
from tradewind.dag_releases.shared_folder import SharedFolder
from tradewind.errors import TradewindError
from tradewind.runtime.bundle.cache import KEPT, Cache, Held

_held: OrderedDict[Path, Held] = OrderedDict()
"""The releases that this process used last. Airflow drops bundle objects while their code still runs, in this process
or in a child of it."""
_HELD = 16
AGAIN_S = 30.0
"""Seconds until a release that could not be unpacked is tried again."""


class ReleaseBundle(BaseDagBundle):  # type: ignore[misc]
    """DAG releases of a shared folder (``current``, ``releases/``), unpacked to the local disk.

    Args:
        folder: the path of the shared folder for this process; ``[core] dags_folder`` when not given.
        keep: how many releases stay on the local disk.

    ``serves`` is the release in ``path``. The release of a run has the serial 0.
    """

    supports_versioning = True

    def __init__(self, *, folder: str | None = None, keep: int = KEPT, **others: Any) -> None:
        super().__init__(**others)
        self.shared = SharedFolder(Path(folder or conf.get("core", "dags_folder")))
        self.cache = Cache(self.shared, self.versions_dir, keep)
        self.serves = ActiveRelease(self.version, 0) if self.version else None
        self._path: Path | None = None
        self._failed = (0, 0.0)

    def initialize(self) -> None:
        """See BaseDagBundle."""
        if self.serves:
            self._take(self.serves)
        else:
            self.refresh()
        super().initialize()

    @property
    def path(self) -> Path:
        """See BaseDagBundle. An empty folder until there is a release."""
        if self._path is None:
            empty = Path(self.base_dir) / "none"
            empty.mkdir(parents=True, exist_ok=True)
            return empty
        return self._path

    def get_current_version(self) -> BundleVersion | None:
        """See BaseDagBundle. The version in ``path``; the pointer may have moved since."""
        return BundleVersion(self.serves.release) if self.serves else None

    def refresh(self) -> None:
        """See BaseDagBundle. Raises an error if the active release cannot be served; the served release stays.

        Also raises an error if there is no pointer: a file system that is not mounted looks like one without releases,
        and Airflow would remove all DAGs.
        """
        if self.version:
            raise TradewindError(f"{self.name} is pinned to the DAG release {self.version}")
        now = self.shared.active()
        if now is None:
            raise TradewindError(
                "no DAG release is active",
                f"there is no {self.shared.pointer}",
                "deploy a DAG release, or mount the file system",
            )
        try:
            self._take(now)
        except BaseException:
            self._failed = (now.serial, time.monotonic())
            raise

    def moved(self) -> bool:
        """Return whether the pointer names another release than the served one.

        If a release could not be served, it does not count for AGAIN_S seconds, so that the bundle does not retry all
        the time. Raises TradewindError or OSError if the pointer cannot be read.
        """
        now = self.shared.active()
        if now is None or (self.serves and now.serial == self.serves.serial):
            return False
        serial, when = self._failed
        return now.serial != serial or time.monotonic() - when > AGAIN_S

    def _take(self, now: ActiveRelease) -> None:
        held = self.cache.hold(now.release)
        self.serves, self._path = now, held.path
        _held[held.path] = held
        _held.move_to_end(held.path)
        while len(_held) > _HELD:
            _held.popitem(last=False)
