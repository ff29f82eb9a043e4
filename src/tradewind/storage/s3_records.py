"""Records in an S3 bucket. With conditional writes, no client overwrites a version that it has not read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import boto3
from botocore.exceptions import ClientError

from tradewind.storage.records import ConflictError

_CONFLICT = {"PreconditionFailed", "ConditionalRequestConflict", "412", "409"}
_ABSENT = {"NoSuchKey", "404"}


class S3Records:
    """See Records: documents below ``prefix`` in ``bucket``. The version is S3's ETag."""

    def __init__(self, session: boto3.Session, bucket: str, prefix: str = "releases/") -> None:
        self._client = session.client("s3")
        self._bucket = bucket
        self._prefix = prefix

    def read(self, name: str) -> tuple[dict[str, Any], str] | None:
        """See Records."""
        try:
            answer = self._client.get_object(Bucket=self._bucket, Key=self._key(name))
        except ClientError as error:
            if error.response["Error"]["Code"] in _ABSENT:
                return None
            raise
        return json.loads(answer["Body"].read()), answer["ETag"]

    def write(self, name: str, document: Mapping[str, Any], version: str | None) -> str:
        """See Records."""
        content = json.dumps(document, indent=2, sort_keys=True).encode() + b"\n"
        condition: Any = {"IfNoneMatch": "*"} if version is None else {"IfMatch": version}
        try:
            answer = self._client.put_object(Bucket=self._bucket, Key=self._key(name), Body=content, **condition)
        except ClientError as error:
            if error.response["Error"]["Code"] in _CONFLICT | _ABSENT:
                raise ConflictError(name) from None
            raise
        return str(answer["ETag"])

    def delete(self, name: str, version: str) -> None:
        """See Records. S3 deletes by key, not by version, so the version is checked a moment earlier."""
        found = self.read(name)
        if found is None:
            return
        if found[1] != version:
            raise ConflictError(name)
        self._client.delete_object(Bucket=self._bucket, Key=self._key(name))

    def names(self, prefix: str) -> list[str]:
        """See Records."""
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=self._prefix + prefix
        )
        keys = [entry["Key"] for page in pages for entry in page.get("Contents", ())]
        return sorted(key[len(self._prefix) : -len(".json")] for key in keys)

    def _key(self, name: str) -> str:
        return f"{self._prefix}{name}.json"
