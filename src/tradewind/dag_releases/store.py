"""Where releases of DAG files are kept, apart from where they are served: made once, put in force in many places."""

from __future__ import annotations

import json
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from tradewind.dag_releases.manifest import DagRelease, is_id
from tradewind.dag_releases.shared_folder import check
from tradewind.errors import TradewindError
from tradewind.storage.atomic import atomic_write


class Store(Protocol):
    """Keeps files by their names. What has been kept never changes."""

    def keep(self, file: Path) -> None:
        """Keep a file under its name; nothing is done where there is one. TradewindError where that fails."""

    def fetch(self, name: str, to: Path) -> bool:
        """Write what is kept under a name to ``to``; whether there is anything. TradewindError where that fails."""


class FolderStore:
    """See Store: a folder, which may be on another machine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def keep(self, file: Path) -> None:
        """See Store."""
        place = self.folder / file.name
        try:
            if not place.exists():
                self.folder.mkdir(parents=True, exist_ok=True)
                with atomic_write(place) as draft:
                    shutil.copyfile(file, draft)
                    draft.chmod(0o644)
        except OSError as error:
            raise TradewindError(f"{place} cannot be written", str(error.strerror or error)) from error

    def fetch(self, name: str, to: Path) -> bool:
        """See Store."""
        try:
            shutil.copyfile(self.folder / name, to)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise TradewindError(f"{self.folder / name} cannot be read", str(error.strerror or error)) from error
        return True


def files(folder: Path, release: str) -> tuple[Path, Path]:
    """Where the archive and the manifest of a release are in a folder."""
    return folder / f"{release}.zip", folder / f"{release}.json"


def put(store: Store, archive: Path, manifest: Path) -> None:
    """Keep a release. The manifest is last: what has one is whole."""
    store.keep(archive)
    store.keep(manifest)


def bring(store: Store, release: str, folder: Path) -> DagRelease:
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
