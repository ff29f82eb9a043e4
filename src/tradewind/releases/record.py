"""The record of a release: images, DAG files and the hash of their configuration, identified by content. Pure."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tradewind.errors import ExitCode, TradewindError

VERSION = 2
READ = (1, 2)
"""Version 1 had only images."""
_DIGEST = re.compile(r"(.+@)?sha256:[0-9a-f]{64}")


@dataclass(frozen=True)
class Release:
    """A release, which is deployed and promoted as a whole.

    ``images`` maps each component to its image, by digest. ``dags`` is the DAG release; if it is empty, the active one
    stays. ``configuration`` is the hash of the configuration that the release was made with, ``commit`` the commit of
    the configuration; each is empty if unknown. ``parent`` is the release that this one was made from, ``created`` a
    time (ISO 8601, UTC). The id is a hash of images, DAG files and configuration. So the same content is the same
    release, whatever its author and its time.
    """

    images: Mapping[str, str]
    dags: str = ""
    configuration: str = ""
    commit: str = ""
    parent: str = ""
    author: str = ""
    created: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        wrong = [f"{name}: {image}" for name, image in self.images.items() if not has_digest(image)]
        if wrong:
            raise TradewindError(
                "the images of a release need a digest", "; ".join(wrong), "tradewind images push", code=ExitCode.USAGE
            )

    @property
    def id(self) -> str:
        """``r-`` and 12 hexadecimal digits."""
        content = {"images": dict(self.images), "configuration": self.configuration, "dags": self.dags}
        return "r-" + hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]

    def as_dict(self) -> dict[str, Any]:
        """The record, and the public ``--json`` format; see docs/reference/json.md."""
        return {
            "version": VERSION,
            "id": self.id,
            "parent": self.parent,
            "images": dict(self.images),
            "dags": self.dags,
            "configuration": self.configuration,
            "commit": self.commit,
            "author": self.author,
            "created": self.created,
            "note": self.note,
        }

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Release:
        """Read a record. Raises TradewindError if its content does not match its id."""
        try:
            known = {name: record[name] for name in ("images", "parent", "author", "created", "note")}
            later = {name: record.get(name, "") for name in ("dags", "configuration", "commit")}
            found = cls(**known, **later)
            right = record["version"] in READ and record["id"] == found.id
        except (KeyError, TypeError):
            right = False
        if not right:
            raise TradewindError("a release record was changed, or comes from another version of tradewind")
        return found


def has_digest(image: str) -> bool:
    """Whether the name of an image contains its digest."""
    return bool(_DIGEST.fullmatch(image))
