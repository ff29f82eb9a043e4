"""AWS through boto3, for what `cloud` asks. Imported only by what talks to AWS: boto3 takes long to import."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import boto3
from botocore.exceptions import ClientError, ProfileNotFound

from tradewind.aws import LOG_IN, asking
from tradewind.errors import TradewindError
from tradewind.infrastructure.cloud import Caller, Lock


class Aws:
    """The real one, over boto3 and its usual sources of credentials."""

    def __init__(self, region: str, session: boto3.Session | None = None) -> None:
        self._region = region
        try:
            self._session = session or boto3.Session(region_name=region)
        except ProfileNotFound as error:
            raise TradewindError("AWS credentials are missing", str(error), LOG_IN) from None

    def caller(self) -> Caller:  # noqa: D102 (see Cloud)
        with asking("ask AWS who you are"):
            answer = self._session.client("sts").get_caller_identity()
        return Caller(answer["Account"], answer["Arn"])

    def assume(self, role_arn: str) -> Aws:  # noqa: D102
        with asking(f"take the role {role_arn}"):
            answer = self._session.client("sts").assume_role(RoleArn=role_arn, RoleSessionName="tradewind")
        credentials = answer["Credentials"]
        session = boto3.Session(
            aws_access_key_id=credentials["AccessKeyId"],
            aws_secret_access_key=credentials["SecretAccessKey"],
            aws_session_token=credentials["SessionToken"],
            region_name=self._region,
        )
        return Aws(self._region, session)

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

    def lock(self, bucket: str, key: str) -> Lock | None:  # noqa: D102
        with asking(f"look for a lock in the bucket {bucket}"):
            try:
                body = self._session.client("s3").get_object(Bucket=bucket, Key=f"{key}.tflock")["Body"].read()
            except ClientError as error:
                if error.response["Error"]["Code"] in {"NoSuchKey", "404"}:
                    return None
                raise
        try:
            found = json.loads(body)
        except ValueError:
            found = {}
        return Lock(*(str(found.get(name) or "unknown") for name in ("ID", "Who", "Created", "Operation")))

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
