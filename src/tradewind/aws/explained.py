"""Turn boto3's errors into TradewindError. Import it only in code that calls AWS: boto3 takes long to import."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    PartialCredentialsError,
    SSOError,
    TokenRetrievalError,
)

from tradewind.errors import TradewindError

LOG_IN = "log in (`aws sso login`), or set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"


@contextmanager
def asking(what: str) -> Iterator[None]:
    """Turn boto3's errors into TradewindError. ``what`` completes the sentence 'could not …'."""
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise explained(error, what) from None


def explained(error: BotoCoreError | ClientError, what: str) -> TradewindError:
    """The TradewindError for one of boto3's errors."""
    if isinstance(error, ClientError):
        code, message = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
        hint = LOG_IN if code in {"ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId"} else ""
        return TradewindError(f"could not {what}", f"{code}: {message}".rstrip(": "), hint)
    if isinstance(error, NoCredentialsError | PartialCredentialsError | SSOError | TokenRetrievalError):
        return TradewindError("AWS credentials are missing", str(error), LOG_IN)
    return TradewindError(f"could not {what}", str(error), "check the network, and AWS_ENDPOINT_URL if it is set")
