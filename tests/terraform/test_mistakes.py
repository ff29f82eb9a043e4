"""How many of the mistakes that AWS refuses are found before a call to AWS, and at which stage."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import mistakes
import pytest

# Found only by an apply in memory: they concern resources whose ids are unknown before.
BY_APPLYING = {
    "alb-access-logs-kms-bucket",
    "ecs-exec-with-readonly-root",
    "ecs-service-tg-without-listener",
    "efs-two-mount-targets-one-zone",
    "kms-key-policy-lacks-logs-service",
    "rds-subnet-group-one-zone",
    "route53-cname-at-apex",
    "subnet-cidr-overlap",
    "subnet-outside-vpc",
    "tg-instance-type-for-awsvpc",
    "vpc-endpoint-private-dns-without-vpc-dns",
}
# Found by a plan: they concern the provider's region, or two resources whose names the code contains.
BY_PLANNING = {
    "alb-listener-certificate-other-region",
    "alb-rule-priority-duplicate",
    "elasticache-parameter-family-mismatch",
    "iam-trust-policy-missing-principal",
    "nacl-rule-number-duplicate",
    "rds-parameter-family-mismatch",
    "vpc-endpoint-duplicate-private-dns",
}
# Found by Terraform itself.
BY_TERRAFORM = {"sg-cycle"}
LEAST = 36


@pytest.fixture(scope="module")
def listed() -> list[mistakes.Mistake]:
    return mistakes.listed()


def test_every_mistake_is_told_and_sourced(listed: list[mistakes.Mistake]) -> None:
    assert len(listed) >= 44
    assert len({mistake.id for mistake in listed}) == len(listed)
    assert all(mistake.source.startswith("https://") and mistake.rule for mistake in listed)


def test_mistakes_are_caught_before_aws(listed: list[mistakes.Mistake], tmp_path: Path) -> None:
    caught = mistakes.find({mistake.id: mistake.hcl for mistake in listed}, tmp_path)

    for mistake in listed:
        found = caught.get(mistake.id)
        print(f"{found.stage if found else 'missed':9} {mistake.id:45} {found.summary if found else ''}")
    stages = Counter(found.stage for found in caught.values())
    print(f"{len(caught)} of {len(listed)} caught: {dict(stages)}")

    expected = {mistake.id: "validate" for mistake in listed}
    expected |= dict.fromkeys(BY_PLANNING, "plan") | dict.fromkeys(BY_APPLYING, "apply")
    assert {identity: found.stage for identity, found in caught.items()} == expected
    assert stages["validate"] + stages["plan"] >= LEAST
    by_terraform = {identity for identity, found in caught.items() if found.summary.startswith("Cycle")}
    assert by_terraform == BY_TERRAFORM


def test_mended_fragments_are_accepted(listed: list[mistakes.Mistake], tmp_path: Path) -> None:
    assert mistakes.find({mistake.id: mistake.right for mistake in listed}, tmp_path) == {}
