"""Policies of IAM, keys and buckets, and trust policies of roles."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator
from typing import Any

from standin.rules import Context, Problem, Resource, rule

# By type: the argument with its policy, and the kind of the policy.
_PLACES: dict[str, tuple[str, str]] = {
    "aws_cloudwatch_log_resource_policy": ("policy_document", "resource"),
    "aws_ecr_repository_policy": ("policy", "repository"),
    "aws_efs_file_system_policy": ("policy", "resource"),
    "aws_iam_policy": ("policy", "identity"),
    "aws_iam_role": ("assume_role_policy", "trust"),
    "aws_iam_role_policy": ("policy", "identity"),
    "aws_kms_key": ("policy", "resource"),
    "aws_kms_key_policy": ("policy", "resource"),
    "aws_s3_bucket_policy": ("policy", "resource"),
    "aws_secretsmanager_secret_policy": ("policy", "resource"),
    "aws_sns_topic_policy": ("policy", "resource"),
    "aws_vpc_endpoint": ("policy", "resource"),
}
_ELEMENTS = {
    "Sid",
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
}
_VERSIONS = ("2012-10-17", "2008-10-17")
_MANAGED_SIZE, _INLINE_SIZE, _TRUST_SIZE = 6144, 10240, 4096


def statements(document: Any) -> list[dict[str, Any]]:
    """The statements of a policy, also if a single statement is not in a list."""
    found = document.get("Statement", []) if isinstance(document, dict) else []
    return [item for item in (found if isinstance(found, list) else [found]) if isinstance(item, dict)]


def texts(value: Any) -> list[str]:
    """An element that is a text or a list of texts."""
    return [item for item in (value if isinstance(value, list) else [value]) if isinstance(item, str)]


def principals(statement: dict[str, Any], kind: str) -> list[str]:
    """The principals of a kind: AWS, Service, Federated. "*" counts as AWS."""
    found = statement.get("Principal")
    if found == "*":
        return ["*"] if kind == "AWS" else []
    return texts(found.get(kind)) if isinstance(found, dict) else []


@rule(*_PLACES)
def grammar(resource: Resource, context: Context) -> Iterator[Problem]:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html"""
    argument, kind = _PLACES[resource.kind]
    text, document = resource.text(argument), resource.document(argument)
    if text is None:
        return
    if not isinstance(document, dict):
        yield Problem(f'"{argument}" contains an invalid JSON policy', argument)
        return
    if document.get("Version", _VERSIONS[1]) not in _VERSIONS:
        yield Problem(f"MalformedPolicyDocument: the Version {document['Version']} is none of {_VERSIONS}", argument)
    if not statements(document):
        yield Problem("MalformedPolicyDocument: the policy has no statement", argument)
    names = [statement["Sid"] for statement in statements(document) if statement.get("Sid")]
    if len(names) != len(set(names)):
        yield Problem(f"MalformedPolicyDocument: statement ids must be unique: {names}", argument)
    for statement in statements(document):
        for fault in _faults(statement, kind):
            yield Problem(f"MalformedPolicyDocument: {fault}", argument)


def _faults(statement: dict[str, Any], kind: str) -> Iterator[str]:
    if unknown := set(statement) - _ELEMENTS:
        yield f"unknown elements {sorted(unknown)}"
    if statement.get("Effect") not in ("Allow", "Deny"):
        yield "Effect must be Allow or Deny"
    if ("Action" in statement) == ("NotAction" in statement):
        yield "a statement has either Action or NotAction"
    for element in ("Action", "NotAction", "Resource", "NotResource"):
        if element in statement and (statement[element] == [] or statement[element] is None):
            yield f"{element} is empty"
    has_principal = "Principal" in statement or "NotPrincipal" in statement
    has_resource = "Resource" in statement or "NotResource" in statement
    if kind == "identity" and has_principal:
        yield "Policy document should not specify a principal."
    if kind == "identity" and not has_resource:
        yield "Policy statement must contain resources."
    if kind == "trust" and has_resource:
        yield "Has prohibited field Resource"
    if kind == "repository" and has_resource:
        yield "the policy of a repository names no Resource"
    if kind == "resource" and not has_resource:
        yield "Policy statement must contain resources."
    if kind != "identity" and not has_principal:
        yield "Missing required field Principal"
    sid = statement.get("Sid", "")
    if kind in ("identity", "trust") and not re.fullmatch(r"[A-Za-z0-9]*", sid):
        yield f"Statement IDs (SID) must be alpha-numeric: {sid}"


