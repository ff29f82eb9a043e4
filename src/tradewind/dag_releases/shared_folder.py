"""The folder on the shared file system that holds DAG releases and the pointer to the active one.

    current              the pointer
    releases/ID.zip      the files
    releases/ID.json     the manifest, written after the files: if it exists, they exist

Many processes read the folder. A process that changes the pointer, or removes releases, holds ``deploying``.
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
from tradewind.dag_releases.pointer import ActiveRelease
from tradewind.errors import ExitCode, TradewindError

POINTER = "current"
RELEASES = "releases"
FORGOTTEN_S = 24 * 3600.0
"""A draft of a release that is older than this was abandoned."""
_DAMAGED = (zipfile.BadZipFile, zlib.error, KeyError, EOFError, RuntimeError)
"""The errors of ``zipfile`` for a file that is no archive, does not unpack, lacks a file or ends early. RuntimeError is
for an encrypted archive or an unknown compression, which our archives never have."""


class BusyError(TradewindError):
    """Another process is deploying."""


@dataclass(frozen=True)
class SharedFolder:
    """The folder with DAG releases; see the module."""

    folder: Path

    @property
    def pointer(self) -> Path:
        """The path of the pointer to the active release."""
        return self.folder / POINTER

    def archive(self, release: str) -> Path:
        """The path of the archive with the files of a release."""
        return self.folder / RELEASES / f"{release}.zip"

    def manifest(self, release: str) -> Path:
        """The path of the manifest of a release."""
        return self.folder / RELEASES / f"{release}.json"

    def active(self) -> ActiveRelease | None:
        """The content of the pointer. TradewindError or OSError if it cannot be read."""
        return pointer.read(self.pointer)

    def read(self, release: str) -> DagRelease:
        """The manifest of a release. TradewindError if it does not exist."""
        if not is_id(release):
            raise TradewindError(f"{release!r} is not the name of a DAG release", hint="tradewind dags list -e ENV")
        return DagRelease.read(self.manifest(release))

    def releases(self) -> list[DagRelease]:
        """All releases in the folder, the newest first, without releases whose manifest is damaged."""
        found = []
        for path in (self.folder / RELEASES).glob("d-*.json"):
            with suppress(TradewindError):
                if is_id(path.stem):
                    found.append(DagRelease.read(path))
        return sorted(found, key=lambda release: (release.created, release.id), reverse=True)

    def before(self) -> str:
        """The previous active release. TradewindError if there was none."""
        now = self.active()
        if now is None or now.before is None:
            raise TradewindError(
                "there is no earlier DAG release", hint="tradewind dags list -e ENV", code=ExitCode.USAGE
            )
        return now.before

    def activate(self, release: str) -> ActiveRelease:
        """Activate a release of this folder. If it is already active, nothing changes, and its time stays.

        Raises:
            TradewindError: it does not exist, is damaged, or the pointer cannot be written.
        """
        try:
            check(self.read(release), self.archive(release))
        except OSError as error:
            raise TradewindError(f"the DAG release {release} cannot be read", str(error.strerror or error)) from error
        try:
            before = self.active()
        except TradewindError:
            before = None  # the pointer is damaged, and written anew below
        if before and before.release == release:
            return before
        try:
            return pointer.write(self.pointer, release, datetime.now(UTC).isoformat(timespec="milliseconds"))
        except OSError as error:
            raise TradewindError(f"{self.pointer} cannot be written", str(error.strerror or error)) from error

    def remove(self, release: str) -> None:
        """Remove a release. TradewindError if it is active."""
        now = self.active()
        if now and now.release == release:
            raise TradewindError(f"the DAG release {release} cannot be removed", "it is active")
        self.manifest(release).unlink(missing_ok=True)  # first: without it, no process reads the archive
        self.archive(release).unlink(missing_ok=True)

    def sweep(self) -> None:
        """Remove the drafts of deployments that were killed long ago."""
        for draft in (self.folder / RELEASES).glob(".d-*"):
            with suppress(FileNotFoundError):
                if time.time() - draft.stat().st_mtime > FORGOTTEN_S:
                    draft.unlink()

    @contextmanager
    def deploying(self) -> Iterator[None]:
        """Hold the lock of the folder. BusyError if another process holds it."""
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
    """Check the archive. TradewindError if it does not match the manifest exactly; OSError if it cannot be read."""
    with opened(archive) as stored:
        for path, entry in release.files.items():
            extract(stored, path, entry)


@contextmanager
def opened(archive: Path) -> Iterator[zipfile.ZipFile]:
    """Open an archive, to read it with ``extract``.

    Raises:
        TradewindError: it is missing or damaged.
        OSError: it cannot be read.
    """
    try:
        with zipfile.ZipFile(archive) as stored:
            yield stored
    except FileNotFoundError:
        raise TradewindError(f"the DAG release {archive.stem} has no archive", f"looked for {archive}") from None
    except _DAMAGED as error:
        raise TradewindError(f"the archive {archive} is damaged", str(error)) from error


def extract(archive: zipfile.ZipFile, path: str, entry: Entry) -> bytes:
    """The content of one file. TradewindError if it does not match the manifest; other errors as in ``opened``."""
    # The size is checked first, so that an entry of gigabytes is never unpacked.
    if archive.getinfo(path).file_size != entry.size:
        raise TradewindError(f"the archive {archive.filename} is damaged", f"{path} has another size")
    with archive.open(path) as stream:
        content = stream.read(entry.size)
    if hashlib.sha256(content).hexdigest() != entry.sha256:
        raise TradewindError(f"the archive {archive.filename} is damaged", f"{path} has another checksum")
    return content
