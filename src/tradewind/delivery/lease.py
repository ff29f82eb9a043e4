"""Who may change an environment: one at a time. A lease that nobody renews is free again.

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

from tradewind.delivery.records import ConflictError, Records
from tradewind.errors import TradewindError

LEASE_S = 60.0
RENEW_S = 15.0


def name(environment: str) -> str:
    """The record of the lock of an environment."""
    return f"environments/{environment}/lock"


def me() -> str:
    """Who asks: what the build server calls itself, or user and machine."""
    job = os.environ.get("BUILD_TAG")
    return job or f"{getpass.getuser()}@{socket.gethostname()}"


@dataclass
class Lease:
    """The right to change one environment, for as long as it is renewed."""

    records: Records
    environment: str
    clock: Callable[[], float]
    _token: str
    _reason: str
    _version: str
    _until: float

    @classmethod
    def take(cls, records: Records, environment: str, reason: str, clock: Callable[[], float]) -> Lease:
        """Take it. TradewindError where somebody has it: who, since when, why, and what to run."""
        found = records.read(name(environment))
        if found and _holds(found[0], clock()):
            raise held(environment, found[0])
        token, until = secrets.token_hex(8), clock() + LEASE_S
        try:
            version = records.write(name(environment), _document(token, reason, clock(), until), _of(found))
        except ConflictError:
            # A write whose answer got lost is sent again, and meets itself.
            found = records.read(name(environment))
            if found and found[0]["token"] == token:
                return cls(records, environment, clock, token, reason, found[1], until)
            raise TradewindError(
                f"somebody else just took the lock of {environment}", "", f"tradewind release status {environment}"
            ) from None
        return cls(records, environment, clock, token, reason, version, until)

    def renew(self) -> None:
        """Keep it. TradewindError where it was taken away; then nothing more may be changed."""
        now = self.clock()
        if self._until - now > LEASE_S - RENEW_S:
            return
        document = _document(self._token, self._reason, now, now + LEASE_S)
        try:
            self._version = self.records.write(name(self.environment), document, self._version)
        except ConflictError:
            found = self.records.read(name(self.environment))
            if found and found[0]["token"] == self._token:
                self._version, self._until = found[1], found[0]["until"]
                return
            raise TradewindError(
                f"the lock of {self.environment} was taken away while this deployment ran",
                "it was paused for too long, or somebody removed the lock",
                f"tradewind release status {self.environment}",
            ) from None
        self._until = now + LEASE_S

    def give_back(self) -> None:
        """Let go of it."""
        try:
            self.records.delete(name(self.environment), self._version)
        except ConflictError:
            return  # somebody else's by now


def lock(records: Records, environment: str, reason: str, clock: Callable[[], float]) -> None:
    """Lock an environment until it is unlocked. TradewindError where it is locked."""
    found = records.read(name(environment))
    if found and _holds(found[0], clock()):
        raise held(environment, found[0])
    records.write(name(environment), _document(secrets.token_hex(8), reason, clock(), None), _of(found))


def unlock(records: Records, environment: str) -> bool:
    """Remove the lock, whoever has it; whether there was one."""
    found = records.read(name(environment))
    if found is None:
        return False
    records.delete(name(environment), found[1])
    return True


def held(environment: str, document: dict[str, Any]) -> TradewindError:
    """What to tell somebody who finds the lock taken."""
    return TradewindError(
        f"{environment} is locked",
        f"by {document['owner']} since {document['since']}: {document['reason']}",
        f"wait, or: tradewind release unlock {environment}",
    )


def _of(found: tuple[dict[str, Any], str] | None) -> str | None:
    return found[1] if found else None


def _holds(document: dict[str, Any], now: float) -> bool:
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