@rule(*_PLACES)
def actions(resource: Resource, context: Context) -> Iterator[Problem]:
    """https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html"""
    argument, _ = _PLACES[resource.kind]
    for statement in statements(resource.document(argument)):
        for action in texts(statement.get("Action")) + texts(statement.get("NotAction")):
            if action == "*":
                continue
            prefix, _, name = action.partition(":")
            known = context.facts["actions"].get(prefix.lower())
            if known is None or not name:
                yield Problem(f"no service has the prefix of the action {action}", argument)
            elif not fnmatch.filter(known, name.lower()):
                yield Problem(f"the action {action} does not exist", argument)


@rule("aws_iam_policy", "aws_iam_role_policy", "aws_iam_role")
def length(resource: Resource, context: Context) -> Iterator[Problem]:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"""
    most = {"aws_iam_policy": _MANAGED_SIZE, "aws_iam_role_policy": _INLINE_SIZE, "aws_iam_role": _TRUST_SIZE}
    argument, _ = _PLACES[resource.kind]
    size = len(re.sub(r"\s", "", resource.text(argument) or ""))
    if size > most[resource.kind]:
        yield Problem(
            f"LimitExceeded: Cannot exceed quota for PolicySize: {most[resource.kind]}; this has {size} characters",
            argument,
        )


@rule("aws_iam_role")
def trusted_roles(resource: Resource, context: Context) -> Iterator[Problem]:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html"""
    if context.stage != "plan" or context.settings is None:
        return
    mine = _arn(resource.state, context.settings.account)
    for statement in statements(resource.document("assume_role_policy")):
        for planned in _planned_roles(context):
            if planned in principals(statement, "AWS"):
                yield _named_as_text(planned)
    for other in context.world.all("aws_iam_role"):
        document = Resource("aws_iam_role", other, other).document("assume_role_policy")
        new = resource.state.get("id") is None or not isinstance(resource.state.get("id"), str)
        if new and any(mine in principals(statement, "AWS") for statement in statements(document)):
            yield _named_as_text(mine)


def _planned_roles(context: Context) -> set[str]:
    account = context.settings.account if context.settings else ""
    roles = [role for role in context.world.all("aws_iam_role") if not isinstance(role.get("arn"), str)]
    return {_arn(role, account) for role in roles}


def _arn(role: dict[str, Any], account: str) -> str:
    path = role.get("path") if isinstance(role.get("path"), str) else "/"
    return f"arn:aws:iam::{account}:role{path}{role.get('name')}"


def _named_as_text(arn: str) -> Problem:
    return Problem(
        f'MalformedPolicyDocument: Invalid principal in policy: "AWS":"{arn}". This plan makes that role: '
        f"refer to its arn, so that it is made first",
        "assume_role_policy",
    )


@rule("aws_s3_bucket_policy")
def bucket(resource: Resource, context: Context) -> Iterator[Problem]:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/troubleshooting-by-symptom.html"""
    name = resource.text("bucket")
    if name is None:
        return
    own = f"arn:aws:s3:::{name}"
    for statement in statements(resource.document("policy")):
        for arn in texts(statement.get("Resource")) + texts(statement.get("NotResource")):
            if arn != own and not arn.startswith(f"{own}/"):
                yield Problem(f"MalformedPolicy: Policy has invalid resource: {arn} is not {own}", "policy")
