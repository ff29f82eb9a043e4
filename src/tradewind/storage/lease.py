"""Leases: only one process at a time has a right. A lease that its owner does not renew expires.

If a process of this machine ends, its lease is free at once.
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

from tradewind.errors import HeldError, TradewindError
from tradewind.storage.records import ConflictError, Records

LEASE_S = 60.0
RENEW_S = 15.0


@dataclass(frozen=True)
class LeaseKey:
    """The right to something: the record with its owner, its name in messages, the commands that show and free it."""

    record: str
    name: str
    look: str
    free: str = ""


class LostError(TradewindError):
    """The lease was lost. Its former owner may change nothing more."""


def of_environment(environment: str) -> LeaseKey:
    """The right to change an environment."""
    return LeaseKey(
        f"environments/{environment}/lock",
        environment,
        f"tradewind release status -e {environment}",
        f"tradewind release unlock -e {environment}",
    )


def me() -> str:
    """The name of this process as an owner: the build's tag on a build server, else user and machine."""
    job = os.environ.get("BUILD_TAG")
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user has no name in a file
        user = str(os.getuid())
    return job or f"{user}@{socket.gethostname()}"


@dataclass
class Lease:
    """A right that its owner has as long as it renews the lease."""

    records: Records
    right: LeaseKey
    clock: Callable[[], float]
    _token: str
    _reason: str
    _version: str
    _until: float

    @classmethod
    def take(cls, records: Records, right: LeaseKey, reason: str, clock: Callable[[], float]) -> Lease:
        """Take the lease. HeldError if another process has it, with its owner, start, reason and a command to run."""
        found = records.read(right.record)
        if found and is_held(found[0], clock()):
            raise held(right, found[0])
        token, until = secrets.token_hex(8), clock() + LEASE_S
        try:
            version = records.write(right.record, _document(token, reason, clock(), until), _of(found))
        except ConflictError:
            # A client that loses the response sends its write again, which then conflicts with itself.
            found = records.read(right.record)
            if found and found[0]["token"] == token:
                return cls(records, right, clock, token, reason, found[1], until)
            raise HeldError(f"another process took the lock of {right.name} a moment ago", "", right.look) from None
        return cls(records, right, clock, token, reason, version, until)

    @property
    def expired(self) -> bool:
        """Whether another process may have the lease by now."""
        return self.clock() >= self._until

    def renew(self) -> None:
        """Renew the lease. LostError if it was lost."""
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
                f"the lock of {self.right.name} was lost",
                "this process was paused for too long, or an operator removed the lock",
                self.right.look,
            ) from None
        self._until = now + LEASE_S

    def release(self) -> None:
        """Give up the lease."""
        try:
            self.records.delete(self.right.record, self._version)
        except ConflictError:
            return  # another process has it by now


def lock(records: Records, right: LeaseKey, reason: str, clock: Callable[[], float]) -> None:
    """Lock without an end, until ``unlock``. HeldError if it is locked."""
    found = records.read(right.record)
    if found and is_held(found[0], clock()):
        raise held(right, found[0])
    records.write(right.record, _document(secrets.token_hex(8), reason, clock(), None), _of(found))


def unlock(records: Records, right: LeaseKey) -> bool:
    """Remove the lock, whatever its owner. Returns whether there was one."""
    found = records.read(right.record)
    if found is None:
        return False
    records.delete(right.record, found[1])
    return True


def held(right: LeaseKey, document: dict[str, Any]) -> HeldError:
    """The error for a caller that finds the right taken."""
    return HeldError(
        f"{right.name} is locked",
        f"by {document['owner']} since {document['since']}: {document['reason']}",
        f"wait, or: {right.free}" if right.free else right.look,
    )


def _of(found: tuple[dict[str, Any], str] | None) -> str | None:
    return found[1] if found else None


def is_held(document: dict[str, Any], now: float) -> bool:
    """Whether the right of this record is taken at ``now`` (Unix time)."""
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
    """A process id of this machine and the start of its process, because ids are reused. Empty if it has ended."""
    try:
        return [pid, psutil.Process(pid).create_time()]
    except psutil.Error:
        return []
