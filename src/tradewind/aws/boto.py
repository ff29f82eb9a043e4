"""AWS through boto3: implements `cloud`. Import it only in code that calls AWS: boto3 takes long to import."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import boto3
import botocore.session
from botocore.credentials import CredentialProvider, CredentialResolver, DeferredRefreshableCredentials
from botocore.exceptions import ClientError, ProfileNotFound

from tradewind.aws.cloud import Caller, Lock
from tradewind.aws.explained import LOG_IN, asking
from tradewind.errors import TradewindError


class Aws:
    """Implements Cloud with boto3 and its usual sources of credentials, or with those of a botocore session.

    ``now`` is the clock for the renewal of credentials.
    """

    def __init__(
        self,
        region: str,
        core: botocore.session.Session | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._region = region
        self._now = now
        try:
            self._core = core or botocore.session.get_session()
            self._session = boto3.Session(botocore_session=self._core, region_name=region)
        except ProfileNotFound as error:
            raise TradewindError("AWS credentials are missing", str(error), LOG_IN) from None

    def caller(self) -> Caller:  # noqa: D102 (see Cloud)
        with asking("ask AWS for your identity"):
            answer = self._session.client("sts").get_caller_identity()
        return Caller(answer["Account"], answer["Arn"])

    def assume(self, role_arn: str) -> Aws:  # noqa: D102
        def taken() -> dict[str, str]:
            answer = self._session.client("sts").assume_role(RoleArn=role_arn, RoleSessionName="tradewind")
            found = answer["Credentials"]
            return {
                "access_key": found["AccessKeyId"],
                "secret_key": found["SecretAccessKey"],
                "token": found["SessionToken"],
                "expiry_time": found["Expiration"].isoformat(),
            }

        # A drain may take days, and the credentials of a role that another role assumes expire after an hour.
        renewed = DeferredRefreshableCredentials(taken, "assume-role", self._now)
        with asking(f"assume the role {role_arn}"):
            renewed.get_frozen_credentials()
        core = botocore.session.get_session()
        core.register_component("credential_provider", CredentialResolver([_Given(renewed)]))
        return Aws(self._region, core, self._now)

    def session(self) -> boto3.Session:  # noqa: D102
        return self._session

    def bucket_exists(self, bucket: str) -> bool:  # noqa: D102
        with asking(f"look for the bucket {bucket}"):
            try:
                self._session.client("s3").head_bucket(Bucket=bucket)
            except ClientError as error:
                if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                    return False
                raise
        return True

    def read(self, bucket: str, key: str) -> Mapping[str, Any] | None:  # noqa: D102
        with asking(f"read {key} in the bucket {bucket}"):
            body = self._content(bucket, key)
        if body is None:
            return None
        try:
            found: Mapping[str, Any] = json.loads(body)
        except ValueError:
            raise TradewindError(f"{key} in the bucket {bucket} is not JSON") from None
        return found

    def lock(self, bucket: str, key: str) -> Lock | None:  # noqa: D102
        with asking(f"look for a lock in the bucket {bucket}"):
            body = self._content(bucket, f"{key}.tflock")
        if body is None:
            return None
        try:
            found = json.loads(body)
        except ValueError:
            found = {}
        return Lock(*(str(found.get(name) or "unknown") for name in ("ID", "Who", "Created", "Operation")))

    def _content(self, bucket: str, key: str) -> bytes | None:
        try:
            return bytes(self._session.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read())
        except ClientError as error:
            if error.response["Error"]["Code"] in {"NoSuchKey", "NoSuchBucket", "404"}:
                return None
            raise

    def unlock(self, bucket: str, key: str) -> None:  # noqa: D102
        with asking(f"remove the lock in the bucket {bucket}"):
            self._session.client("s3").delete_object(Bucket=bucket, Key=f"{key}.tflock")

    def registry_login(self) -> str:  # noqa: D102
        with asking("log in to the image registry"):
            answer = self._session.client("ecr").get_authorization_token()
        return str(answer["authorizationData"][0]["authorizationToken"])

    def write(self, bucket: str, key: str, entry: Mapping[str, Any]) -> None:  # noqa: D102
        body = json.dumps(entry, sort_keys=True).encode() + b"\n"
        with asking(f"write to the bucket {bucket}"):
            self._session.client("s3").put_object(
                Bucket=bucket, Key=key, Body=body, ContentType="application/json", IfNoneMatch="*"
            )


class _Given(CredentialProvider):
    """Provides existing credentials, in place of boto3's sources."""

    METHOD = "given"

    def __init__(self, credentials: DeferredRefreshableCredentials) -> None:
        super().__init__()
        self._credentials = credentials

    def load(self) -> DeferredRefreshableCredentials:
        return self._credentials
