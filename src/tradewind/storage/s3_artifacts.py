"""Artifacts in an S3 bucket. Import it only in code that calls AWS: boto3 takes long to import."""

from __future__ import annotations

import base64
import hashlib
from contextlib import suppress
from pathlib import Path

import boto3
from botocore.exceptions import ClientError

from tradewind.aws.explained import asking

_THERE = {"PreconditionFailed", "412"}
_BUSY = {"ConditionalRequestConflict", "409"}
"""Another client is writing the same object. By the next attempt the object exists, or that write has failed."""
_ATTEMPTS = 5
_ABSENT = {"NoSuchKey", "404"}


class S3Artifacts:
    """See ``artifacts.ArtifactStore``: objects below ``prefix``, which ends in a slash or is empty."""

    def __init__(self, session: boto3.Session, bucket: str, prefix: str) -> None:
        self._client = session.client("s3")
        self._bucket, self._prefix = bucket, prefix

    def keep(self, file: Path) -> None:
        """See ArtifactStore. S3 verifies the checksum of the upload, and never overwrites an existing object."""
        if self._has(file.name):
            return
        content = file.read_bytes()  # 512 MB at most; one call, so that a partial object never exists
        checksum = base64.b64encode(hashlib.sha256(content).digest()).decode()
        what = {"Bucket": self._bucket, "Key": self._prefix + file.name, "Body": content, "ChecksumSHA256": checksum}
        with asking(f"write to the bucket {self._bucket}"):
            for attempt in range(_ATTEMPTS):
                try:
                    self._client.put_object(**what, IfNoneMatch="*")
                except ClientError as error:
                    code = error.response["Error"]["Code"]
                    if code in _THERE:
                        return
                    if code not in _BUSY or attempt == _ATTEMPTS - 1:
                        raise
                else:
                    return

    def _has(self, name: str) -> bool:
        """Whether the object exists; False if the caller may not check. A needless upload is slow and does no harm."""
        with asking(f"read from the bucket {self._bucket}"), suppress(ClientError):
            self._client.head_object(Bucket=self._bucket, Key=self._prefix + name)
            return True
        return False

    def fetch(self, name: str, to: Path) -> bool:
        """See ArtifactStore."""
        with asking(f"read from the bucket {self._bucket}"):
            try:
                body = self._client.get_object(Bucket=self._bucket, Key=self._prefix + name)["Body"]
            except ClientError as error:
                if error.response["Error"]["Code"] in _ABSENT:
                    return False
                raise
            with to.open("wb") as stream:
                for part in body.iter_chunks(1 << 20):
                    stream.write(part)
        return True
