"""Whether Secrets Manager has connections and variables where Airflow's backend looks. Never what is in them."""

from __future__ import annotations

import boto3
from botocore.exceptions import ClientError

from tradewind.aws.explained import asking


class SecretsManager:
    """Secrets named ``NAME/connections/ID`` and ``NAME/variables/KEY``, as the environment stack tells Airflow."""

    def __init__(self, name: str, session: boto3.Session) -> None:
        self._name = name
        self._client = session.client("secretsmanager")

    def has(self, kind: str, name: str) -> bool:
        """Whether there is one; what is to be deleted is not. TradewindError where nobody answers."""
        with asking("look for a secret"):
            try:
                found = self._client.describe_secret(SecretId=f"{self._name}/{kind}/{name}")
            except ClientError as error:
                # A name that no secret can have is refused.
                if error.response["Error"]["Code"] in {"ResourceNotFoundException", "ValidationException"}:
                    return False
                raise
        return "DeletedDate" not in found
