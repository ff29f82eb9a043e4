"""Builds an immutable DAG release: a manifest, named by its content, and an archive.

The archive is a ZIP without compression, with sorted entries and fixed times. The same files give the same bytes on
every machine and with every version of zlib. One file can be read without the others. The unpacked files are as large
as the archive.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tradewind import __version__
from tradewind.dag_releases.manifest import DagRelease, Entry
from tradewind.dag_releases.shared_folder import check
from tradewind.dag_releases.store import files
from tradewind.dags import imports
from tradewind.dags.imports import Code
from tradewind.dags.source import Source
from tradewind.dags.tree import File, Tree, collect
from tradewind.errors import TradewindError
from tradewind.storage.atomic import atomic_write

_REMEMBERED = 100
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a ZIP can contain

Read = Callable[[str, bytes], Code]
"""Reads the imports of a file, given its digest and its content: ``imports.read``, or a cache of it."""


def describe(tree: Tree, created: str, read: Read = lambda _digest, content: imports.read(content)) -> DagRelease:
    """The manifest of these files. ``created``: ISO 8601."""
    entries = {path: _entry(file) for path, file in sorted(tree.files.items())}
    codes = {path: read(e.sha256, tree.files[path].content) for path, e in entries.items() if path.endswith(".py")}
    resolved = {path: imports.resolve(path, code.names, entries) for path, code in codes.items()}
    imported = {path: targets for path, targets in resolved.items() if targets}
    dynamic = frozenset(path for path, code in codes.items() if imports.DYNAMIC in code.names)
    dags = {path: code.dags for path, code in codes.items() if code.dags}
    return DagRelease(entries, imported, dynamic, dags, tree.origin, created)


def make(source: Source, folder: Path) -> tuple[DagRelease, Path, Path]:
    """Build a release of a source in ``folder``; return the release, its archive and its manifest.

    If ``folder`` has the release of a git tree already, with an unchanged archive, the tree is not read again.
    """
    name = source.name()
    made = _Made(folder / ".made.json")
    if name and (found := made.release(name, folder)):
        found[2].touch()
        return found
    release, archive, manifest = build(collect(source), folder)
    manifest.touch()  # it may be an old one, and ``forget`` sorts by this time
    if name:
        made.keep(name, release.id, archive)
    return release, archive, manifest


def forget(folder: Path, keep: int) -> None:
    """Remove the releases in ``folder``, except the ``keep`` that were requested last."""
    made = sorted(folder.glob("d-*.json"), key=lambda manifest: manifest.stat().st_mtime_ns, reverse=True)
    for manifest in made[keep:]:
        for file in files(folder, manifest.stem):
            file.unlink(missing_ok=True)


class _Made:
    """Which release was built from which git tree, kept in a file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[str, list[Any]] = {}
        try:
            document = json.loads(path.read_text())
            self._known = dict(document["made"]) if document["version"] == __version__ else {}
        except (OSError, ValueError, KeyError, TypeError):
            return  # then the trees are read again

    def release(self, name: str, folder: Path) -> tuple[DagRelease, Path, Path] | None:
        """The release of this tree; None if there is none, or if its archive was changed."""
        try:
            release, *stamp = self._known[name]
            archive, manifest = files(folder, release)
            if stamp != _stamp(archive):
                return None
            return DagRelease.read(manifest), archive, manifest
        except (KeyError, ValueError, TypeError, OSError, TradewindError):
            return None

    def keep(self, name: str, release: str, archive: Path) -> None:
        """Record this release, and keep the records of the latest ones."""
        self._known.pop(name, None)
        latest = [*self._known.items(), (name, [release, *_stamp(archive)])][-_REMEMBERED:]
        with atomic_write(self._path) as draft:
            draft.write_text(json.dumps({"version": __version__, "made": dict(latest)}))


def _stamp(archive: Path) -> list[int]:
    about = archive.stat()
    return [about.st_ino, about.st_size, about.st_mtime_ns]


def build(tree: Tree, folder: Path) -> tuple[DagRelease, Path, Path]:
    """Build a release of these files in ``folder``; return the release, its archive and its manifest."""
    folder.mkdir(parents=True, exist_ok=True)
    remembered = imports.Remembered(folder / ".imports.json")
    release = describe(tree, datetime.now(UTC).isoformat(timespec="seconds"), remembered)
    archive, manifest = write(release, tree, folder)
    remembered.save()
    return release, archive, manifest


def write(release: DagRelease, tree: Tree, folder: Path) -> tuple[Path, Path]:
    """Write manifest and archive into ``folder``; return their paths. Each file appears whole, the manifest last.

    An existing release that is whole stays as it is: it has the same files.
    """
    archive, manifest = files(folder, release.id)
    if manifest.exists():
        with suppress(TradewindError, OSError):
            check(DagRelease.read(manifest), archive)
            return archive, manifest
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_write(archive) as draft:
        pack(tree, draft)
        draft.chmod(0o644)  # containers read it as another user
    with atomic_write(manifest) as draft:
        draft.write_text(json.dumps(release.as_dict(), sort_keys=True) + "\n")
        draft.chmod(0o644)
    return archive, manifest


def pack(tree: Tree, path: Path) -> None:
    """Write the archive of these files."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, file in sorted(tree.files.items()):
            about = zipfile.ZipInfo(name, _EPOCH)
            about.create_system = 3  # Unix, on every platform
            about.external_attr = (0o100755 if file.executable else 0o100644) << 16
            archive.writestr(about, file.content)


def _entry(file: File) -> Entry:
    return Entry(hashlib.sha256(file.content).hexdigest(), len(file.content), file.executable)
