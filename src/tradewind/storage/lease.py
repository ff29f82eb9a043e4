"""Who may do something: one at a time. A lease that nobody renews is free again.

So is, at once, the lease of a process of this machine that has ended.
"""

from __future__ import annotations

import getpass
import os
import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import psutil

from tradewind.errors import TradewindError
from tradewind.storage.records import ConflictError, Records

LEASE_S = 60.0
RENEW_S = 15.0


@dataclass(frozen=True)
class LeaseKey:
    """What one at a time may have: the record that says who, what people call it, and the command that shows it."""

    record: str
    name: str
    look: str
    free: str = ""


class HeldError(TradewindError):
    """Somebody else has it."""


class LostError(TradewindError):
    """It was taken away; nothing more may be changed."""


def of_environment(environment: str) -> LeaseKey:
    """The right to change an environment."""
    return LeaseKey(
        f"environments/{environment}/lock",
        environment,
        f"tradewind release status {environment}",
        f"tradewind release unlock {environment}",
    )


def me() -> str:
    """Who asks: what the build server calls itself, or user and machine."""
    job = os.environ.get("BUILD_TAG")
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's, which no file names
        user = str(os.getuid())
    return job or f"{user}@{socket.gethostname()}"


@dataclass
class Lease:
    """A right, for as long as it is renewed."""

    records: Records
    right: LeaseKey
    clock: Callable[[], float]
    _token: str
    _reason: str
    _version: str
    _until: float

    @classmethod
    def take(cls, records: Records, right: LeaseKey, reason: str, clock: Callable[[], float]) -> Lease:
        """Take it. HeldError where somebody has it: who, since when, why, and what to run."""
        found = records.read(right.record)
        if found and is_held(found[0], clock()):
            raise held(right, found[0])
        token, until = secrets.token_hex(8), clock() + LEASE_S
        try:
            version = records.write(right.record, _document(token, reason, clock(), until), _of(found))
        except ConflictError:
            # A write whose answer got lost is sent again, and meets itself.
            found = records.read(right.record)
            if found and found[0]["token"] == token:
                return cls(records, right, clock, token, reason, found[1], until)
            raise HeldError(f"somebody else just took the lock of {right.name}", "", right.look) from None
        return cls(records, right, clock, token, reason, version, until)

    @property
    def expired(self) -> bool:
        """Whether somebody else may have it by now."""
        return self.clock() >= self._until

    def renew(self) -> None:
        """Keep it. LostError where it was taken away."""
        now = self.clock()
        if self._until - now > LEASE_S - RENEW_S:
            return
        document = _document(self._token, self._reason, now, now + LEASE_S)
        try:
            self._version = self.records.write(self.right.record, document, self._version)
        except ConflictError:
            found = self.records.read(self.right.record)
            if found and found[0]["token"] == self._token:
                self._version, self._until = found[1], found[0]["until"]
                return
            raise LostError(
                f"the lock of {self.right.name} was taken away",
                "this process was paused for too long, or somebody removed the lock",
                self.right.look,
            ) from None
        self._until = now + LEASE_S

    def release(self) -> None:
        """Let go of it."""
        try:
            self.records.delete(self.right.record, self._version)
        except ConflictError:
            return  # somebody else's by now


def lock(records: Records, right: LeaseKey, reason: str, clock: Callable[[], float]) -> None:
    """Lock until it is unlocked. HeldError where it is locked."""
    found = records.read(right.record)
    if found and is_held(found[0], clock()):
        raise held(right, found[0])
    records.write(right.record, _document(secrets.token_hex(8), reason, clock(), None), _of(found))


def unlock(records: Records, right: LeaseKey) -> bool:
    """Remove the lock, whoever has it; whether there was one."""
    found = records.read(right.record)
    if found is None:
        return False
    records.delete(right.record, found[1])
    return True


def held(right: LeaseKey, document: dict[str, Any]) -> HeldError:
    """What to tell somebody who finds it taken."""
    return HeldError(
        f"{right.name} is locked",
        f"by {document['owner']} since {document['since']}: {document['reason']}",
        f"wait, or: {right.free}" if right.free else right.look,
    )


def _of(found: tuple[dict[str, Any], str] | None) -> str | None:
    return found[1] if found else None


def is_held(document: dict[str, Any], now: float) -> bool:
    """Whether what this record is of is taken at ``now`` (Unix time)."""
    if document["until"] is None:
        return True
    host, pid, born = document["process"]
    if host == socket.gethostname() and [pid, born] != _process(pid):
        return False
    return bool(document["until"] > now)


def _document(token: str, reason: str, now: float, until: float | None) -> dict[str, Any]:
    since = datetime.fromtimestamp(now, UTC).isoformat(timespec="seconds")
    process = [socket.gethostname(), *_process(os.getpid())]
    return {"owner": me(), "reason": reason, "since": since, "until": until, "token": token, "process": process}


def _process(pid: int) -> list[Any]:
    """A process of this machine, and when it began: numbers are given out again."""
    try:
        return [pid, psutil.Process(pid).create_time()]
    except psutil.Error:
        return []
