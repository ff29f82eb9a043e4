"""A cache of DAG releases on the local disk, each unpacked once for all processes of one machine.

A release comes from its archive on the shared file system. Files that an earlier release has already are hard-linked,
so that a small change of 10,000 files costs little. A process that uses a release holds a lock on it, which the kernel
releases however the process ends. If there are too many releases, the least recently used one is removed first.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tradewind.dag_releases.manifest import DagRelease, Entry, is_id
from tradewind.dag_releases.shared_folder import SharedFolder, extract, opened
from tradewind.errors import TradewindError

KEPT = 8
"""The number of releases that stay on the local disk. Releases in use stay in any case."""
_TIME = 315_532_800_000_000_000  # ns: 1980, as in the archive. A file with another time was changed
_LOCKS = ".locks"


@dataclass
class Held:
    """A release on the local disk that stays there while this object lives. ``path`` is the folder of its files."""

    path: Path
    _lock: int

    def __del__(self) -> None:
        """Release the lock."""
        os.close(self._lock)


@dataclass(frozen=True)
class Cache:
    """Unpacks releases of the shared folder ``shared`` into folders below ``local``."""

    shared: SharedFolder
    local: Path
    kept: int = KEPT

    def manifest(self, release: str) -> DagRelease:
        """Read the manifest of a release. Raises TradewindError if the release does not exist or is damaged."""
        here = self._manifest(release)
        return DagRelease.read(here) if here.exists() else self.shared.read(release)

    def hold(self, release: str) -> Held:
        """Lock a release, and unpack it if that was not done yet.

        Raises:
            TradewindError: there is no such release, it is damaged, or there is no room for it.
        """
        if not is_id(release):
            raise TradewindError(f"{release!r} is not the name of a DAG release")
        place = self.local / release
        while True:
            lock = self._locked(release, fcntl.LOCK_SH)
            if place.is_dir():
                os.utime(self._manifest(release))  # when it was last used
                return Held(place, lock)
            os.close(lock)
            lock = self._locked(release, fcntl.LOCK_EX)
            try:
                if not place.is_dir():
                    self._unpack(release, place)
            except OSError as error:
                raise TradewindError(f"the DAG release {release} cannot be unpacked", str(error)) from error
            finally:
                os.close(lock)
            # Between the two locks, another process may have removed the release again.
            self._make_room()

    def _manifest(self, release: str) -> Path:
        return self.local / f"{release}.json"

    def _locked(self, release: str, kind: int) -> int:
        """Return a descriptor with a lock on this release. The loop is for lock files that were removed meanwhile."""
        folder = self.local / _LOCKS
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / release
        while True:
            lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(lock, kind)
                if path.stat().st_ino == os.fstat(lock).st_ino:
                    return lock
            except FileNotFoundError:
                pass
            except OSError:
                os.close(lock)
                raise
            os.close(lock)

    def _unpack(self, release: str, place: Path) -> None:
        manifest = self.shared.read(release)
        draft = place.with_name(f".{release}")  # under its lock
        shutil.rmtree(draft, ignore_errors=True)
        try:
            with self._another(release) as (other, known), opened(self.shared.archive(release)) as archive:
                for folder in {"", *(path.rpartition("/")[0] for path in manifest.files)}:
                    (draft / folder).mkdir(parents=True, exist_ok=True)
                for path, entry in manifest.files.items():
                    if known.get(path) != entry or not _linked(other / path, draft / path, entry):
                        _extract(archive, path, entry, draft / path)
            shutil.copyfile(self.shared.manifest(release), self._manifest(release))
            draft.rename(place)
        finally:
            shutil.rmtree(draft, ignore_errors=True)

    @contextmanager
    def _another(self, release: str) -> Iterator[tuple[Path, dict[str, Entry]]]:
        """Lock the release that was used last, and yield its folder and its files. No files if there is none."""
        for name in self._by_use():
            if name == release:
                continue
            try:
                lock = self._locked(name, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                continue  # to wait for one lock while holding another could wait forever
            try:
                if (self.local / name).is_dir():
                    yield self.local / name, dict(DagRelease.read(self._manifest(name)).files)
                    return
            finally:
                os.close(lock)
        yield self.local, {}

    def _by_use(self) -> list[str]:
        """Return the releases on this disk, the most recently used first."""
        found = []
        for path in self.local.glob("d-*.json"):
            with suppress(FileNotFoundError):  # another process removed it
                if is_id(path.stem):
                    found.append((path.stat().st_mtime_ns, path.stem))
        return [name for _, name in sorted(found, reverse=True)]

    def _make_room(self) -> None:
        drafts = [path.name[1:] for path in self.local.glob(".d-*") if is_id(path.name[1:])]  # left by killed processes
        for name in (*drafts, *self._by_use()[self.kept :]):
            try:
                lock = self._locked(name, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue  # in use
            try:
                shutil.rmtree(self.local / f".{name}", ignore_errors=True)
                if name in drafts:
                    continue
                away = self.local / f".away-{name}"
                shutil.rmtree(away, ignore_errors=True)  # left by a process that was killed at this point
                if (self.local / name).is_dir():
                    (self.local / name).rename(away)
                shutil.rmtree(away, ignore_errors=True)
                self._manifest(name).unlink(missing_ok=True)
                (self.local / _LOCKS / name).unlink(missing_ok=True)
            finally:
                os.close(lock)


def _linked(source: Path, target: Path, entry: Entry) -> bool:
    """Link ``target`` to ``source``, unless ``source`` was changed. Returns whether that was possible."""
    try:
        about = source.lstat()
        if about.st_mtime_ns != _TIME or about.st_size != entry.size:
            return False
        os.link(source, target)
    except OSError:
        return False  # the source was removed, or the file system allows no more links
    return True


def _extract(archive: zipfile.ZipFile, path: str, entry: Entry, target: Path) -> None:
    target.write_bytes(extract(archive, path, entry))
    target.chmod(0o555 if entry.executable else 0o444)
    os.utime(target, ns=(_TIME, _TIME))
