"""The manifest of a DAG release, which is named by its content."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tradewind.errors import TradewindError
from tradewind.storage.atomic import read as read_file

VERSION = 1
_ID = re.compile(r"d-[0-9a-f]{16}")


@dataclass(frozen=True)
class Origin:
    """The source of a release: a commit, or a folder if there is none. ``dirty``: the files differ from the commit."""

    commit: str | None = None
    dirty: bool = False
    author: str | None = None
    subject: str | None = None


@dataclass(frozen=True)
class Entry:
    """A file in the manifest; ``size`` in bytes."""

    sha256: str
    size: int
    executable: bool = False


@dataclass(frozen=True)
class DagRelease:
    """A DAG release, as its manifest describes it.

    ``imports`` maps Python files to the files of the release that they import directly. ``dynamic``: Python files whose
    imports cannot all be read from their code. ``dags`` maps Python files to the ids of their DAGs, as far as the ids
    are literals in the code.
    """

    files: Mapping[str, Entry]
    imports: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    dynamic: frozenset[str] = frozenset()
    dags: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    origin: Origin = field(default=Origin(), compare=False)
    created: str = field(default="", compare=False)

    @property
    def id(self) -> str:
        """The name, a hash of the files. Origin and time have no influence."""
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
            "dynamic": sorted(self.dynamic),
            "dags": {path: list(ids) for path, ids in self.dags.items()},
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> DagRelease:
        """Read a manifest. TradewindError if it is not a manifest, or its content does not match its id."""
        try:
            made = cls(
                {path: Entry(str(d), int(s), bool(x)) for path, (d, s, x) in sorted(document["files"].items())},
                {path: tuple(targets) for path, targets in document["imports"].items()},
                frozenset(document["dynamic"]),
                {path: tuple(ids) for path, ids in document.get("dags", {}).items()},
                Origin(document["commit"], bool(document["dirty"]), document["author"], document["subject"]),
                document["created"],
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise TradewindError("this is not the manifest of a DAG release", repr(error)) from error
        if made.id != document.get("id"):
            raise TradewindError(
                "the manifest is damaged", f"its id is {document.get('id')}, and its files have the id {made.id}"
            )
        named = {*made.imports, *made.dynamic, *made.dags, *(path for paths in made.imports.values() for path in paths)}
        if unknown := named - set(made.files):
            raise TradewindError(
                "the manifest is damaged", f"it describes {min(unknown)!r}, which is not in its list of files"
            )
        outside = [path for path in made.files if {"", ".", ".."} & {*path.split("/")}]
        if outside:
            raise TradewindError("the manifest is refused", f"{outside[0]!r} leaves the folder")
        return made

    @classmethod
    def read(cls, path: Path) -> DagRelease:
        """Read a manifest from its file. TradewindError if it is missing, is no manifest, or has another id."""
        try:
            document = json.loads(read_file(path))
        except FileNotFoundError:
            raise TradewindError(f"there is no DAG release {path.stem}", f"looked for {path}") from None
        except (OSError, ValueError) as error:
            raise TradewindError(f"the manifest {path} cannot be read", str(error)) from error
        made = cls.from_dict(document)
        if made.id != path.stem:
            raise TradewindError(f"the manifest {path} is damaged", f"it belongs to {made.id}")
        return made


def is_id(text: str) -> bool:
    """Whether a text is a valid name of a release, and so a file name that leads to no other folder."""
    return bool(_ID.fullmatch(text))
