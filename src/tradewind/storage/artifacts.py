"""Immutable files that are stored by name: made once, used in many places."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Protocol

from tradewind.errors import TradewindError
from tradewind.storage.atomic import atomic_write


class ArtifactStore(Protocol):
    """Stores files by name. A stored file never changes."""

    def keep(self, file: Path) -> None:
        """Store a file under its name, unless the name exists. TradewindError if that fails."""

    def fetch(self, name: str, to: Path) -> bool:
        """Write the file with a name to ``to``. Returns whether it exists. TradewindError if that fails."""


class FolderArtifacts:
    """See ArtifactStore: a folder, which may be on another machine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def keep(self, file: Path) -> None:
        """See ArtifactStore."""
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
        """See ArtifactStore."""
        try:
            shutil.copyfile(self.folder / name, to)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise TradewindError(f"{self.folder / name} cannot be read", str(error.strerror or error)) from error
        return True
