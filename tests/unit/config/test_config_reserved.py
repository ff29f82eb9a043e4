"""Values that a configuration may not have: names in use, and values that fail on AWS."""

from __future__ import annotations

import boto3
import pytest
from config_samples import VALID, changed, problems, problems_in, text
from jsonschema import Draft202012Validator

from tradewind.config import json_schema
from tradewind.config.fields import RESERVED
from tradewind.environments import LOCAL


def regions() -> list[tuple[str, str]]:
    """Every region that botocore knows, with its partition."""
    session = boto3.Session()
    services = ("ec2", "s3", "ecs")
    return sorted(
        {
            (region, partition)
            for partition in session.get_available_partitions()
            for service in services
            for region in session.get_available_regions(service, partition)
        }
    )


def in_editors(data: object) -> bool:
    """Whether the JSON Schema, which editors use, accepts it."""
    return Draft202012Validator(json_schema.published()).is_valid(data)


def test_regions_of_the_partition_that_the_terraform_files_name_are_taken_and_no_others() -> None:
    found = regions()
    assert {"aws", "aws-cn", "aws-us-gov", "aws-eusc"} <= {partition for _, partition in found}
    for region, partition in found:
        said = problems(region=region)
        assert (said == {}) == (partition == "aws"), (region, partition, said)
        assert in_editors(changed(region=region)) == (partition == "aws"), region
        if partition != "aws":
            assert list(said) == ["region"]
            assert "is in another partition of AWS" in said["region"]
            assert "Choose a region of that partition, such as eu-west-1" in said["region"]


@pytest.mark.parametrize("arn", ["arn:aws-cn:iam::111111111111:role/ci", "arn:aws-us-gov:iam::111111111111:role/ci"])
def test_what_is_named_in_another_partition_is_refused(arn: str) -> None:
    assert problems(accounts__main={"id": "111111111111", "ci_principals": [arn]}) == {
        "accounts.main.ci_principals[0]": "must be the ARN of an IAM role or user, arn:aws:iam::…"
    }


@pytest.mark.parametrize("name", RESERVED)
def test_a_reserved_name_is_one_problem_at_its_key(name: str) -> None:
    data = {**VALID, "environments": {name: VALID["environments"]["dev"]}, "promotion": {}}
    message = f"is a reserved name: {RESERVED[name]}; choose another"
    assert problems_in(text(data)) == {f"environments.{name}": message}
    assert not in_editors(data)
    # Reserved names apply to environments, not to accounts.
    renamed = {**VALID, "accounts": {name: VALID["accounts"]["main"]}, "promotion": {}}
    renamed["environments"] = {"dev": VALID["environments"]["dev"] | {"account": name}}
    assert problems_in(text(renamed)) == {}


def test_the_name_of_this_machine_is_reserved() -> None:
    assert LOCAL in RESERVED
