"""The AWS calls that commands make: the caller's identity, buckets, state locks and published documents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:  # it takes long to import
    import boto3


@dataclass(frozen=True)
class Caller:
    """The identity that the credentials belong to."""

    account_id: str
    arn: str


@dataclass(frozen=True)
class Lock:
    """A lock on a state, as Terraform wrote it: its id, owner, start and operation."""

    id: str
    who: str
    since: str
    operation: str


class Cloud(Protocol):
    """Calls to AWS. Every method raises TradewindError if the call fails."""

    def caller(self) -> Caller:
        """The identity of the caller."""

    def assume(self, role_arn: str) -> Cloud:
        """The same calls as another role, whose credentials are renewed in time. TradewindError if it is denied."""

    def session(self) -> boto3.Session:
        """The boto3 session, for records, images and services, which have their own adapters."""

    def bucket_exists(self, bucket: str) -> bool:
        """Whether the bucket exists and may be read."""

    def read(self, bucket: str, key: str) -> Mapping[str, Any] | None:
        """A JSON document, or None if there is none."""

    def lock(self, bucket: str, key: str) -> Lock | None:
        """The lock on a state, or None if there is none."""

    def unlock(self, bucket: str, key: str) -> None:
        """Remove the lock on a state, whatever its owner."""

    def registry_login(self) -> str:
        """The login for the image registry of the account: user and password in Base64, valid for some hours."""

    def write(self, bucket: str, key: str, entry: Mapping[str, Any]) -> None:
        """Write a new record, as JSON. A record with that key must not exist yet."""
