"""Writes one immutable set of DAG files: a manifest, named by its content, and an archive.

The archive is a ZIP without compression, sorted, without times: the same files are the same bytes on every machine and
with every version of zlib, one file can be read without the others, and what it unpacks to is as large as it is.
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
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest that a ZIP can say

Read = Callable[[str, bytes], Code]
"""From the digest and the content of a file to what is read from it (``imports.read``, or somebody who remembers)."""


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
    """Make a release of what a source has, in ``folder``: it, its archive, its manifest.

    A tree of git that a release is here of already is not read again, as long as nobody has touched the archive.
    """
    name = source.name()
    made = _Made(folder / ".made.json")
    if name and (found := made.release(name, folder)):
        found[2].touch()
        return found
    release, archive, manifest = build(collect(source), folder)
    manifest.touch()  # it may be an old one; ``forget`` goes by it
    if name:
        made.keep(name, release.id, archive)
    return release, archive, manifest


def forget(folder: Path, keep: int) -> None:
    """Remove what was made in ``folder``, but the ``keep`` that were asked for last."""
    made = sorted(folder.glob("d-*.json"), key=lambda manifest: manifest.stat().st_mtime_ns, reverse=True)
    for manifest in made[keep:]:
        for file in files(folder, manifest.stem):
            file.unlink(missing_ok=True)


class _Made:
    """Which release was made of which tree of git, kept in a file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[str, list[Any]] = {}
        try:
            document = json.loads(path.read_text())
            self._known = dict(document["made"]) if document["version"] == __version__ else {}
        except (OSError, ValueError, KeyError, TypeError):
            return  # nothing is lost but time

    def release(self, name: str, folder: Path) -> tuple[DagRelease, Path, Path] | None:
        """The release of this tree, if it is here as it was made."""
        try:
            release, *stamp = self._known[name]
            archive, manifest = files(folder, release)
            if stamp != _stamp(archive):
                return None
            return DagRelease.read(manifest), archive, manifest
        except (KeyError, ValueError, TypeError, OSError, TradewindError):
            return None

    def keep(self, name: str, release: str, archive: Path) -> None:
        """Remember it, and the last few others."""
        self._known.pop(name, None)
        latest = [*self._known.items(), (name, [release, *_stamp(archive)])][-_REMEMBERED:]
        with atomic_write(self._path) as draft:
            draft.write_text(json.dumps({"version": __version__, "made": dict(latest)}))


def _stamp(archive: Path) -> list[int]:
    about = archive.stat()
    return [about.st_ino, about.st_size, about.st_mtime_ns]


def build(tree: Tree, folder: Path) -> tuple[DagRelease, Path, Path]:
    """Make a release of these files in ``folder``: it, its archive, its manifest."""
    folder.mkdir(parents=True, exist_ok=True)
    remembered = imports.Remembered(folder / ".imports.json")
    release = describe(tree, datetime.now(UTC).isoformat(timespec="seconds"), remembered)
    archive, manifest = write(release, tree, folder)
    remembered.save()
    return release, archive, manifest


def write(release: DagRelease, tree: Tree, folder: Path) -> tuple[Path, Path]:
    """Write manifest and archive into ``folder``; their paths. Each appears whole, the manifest last.

    A release that is there already, and whole, stays as it is: it has the same files.
    """
    archive, manifest = files(folder, release.id)
    if manifest.exists():
        with suppress(TradewindError, OSError):
            check(DagRelease.read(manifest), archive)
            return archive, manifest
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_write(archive) as draft:
        pack(tree, draft)
        draft.chmod(0o644)  # containers read it, as somebody else
    with atomic_write(manifest) as draft:
        draft.write_text(json.dumps(release.as_dict(), sort_keys=True) + "\n")
        draft.chmod(0o644)
    return archive, manifest


def pack(tree: Tree, path: Path) -> None:
    """Write the archive of these files."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, file in sorted(tree.files.items()):
            about = zipfile.ZipInfo(name, _EPOCH)
            about.create_system = 3  # Unix, also where this does not run on it
            about.external_attr = (0o100755 if file.executable else 0o100644) << 16
            archive.writestr(about, file.content)


def _entry(file: File) -> Entry:
    return Entry(hashlib.sha256(file.content).hexdigest(), len(file.content), file.executable)
