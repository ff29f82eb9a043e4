"""The pointer to the active DAG release: one small file on a shared file system, rewritten in place.

It is never replaced by renaming: an NFS client can cache a name for half a minute. A file that is opened anew shows the
last finished write (close-to-open consistency). The file has two halves, written in turn, each with a checksum. If a
writer dies, or a reader reads during a write, the earlier half is still valid.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

from tradewind.dag_releases.manifest import is_id
from tradewind.errors import TradewindError
from tradewind.storage.atomic import read as read_file

HALF = 512
"""Bytes: the size that disks write atomically. 64 of them are the SHA-256 of the rest."""
_DIGEST = 64


@dataclass(frozen=True)
class ActiveRelease:
    """The content of the pointer. ``serial`` grows with each change. ``before``: the previous active release."""

    release: str
    serial: int = 1
    since: str = ""
    before: str | None = None


def read(path: Path) -> ActiveRelease | None:
    """The content of the pointer, or None if no release was ever active.

    Raises:
        TradewindError: neither half is whole.
        OSError: the file system does not answer.
    """
    try:
        content = read_file(path)  # opened anew each time, so that NFS asks its server
    except FileNotFoundError:
        return None
    if not content.strip(b"\0"):
        return None
    found = [half for half in (_parse(content[:HALF]), _parse(content[HALF : 2 * HALF])) if half]
    if not found:
        raise TradewindError(f"{path} is damaged", "neither half of it is whole", "activate a release again")
    return max(found, key=lambda half: half.serial)


def write(path: Path, release: str, since: str) -> ActiveRelease:
    """Activate ``release``; on the disk when this returns. One writer at a time: see the controller's lease."""
    try:
        before = read(path)
    except TradewindError:
        before = None  # neither half is whole, so either may be written
    now = ActiveRelease(release, before.serial + 1 if before else 1, since, before.release if before else None)
    half = _render(now)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        os.fchmod(descriptor, 0o644)  # containers read it as another user
        if os.fstat(descriptor).st_size != 2 * HALF:
            os.ftruncate(descriptor, 2 * HALF)
        os.pwrite(descriptor, half, HALF * (now.serial % 2))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return now


def _render(now: ActiveRelease) -> bytes:
    text = json.dumps({"release": now.release, "serial": now.serial, "since": now.since, "before": now.before})
    body = b" " + text.encode() + b"\n"
    body = body[:-1].ljust(HALF - _DIGEST - 1) + b"\n"
    if len(body) != HALF - _DIGEST:
        raise ValueError(f"a pointer has {HALF - _DIGEST} bytes, and this takes {len(body)}")
    return hashlib.sha256(body).hexdigest().encode() + body


def _parse(half: bytes) -> ActiveRelease | None:
    digest, body = half[:_DIGEST], half[_DIGEST:]
    if len(half) != HALF or hashlib.sha256(body).hexdigest().encode() != digest:
        return None
    document = json.loads(body)
    found = ActiveRelease(document["release"], document["serial"], document["since"], document["before"])
    return found if is_id(found.release) else None
