"""Check whether Secrets Manager has connections and variables for Airflow's backend. Never reads their values."""

from __future__ import annotations

import boto3
from botocore.exceptions import ClientError

from tradewind.aws.explained import asking


class SecretsManager:
    """Secrets named ``NAME/connections/ID`` and ``NAME/variables/KEY``, as in the configuration of Airflow."""

    def __init__(self, name: str, session: boto3.Session) -> None:
        self._name = name
        self._client = session.client("secretsmanager")

    def has(self, kind: str, name: str) -> bool:
        """Return whether a secret exists and is not being deleted. Raises TradewindError if AWS does not answer."""
        with asking("look for a secret"):
            try:
                found = self._client.describe_secret(SecretId=f"{self._name}/{kind}/{name}")
            except ClientError as error:
                # AWS refuses a name that no secret can have.
                if error.response["Error"]["Code"] in {"ResourceNotFoundException", "ValidationException"}:
                    return False
                raise
        return "DeletedDate" not in found
