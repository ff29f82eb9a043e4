"""Where a release has a DAG. Airflow knows only the newest place, and looks there in the release that a run has."""

from __future__ import annotations

from functools import lru_cache

from airflow.dag_processing.bundles.manager import DagBundlesManager

from tradewind.dag_releases.manifest import DagRelease
from tradewind.errors import TradewindError
from tradewind.runtime.bundle.release_bundle import ReleaseBundle


def place(release: DagRelease, dag: str, newest: str) -> str:
    """The file of the release with this DAG; ``newest`` where it is that, or where nobody can tell from the code."""
    if dag in release.dags.get(newest, ()):
        return newest
    return next((path for path, dags in release.dags.items() if dag in dags), newest)


def place_in(bundle: str, release: str | None, dag: str, newest: str) -> str:
    """The same for a release of a bundle, by their names; ``newest`` where it is no release, or cannot be read."""
    if not release:
        return newest
    try:
        return place(_manifest(bundle, release), dag, newest)
    except (TradewindError, OSError, ValueError):
        return newest  # whoever needs the release says what is wrong with it


@lru_cache(maxsize=4)
def _manifest(bundle: str, release: str) -> DagRelease:
    found = DagBundlesManager().get_bundle(bundle, release)
    if not isinstance(found, ReleaseBundle):
        raise TradewindError(f"{bundle} has no releases")
    read = found.cache.manifest(release)
    # It stays in the memory of each process that runs tasks, and this is what they ask for.
    return DagRelease({}, dags=read.dags)
