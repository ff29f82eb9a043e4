"""What commands ask of AWS: who calls, whether a bucket is there, who holds a lock, what is published."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:  # it takes long to import
    import boto3


@dataclass(frozen=True)
class Caller:
    """Who the credentials belong to."""

    account_id: str
    arn: str


@dataclass(frozen=True)
class Lock:
    """A lock on a state, as Terraform wrote it: who, since when, doing what."""

    id: str
    who: str
    since: str
    operation: str


class Cloud(Protocol):
    """What is asked of AWS. Every method raises TradewindError where AWS cannot be asked."""

    def caller(self) -> Caller:
        """Who calls."""

    def assume(self, role_arn: str) -> Cloud:
        """The same questions as another role, which is taken again in time. TradewindError where it may not be."""

    def session(self) -> boto3.Session:
        """For what has an adapter of its own: records, images, services."""

    def bucket_exists(self, bucket: str) -> bool:
        """Whether the bucket exists and may be read."""

    def read(self, bucket: str, key: str) -> Mapping[str, Any] | None:
        """A JSON document, or None where there is none."""

    def lock(self, bucket: str, key: str) -> Lock | None:
        """The lock on a state, or None where nobody holds one."""

    def unlock(self, bucket: str, key: str) -> None:
        """Take the lock on a state away, whoever holds it."""

    def registry_login(self) -> str:
        """What the image registry of the account takes as a login: user and password in Base64, good for some hours."""

    def write(self, bucket: str, key: str, entry: Mapping[str, Any]) -> None:
        """Keep a record, as JSON. A record of that key must not exist yet."""
