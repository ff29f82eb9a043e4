"""The folder on the shared file system that holds releases of DAG files and the pointer to the one in force.

    current              the pointer
    releases/ID.zip      the files
    releases/ID.json     the manifest, written after them: where it is, they are

Many read it. Whoever changes what is in force, or takes releases away, does it under ``deploying``.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import time
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tradewind.dag_releases import pointer
from tradewind.dag_releases.manifest import DagRelease, Entry, is_id
from tradewind.dag_releases.pointer import InForce
from tradewind.errors import ExitCode, TradewindError

POINTER = "current"
RELEASES = "releases"
FORGOTTEN_S = 24 * 3600.0
"""Nobody writes a release for a day."""
_DAMAGED = (zipfile.BadZipFile, zlib.error, KeyError, EOFError, RuntimeError)
"""What ``zipfile`` raises for an archive that is none, does not unpack, lacks a file or ends early; RuntimeError for
one that is encrypted, or compressed in a way that it does not know. Ours are neither."""


class BusyError(TradewindError):
    """Somebody else is deploying."""


@dataclass(frozen=True)
class SharedFolder:
    """See the module."""

    folder: Path

    @property
    def pointer(self) -> Path:
        """Where it stands which release is in force."""
        return self.folder / POINTER

    def archive(self, release: str) -> Path:
        """Where the files of a release are."""
        return self.folder / RELEASES / f"{release}.zip"

    def manifest(self, release: str) -> Path:
        """Where the manifest of a release is."""
        return self.folder / RELEASES / f"{release}.json"

    def in_force(self) -> InForce | None:
        """What the pointer says now. TradewindError or OSError where that cannot be known."""
        return pointer.read(self.pointer)

    def read(self, release: str) -> DagRelease:
        """The manifest of a release. TradewindError where it is not there."""
        if not is_id(release):
            raise TradewindError(f"{release!r} is no name of a DAG release", hint="tradewind dags list ENV")
        return DagRelease.read(self.manifest(release))

    def releases(self) -> list[DagRelease]:
        """All that are there, the newest first; without those whose manifest is damaged."""
        found = []
        for path in (self.folder / RELEASES).glob("d-*.json"):
            with suppress(TradewindError):
                if is_id(path.stem):
                    found.append(DagRelease.read(path))
        return sorted(found, key=lambda release: (release.created, release.id), reverse=True)

    def before(self) -> str:
        """The release that was in force before the one that is. TradewindError where there was none."""
        now = self.in_force()
        if now is None or now.before is None:
            raise TradewindError("there is no earlier DAG release", hint="tradewind dags list ENV", code=ExitCode.USAGE)
        return now.before

    def activate(self, release: str) -> InForce:
        """Put a release in force that is here. What is in force already stays so, with its time.

        Raises:
            TradewindError: it is not here, or damaged, or the pointer cannot be written.
        """
        try:
            check(self.read(release), self.archive(release))
        except OSError as error:
            raise TradewindError(f"the DAG release {release} cannot be read", str(error.strerror or error)) from error
        try:
            before = self.in_force()
        except TradewindError:
            before = None  # damaged; written anew below
        if before and before.release == release:
            return before
        try:
            return pointer.write(self.pointer, release, datetime.now(UTC).isoformat(timespec="milliseconds"))
        except OSError as error:
            raise TradewindError(f"{self.pointer} cannot be written", str(error.strerror or error)) from error

    def remove(self, release: str) -> None:
        """Take a release away. TradewindError where it is in force."""
        now = self.in_force()
        if now and now.release == release:
            raise TradewindError(f"the DAG release {release} is in force")
        self.manifest(release).unlink(missing_ok=True)  # first: without it nobody looks for the archive
        self.archive(release).unlink(missing_ok=True)

    def sweep(self) -> None:
        """Remove what deployments left that were killed long ago."""
        for draft in (self.folder / RELEASES).glob(".d-*"):
            with suppress(FileNotFoundError):
                if time.time() - draft.stat().st_mtime > FORGOTTEN_S:
                    draft.unlink()

    @contextmanager
    def deploying(self) -> Iterator[None]:
        """Alone for as long as this lasts. BusyError where somebody else is."""
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(self.folder / ".deploying", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise BusyError("another deployment of DAGs is under way", f"to {self.folder}") from None
            yield
        finally:
            os.close(lock)


def check(release: DagRelease, archive: Path) -> None:
    """TradewindError where the archive does not have exactly what the manifest says. OSError."""
    with opened(archive) as stored:
        for path, entry in release.files.items():
            extract(stored, path, entry)


@contextmanager
def opened(archive: Path) -> Iterator[zipfile.ZipFile]:
    """The archive of a release, to be read with ``extract``. TradewindError where it is missing or damaged. OSError."""
    try:
        with zipfile.ZipFile(archive) as stored:
            yield stored
    except FileNotFoundError:
        raise TradewindError(f"the DAG release {archive.stem} has no archive", f"looked for {archive}") from None
    except _DAMAGED as error:
        raise TradewindError(f"the archive {archive} is damaged", str(error)) from error


def extract(archive: zipfile.ZipFile, path: str, entry: Entry) -> bytes:
    """The content of one file. TradewindError where it is not what the manifest says; else see ``opened``."""
    # Before it is read: what unpacks to gigabytes is never unpacked.
    if archive.getinfo(path).file_size != entry.size:
        raise TradewindError(f"the archive {archive.filename} is damaged", f"{path} has another size")
    with archive.open(path) as stream:
        content = stream.read(entry.size)
    if hashlib.sha256(content).hexdigest() != entry.sha256:
        raise TradewindError(f"the archive {archive.filename} is damaged", f"{path} has another checksum")
    return content
