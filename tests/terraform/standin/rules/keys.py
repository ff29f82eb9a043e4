"""KMS keys and the resources that need them."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator
from typing import Any

from standin.rules import Context, Problem, Resource, rule
from standin.rules.policies import principals, statements, texts
from standin.values import UNKNOWN

_LOGS_ACTIONS = ("kms:encrypt", "kms:decrypt", "kms:generatedatakey")


def _allows(statement: dict[str, Any], action: str) -> bool:
    patterns = [text.lower() for text in texts(statement.get("Action"))]
    return statement.get("Effect") == "Allow" and any(fnmatch.fnmatchcase(action, pattern) for pattern in patterns)


@rule("aws_kms_key", "aws_kms_key_policy")
def lockout(resource: Resource, context: Context) -> Iterator[Problem]:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_PutKeyPolicy.html"""
    document = resource.document("policy")
    if document is None or resource["bypass_policy_lockout_safety_check"]:
        return
    found = [
        statement
        for statement in statements(document)
        if principals(statement, "AWS") and _allows(statement, "kms:putkeypolicy")
    ]
    if not found:
        yield Problem(
            "MalformedPolicyDocumentException: The new key policy will not allow you to update the key policy "
            "in the future.",
            "policy",
        )


@rule("aws_cloudwatch_log_group")
def log_key(resource: Resource, context: Context) -> Iterator[Problem]:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html"""
    key = context.world.find("aws_kms_key", arn=resource["kms_key_id"])
    if key is None or context.settings is None:
        return
    other = context.world.find("aws_kms_key_policy", key_id=key.get("key_id"))
    holder = other or key
    if holder.get("policy") is UNKNOWN:
        return
    services = {f"logs.{context.settings.region}.amazonaws.com", "logs.amazonaws.com"}
    found = statements(Resource("", holder, holder).document("policy"))
    allowed = all(
        any(_allows(statement, action) and services & set(principals(statement, "Service")) for statement in found)
        for action in _LOGS_ACTIONS
    )
    if not allowed:
        yield Problem(
            f"The specified KMS key does not exist or is not allowed to be used with LogGroup '{resource['name']}'",
            "kms_key_id",
        )
