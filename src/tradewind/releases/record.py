"""The record of a release: the images that run in an environment, named by their content. Pure."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tradewind.errors import ExitCode, TradewindError

VERSION = 1
_DIGEST = re.compile(r"(.+@)?sha256:[0-9a-f]{64}")


@dataclass(frozen=True)
class Release:
    """What is deployed and promoted as one.

    ``images`` maps each component to its image, by digest. ``parent`` is the release that this one was made from,
    ``created`` a time (ISO 8601, UTC). The id is a hash of the content, so that the same content is the same release,
    whatever its author and its time.
    """

    images: Mapping[str, str]
    parent: str = ""
    author: str = ""
    created: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        wrong = [f"{name}: {image}" for name, image in self.images.items() if not _DIGEST.fullmatch(image)]
        if wrong:
            raise TradewindError(
                "a release names images by digest", "; ".join(wrong), "tradewind images push", code=ExitCode.USAGE
            )

    @property
    def id(self) -> str:
        """``r-`` and 12 hexadecimal digits."""
        # Records once had two more fields, always empty; releases that were made then keep their ids.
        content = {"images": dict(self.images), "configuration": "", "dags": ""}
        return "r-" + hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]

    def as_dict(self) -> dict[str, Any]:
        """The record, and the public ``--json`` format; see docs/reference/json.md."""
        return {
            "version": VERSION,
            "id": self.id,
            "parent": self.parent,
            "images": dict(self.images),
            "author": self.author,
            "created": self.created,
            "note": self.note,
        }

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Release:
        """Read a record. TradewindError where it is not what its id says."""
        try:
            found = cls(**{name: record[name] for name in ("images", "parent", "author", "created", "note")})
            right = record["version"] == VERSION and record["id"] == found.id
        except (KeyError, TypeError):
            right = False
        if not right:
            raise TradewindError("a release record was changed, or comes from another version of tradewind")
        return found
