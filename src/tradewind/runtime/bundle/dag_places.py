"""Find the file of a DAG in a release. Airflow knows only the newest file, and looks for it in the release of a run."""

from __future__ import annotations

from functools import lru_cache

from airflow.dag_processing.bundles.manager import DagBundlesManager

from tradewind.dag_releases.manifest import DagRelease
from tradewind.errors import TradewindError
from tradewind.runtime.bundle.release_bundle import ReleaseBundle


def place(release: DagRelease, dag: str, newest: str) -> str:
    """Return the file of the release that has this DAG. Returns ``newest`` if the code does not show the file."""
    if dag in release.dags.get(newest, ()):
        return newest
    return next((path for path, dags in release.dags.items() if dag in dags), newest)


def place_in(bundle: str, release: str | None, dag: str, newest: str) -> str:
    """Do the same for the names of a bundle and a release. Returns ``newest`` if the release cannot be read."""
    if not release:
        return newest
    try:
        return place(_manifest(bundle, release), dag, newest)
    except (TradewindError, OSError, ValueError):
        return newest  # the code that loads the release reports the error


@lru_cache(maxsize=4)
def _manifest(bundle: str, release: str) -> DagRelease:
    found = DagBundlesManager().get_bundle(bundle, release)
    if not isinstance(found, ReleaseBundle):
        raise TradewindError(f"{bundle} has no releases")
    read = found.cache.manifest(release)
    # The result stays in the memory of each process that runs tasks, so it has only the part that they need.
    return DagRelease({}, dags=read.dags)
