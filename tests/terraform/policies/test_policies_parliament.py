"""parliament checks every IAM policy of the large example."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
from deployed import everything
from policies.findings import Finding, explanations, place, unexplained, useless

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import parliament

# The resource of a policy without a Resource element: the policy belongs to one role or one repository.
ABOUT_ITSELF = {"aws_iam_role", "aws_ecr_repository_policy"}


def test_every_finding_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    found, policies, statements = [], 0, 0
    for each in everything()[0]:
        plan = json.loads(each.settled)
        for resource, policy in _policies(each.resources):
            policies += 1
            where = place(each.name.split("-")[0], resource["address"], plan)
            for statement in policy["Statement"]:
                statements += 1
                part = statement.get("Sid", "Trust")
                if resource["type"] in ABOUT_ITSELF:
                    statement = {**statement, "Resource": "*"}
                found += [Finding("parliament", check, where, part) for check in _judge(statement)]
    reasons = explanations("parliament")
    left = unexplained(found, reasons)
    with capsys.disabled():
        print(
            f"\nparliament: {policies} policies with {statements} statements, {len(found)} findings at "
            f"{len(set(found))} places, {len(set(found)) - len(left)} explained"
        )
    assert policies > 200
    assert not left, "\n".join(map(str, left))
    assert not (unused := useless(reasons)), "\n".join(unused)


@pytest.mark.parametrize(
    ("change", "check"),
    [
        ({"Action": ["s3:GetObjekt"]}, "UNKNOWN_ACTION"),
        ({"Resource": ["arn:aws:sqs:eu-west-1:111122223333:queue"]}, "RESOURCE_MISMATCH"),
        ({"Condition": {"StringEquals": {"s3:nothing": "x"}}}, "UNKNOWN_CONDITION_FOR_ACTION"),
    ],
)
def test_a_mistake_is_found(change: dict[str, Any], check: str) -> None:
    good = {"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": ["arn:aws:s3:::bucket/*"]}
    assert list(_judge(good)) == []
    assert check in list(_judge({**good, **change}))


def _policies(resources: list[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    for resource in resources:
        for value in resource["change"]["after"].values():
            if isinstance(value, str) and value.startswith("{"):
                policy = json.loads(value)
                if "Statement" in policy:
                    yield resource, policy


def _judge(statement: dict[str, Any]) -> Iterator[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        policy = parliament.analyze_policy_string(json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    for finding in policy.findings:
        yield _by_wildcard(statement, finding) if finding.issue == "RESOURCE_MISMATCH" else finding.issue


def _by_wildcard(statement: dict[str, Any], finding: Any) -> str:
    """An action from a wildcard may not fit the statement's resources. An action that is written out must fit."""
    actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
    written = {action.lower() for action in actions}
    named = [entry for entry in finding.detail if entry["action"].lower() in written]
    return "RESOURCE_MISMATCH" if named else "RESOURCE_MISMATCH_BY_WILDCARD"
