"""DAG releases in an artifact store, from which they are copied to the folders that serve them."""

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
    """The paths of the archive and the manifest of a release in a folder."""
    return folder / f"{release}.zip", folder / f"{release}.json"


def put(store: ArtifactStore, archive: Path, manifest: Path) -> None:
    """Store a release. The manifest is written last: a release with a manifest is complete."""
    store.keep(archive)
    store.keep(manifest)


def has(store: ArtifactStore, release: str) -> bool:
    """Whether a store has a release."""
    with TemporaryDirectory() as folder:
        _, manifest = files(Path(folder), release)
        return store.fetch(manifest.name, manifest)


def bring(store: ArtifactStore, release: str, folder: Path) -> DagRelease:
    """Copy a release from the store to ``folder``, where it appears complete and checked, the manifest last.

    Raises:
        TradewindError: there is no such release, it is damaged, or it cannot be written.
    """
    if not is_id(release):
        raise TradewindError(f"{release!r} is not the name of a DAG release", hint="tradewind dags build prints it")
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
        ):  # they end in reverse order: the archive appears first
            for name, draft in ((manifest.name, about), (archive.name, content)):
                if not store.fetch(name, draft):
                    raise TradewindError(f"the DAG release {release} is not in the store", f"it has no {name}")
                draft.chmod(0o644)  # containers read it as another user
            found = DagRelease.from_dict(json.loads(about.read_bytes()))
            check(found, content)
            if found.id != release:
                raise TradewindError(f"the store has {found.id} under the name {release}")
    except ValueError as error:
        raise TradewindError(f"the manifest of {release} in the store is damaged", str(error)) from error
    except OSError as error:
        raise TradewindError(f"the DAG release {release} cannot be copied to {folder}", str(error)) from error
    return found
