"""One immutable set of DAG files: a manifest, named by its content, and an archive.

The archive is a ZIP without compression, sorted, without times: the same files are the same bytes on every machine and
with every version of zlib, one file can be read without the others, and what it unpacks to is as large as it is.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tradewind.dags import imports
from tradewind.dags.source import Origin
from tradewind.dags.tree import File, Tree
from tradewind.dags.whole import whole
from tradewind.errors import TradewindError

VERSION = 1
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest that a ZIP can say

Names = Callable[[str, bytes], tuple[str, ...]]
"""From the digest and the content of a file to what it imports (``imports.names``, or somebody who remembers)."""


@dataclass(frozen=True)
class Entry:
    """A file as the manifest has it; ``size`` in bytes."""

    sha256: str
    size: int
    executable: bool = False


@dataclass(frozen=True)
class DagRelease:
    """The manifest. ``imports``: from Python files to the files of the release that they import themselves."""

    files: Mapping[str, Entry]
    imports: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    origin: Origin = field(default=Origin(), compare=False)
    created: str = field(default="", compare=False)

    @property
    def id(self) -> str:
        """Named by what is in it; where it came from, and when, does not matter."""
        content = {path: [entry.sha256, entry.executable] for path, entry in self.files.items()}
        return "d-" + hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]

    def as_dict(self) -> dict[str, Any]:
        """The manifest as it is written; see docs/reference/json.md."""
        return {
            "version": VERSION,
            "id": self.id,
            "created": self.created,
            "commit": self.origin.commit,
            "dirty": self.origin.dirty,
            "author": self.origin.author,
            "subject": self.origin.subject,
            "files": {path: [entry.sha256, entry.size, entry.executable] for path, entry in self.files.items()},
            "imports": {path: list(targets) for path, targets in self.imports.items()},
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> DagRelease:
        """Read a manifest. TradewindError where it is not one, or not what its name says."""
        try:
            made = cls(
                {path: Entry(str(d), int(s), bool(x)) for path, (d, s, x) in sorted(document["files"].items())},
                {path: tuple(targets) for path, targets in document["imports"].items()},
                Origin(document["commit"], bool(document["dirty"]), document["author"], document["subject"]),
                document["created"],
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise TradewindError("this is no manifest of a DAG release", repr(error)) from error
        if made.id != document.get("id"):
            raise TradewindError("the manifest is damaged", f"it says {document.get('id')}, and it is {made.id}")
        return made


def describe(tree: Tree, created: str, names: Names = lambda _digest, content: imports.names(content)) -> DagRelease:
    """The manifest of these files. ``created``: ISO 8601."""
    entries = {path: _entry(file) for path, file in sorted(tree.files.items())}
    imported = {
        path: targets
        for path, entry in entries.items()
        if path.endswith(".py")
        and (targets := imports.resolve(path, names(entry.sha256, tree.files[path].content), entries))
    }
    return DagRelease(entries, imported, tree.origin, created)


def write(release: DagRelease, tree: Tree, folder: Path) -> tuple[Path, Path]:
    """Write manifest and archive into ``folder``; their paths. Each appears whole, the manifest last.

    A release that is there already stays as it is: it has the same files.
    """
    archive, manifest = folder / f"{release.id}.zip", folder / f"{release.id}.json"
    if manifest.exists() and archive.exists():
        return archive, manifest
    folder.mkdir(parents=True, exist_ok=True)
    with whole(archive) as draft:
        pack(tree, draft)
    with whole(manifest) as draft:
        draft.write_text(json.dumps(release.as_dict(), sort_keys=True) + "\n")
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
