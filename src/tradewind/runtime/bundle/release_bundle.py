"""The DAG bundle class that Airflow loads: serves the release in force, and to each run the one it started with."""

from __future__ import annotations

import time
from collections import OrderedDict
from pathlib import Path
from typing import Any

from airflow.configuration import conf
from airflow.dag_processing.bundles.base import BaseDagBundle, BundleVersion

from tradewind.dag_releases.pointer import InForce
from tradewind.dag_releases.shared_folder import SharedFolder
from tradewind.errors import TradewindError
from tradewind.runtime.bundle.cache import KEPT, Cache, Held

_held: OrderedDict[Path, Held] = OrderedDict()
"""What this process used last. Airflow drops bundle objects while code of theirs still runs, in this process or in a
child of it."""
_HELD = 16
AGAIN_S = 30.0
"""Until a release that could not be unpacked is tried again."""


class ReleaseBundle(BaseDagBundle):  # type: ignore[misc]
    """DAG releases of a shared folder (``current``, ``releases/``), unpacked to the local disk.

    Args:
        folder: the shared folder, as this process sees it; ``[core] dags_folder`` when not given.
        keep: how many releases stay on the local disk.

    ``serves`` is what ``path`` has; a run's own release has the serial 0.
    """

    supports_versioning = True

    def __init__(self, *, folder: str | None = None, keep: int = KEPT, **others: Any) -> None:
        super().__init__(**others)
        self.shared = SharedFolder(Path(folder or conf.get("core", "dags_folder")))
        self.cache = Cache(self.shared, self.versions_dir, keep)
        self.serves = InForce(self.version, 0) if self.version else None
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
        """See BaseDagBundle. Before there is a release: an empty folder."""
        if self._path is None:
            empty = Path(self.base_dir) / "none"
            empty.mkdir(parents=True, exist_ok=True)
            return empty
        return self._path

    def get_current_version(self) -> BundleVersion | None:
        """See BaseDagBundle: what ``path`` has, which the pointer may have left behind since."""
        return BundleVersion(self.serves.release) if self.serves else None

    def refresh(self) -> None:
        """See BaseDagBundle. Raises where there is no way to serve what is in force; what was served stays.

        Without a pointer, too: a file system that is not mounted looks like one without releases. All DAGs would go.
        """
        if self.version:
            raise TradewindError(f"{self.name} is pinned to the DAG release {self.version}")
        now = self.shared.in_force()
        if now is None:
            raise TradewindError(
                "no DAG release is in force",
                f"there is no {self.shared.pointer}",
                "deploy one, or mount the file system",
            )
        try:
            self._take(now)
        except BaseException:
            self._failed = (now.serial, time.monotonic())
            raise

    def moved(self) -> bool:
        """Whether the pointer says something else than what is served. TradewindError, OSError: it cannot be known.

        For a while, what could not be served does not count: what is served goes on, instead of endless trying.
        """
        now = self.shared.in_force()
        if now is None or (self.serves and now.serial == self.serves.serial):
            return False
        serial, when = self._failed
        return now.serial != serial or time.monotonic() - when > AGAIN_S

    def _take(self, now: InForce) -> None:
        held = self.cache.hold(now.release)
        self.serves, self._path = now, held.path
        _held[held.path] = held
        _held.move_to_end(held.path)
        while len(_held) > _HELD:
            _held.popitem(last=False)
