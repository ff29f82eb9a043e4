"""The resources after every stack of the large example was applied in memory."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest
from deployed import Deployed, everything
from harness import changes
from planned import LARGE, stacks

from tradewind.blueprint.containers import DAGS, WORK
from tradewind.infrastructure.published import PREFIX, VERSION
from tradewind.infrastructure.stack import Stack
from tradewind.releases.ecs import Layout

STACKS = [pytest.param(stack, id=f"{stack.kind}-{stack.name}") for stack in stacks(LARGE)]


def deployed(kind: str, name: str) -> Deployed:
    return next(each for each in everything()[0] if each.name == f"{kind}-{name}")


def made(kind: str, name: str, type_: str) -> list[dict[str, Any]]:
    return [each["change"]["after"] for each in deployed(kind, name).resources if each["type"] == type_]


@pytest.mark.parametrize("stack", STACKS)
def test_a_second_plan_is_empty(stack: Stack) -> None:
    assert changes(json.loads(deployed(stack.kind, stack.name).settled)) == {}


@pytest.mark.parametrize("account", list(LARGE.accounts))
def test_names_that_stacks_share_are_one(account: str) -> None:
    """No stack reads the state of another stack: each name that two stacks share is written in both."""
    environments = [stack for stack in stacks(LARGE) if stack.kind == "environment" and stack.account.name == account]
    buckets = {bucket["bucket"] for bucket in made("bootstrap", account, "aws_s3_bucket")}
    boundaries = {policy["arn"] for policy in made("bootstrap", account, "aws_iam_policy")}
    roles = {role["arn"] for role in made("bootstrap", account, "aws_iam_role")}
    repositories = {each["repository_url"] for each in made("account", account, "aws_ecr_repository")}
    for stack in environments:
        assert stack.account.state_bucket in buckets
        assert stack.variables["permissions_boundary_arn"] in boundaries
        assert not LARGE.accounts[account].ci_principals or stack.account.role_arn in roles
        images = {container["image"] for container in containers(stack.name)}
        assert images == repositories


@pytest.mark.parametrize("environment", list(LARGE.environments))
def test_an_environment_publishes_its_outputs(environment: str) -> None:
    """The published object equals Terraform's outputs, and is in the bucket from which commands read it."""
    (stack,) = (stack for stack in stacks(LARGE) if (stack.kind, stack.name) == ("environment", environment))
    (published,) = made("environment", environment, "aws_s3_object")
    state = json.loads(deployed("environment", environment).state)
    content = json.loads(published["content"])
    assert (published["bucket"], published["key"]) == (stack.account.state_bucket, f"{PREFIX}{environment}.json")
    assert content == {"version": VERSION, "outputs": {name: out["value"] for name, out in state["outputs"].items()}}
    assert Layout.from_outputs(content["outputs"]).cluster == f"{LARGE.tenant}-{environment}"
    assert not published["tags_all"]  # S3 takes ten; an environment may have fifty


def containers(environment: str) -> list[dict[str, Any]]:
    definitions = made("environment", environment, "aws_ecs_task_definition")
    return [container for each in definitions for container in json.loads(each["container_definitions"])]


@pytest.mark.parametrize("environment", list(LARGE.environments))
def test_containers_write_and_read_where_their_settings_say(environment: str) -> None:
    for container in containers(environment):
        mounts = {mount["containerPath"]: mount["readOnly"] for mount in container["mountPoints"]}
        assert mounts[WORK] is False
        assert mounts.get(DAGS, True) is (container["name"] != "controller")  # only the controller writes
        assert (DAGS in mounts) == container["name"].startswith(("controller", "dag-processor", "triggerer", "worker"))


def test_only_the_controller_starts_revisions_of_workers_and_it_can_make_none() -> None:
    """Among the services of an environment. Pipelines register revisions, and do not start them."""

    def may(statement: Mapping[str, Any], *verbs: str) -> bool:
        allowed = [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]
        return statement["Effect"] == "Allow" and any(verb in allowed or "ecs:*" in allowed for verb in verbs)

    for deployed in everything()[0]:
        found = [
            (resource["address"], statement)
            for resource in deployed.resources
            if resource["type"] in {"aws_iam_role_policy", "aws_iam_policy"} and "boundary" not in resource["address"]
            for statement in json.loads(resource["change"]["after"]["policy"])["Statement"]
        ]
        starting = [(address, statement) for address, statement in found if may(statement, "ecs:UpdateService")]
        if deployed.name.startswith("environment"):
            ((address, statement),) = starting
            assert 'module.task["controller"]' in address
            revisions = statement["Condition"]["ArnLikeIfExists"]["ecs:task-definition"]
            assert all(re.search(r":task-definition/[a-z0-9-]+-worker[a-z0-9-]*:\*$", each) for each in revisions)
            assert all(re.search(r"/worker[a-z0-9-]*-\?$", resource) for resource in statement["Resource"])
            makes = ("ecs:RegisterTaskDefinition", "ecs:TagResource", "ecs:RunTask", "iam:PassRole")
            assert not [address for address, statement in found if may(statement, *makes)]
        elif starting:
            denied = [s for _, s in found if s["Effect"] == "Deny" and "ecs:UpdateService" in s["Action"]]
            assert [s["Condition"] for s in denied] == [{"Null": {"ecs:task-definition": "false"}}]
            assert denied[0]["Resource"][0].endswith("/worker*")
