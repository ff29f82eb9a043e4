"""Releases of DAG files in an artifact store, apart from where they are served: kept, and brought from there."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from tradewind.dag_releases.manifest import DagRelease, is_id
from tradewind.dag_releases.shared_folder import check
from tradewind.errors import TradewindError
from tradewind.storage.artifacts import ArtifactStore
from tradewind.storage.atomic import atomic_write


def files(folder: Path, release: str) -> tuple[Path, Path]:
    """Where the archive and the manifest of a release are in a folder."""
    return folder / f"{release}.zip", folder / f"{release}.json"


def put(store: ArtifactStore, archive: Path, manifest: Path) -> None:
    """Keep a release. The manifest is last: what has one is whole."""
    store.keep(archive)
    store.keep(manifest)


def has(store: ArtifactStore, release: str) -> bool:
    """Whether a store has a release."""
    with TemporaryDirectory() as folder:
        _, manifest = files(Path(folder), release)
        return store.fetch(manifest.name, manifest)


def bring(store: ArtifactStore, release: str, folder: Path) -> DagRelease:
    """Bring a release from the store into ``folder``, where it appears whole and checked, the manifest last.

    Raises:
        TradewindError: there is no such release, it is damaged, or there is no room for it.
    """
    if not is_id(release):
        raise TradewindError(f"{release!r} is no name of a DAG release", hint="tradewind dags build prints it")
    archive, manifest = files(folder, release)
    with suppress(TradewindError, OSError):
        here = DagRelease.read(manifest)
        check(here, archive)
        return here
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (
            atomic_write(manifest) as about,
            atomic_write(archive) as content,
        ):  # the last one named is the first to be there
            for name, draft in ((manifest.name, about), (archive.name, content)):
                if not store.fetch(name, draft):
                    raise TradewindError(f"the DAG release {release} is not in the store", f"it has no {name}")
                draft.chmod(0o644)  # containers read it, as somebody else
            found = DagRelease.from_dict(json.loads(about.read_bytes()))
            check(found, content)
            if found.id != release:
                raise TradewindError(f"what the store has as {release} is {found.id}")
    except ValueError as error:
        raise TradewindError(f"the manifest of {release} in the store is damaged", str(error)) from error
    except OSError as error:
        raise TradewindError(f"the DAG release {release} cannot be brought to {folder}", str(error)) from error
    return found
