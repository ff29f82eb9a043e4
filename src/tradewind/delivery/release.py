"""The record of a release: everything that runs in an environment, named by its content. Pure."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tradewind.errors import ExitCode, TradewindError

VERSION = 1
_DIGEST = re.compile(r"(.+@)?sha256:[0-9a-f]{64}")


@dataclass(frozen=True)
class Release:
    """What is deployed and promoted as one.

    ``images`` maps each component to its image, by digest. ``configuration`` is a hash of what the environment's
    services are given. ``parent`` is the release that this one was made from, ``created`` a time (ISO 8601, UTC).
    The id is a hash of the content, so that the same content is the same release, whoever made it and when.
    """

    images: Mapping[str, str]
    configuration: str = ""
    dags: str = ""
    parent: str = ""
    author: str = ""
    created: str = ""
    note: str = ""
    evidence: tuple[Mapping[str, Any], ...] = field(default=())

    def __post_init__(self) -> None:
        wrong = [f"{name}: {image}" for name, image in self.images.items() if not _DIGEST.fullmatch(image)]
        if wrong:
            raise TradewindError(
                "a release names images by digest", "; ".join(wrong), "tradewind images push", code=ExitCode.USAGE
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
            "configuration": self.configuration,
            "dags": self.dags,
            "author": self.author,
            "created": self.created,
            "note": self.note,
            "evidence": [dict(entry) for entry in self.evidence],
        }

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Release:
        """Read a record. TradewindError where it is not what its id says."""
        fields = ("images", "configuration", "dags", "parent", "author", "created", "note")
        try:
            found = cls(**{name: record[name] for name in fields}, evidence=tuple(record["evidence"]))
            right = record["version"] == VERSION and record["id"] == found.id
        except (KeyError, TypeError):
            right = False
        if not right:
            raise TradewindError("a release record was changed, or comes from another version of tradewind")
        return found
