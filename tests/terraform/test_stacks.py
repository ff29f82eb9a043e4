"""The stacks, planned and applied in memory with the project's own configurations."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml
from harness import PROJECT, Terraform, changes
from planned import LARGE, SMALL, STACKS, plan_of, planned_types, scratch, stacks, terraform, variables

from tradewind.config import Tradewind, parse
from tradewind.config.fields import RESERVED
from tradewind.environments import LOCAL
from tradewind.errors import TradewindError
from tradewind.infrastructure.stack import environment_stack
from tradewind.operations.audit import audit

EVERY = [pytest.param(LARGE, name, id=f"large-{name}") for name in LARGE.environments]
EVERY += [pytest.param(SMALL, name, id=f"small-{name}") for name in SMALL.environments]

# Types that a switch of docs/reference/stacks.md adds or removes. All others are the same in every environment.
SWITCHED = {
    "aws_acm_certificate",
    "aws_acm_certificate_validation",
    "aws_appautoscaling_scheduled_action",
    "aws_route53_record",
    "aws_sns_topic_subscription",
}


@pytest.mark.parametrize(("tradewind", "name"), EVERY)
def test_a_new_environment_is_only_made(tradewind: Tradewind, name: str) -> None:
    actions = changes(plan_of(tradewind, name))
    assert len(actions) > 200
    assert {tuple(each) for each in actions.values()} == {("create",)}


def test_an_environment_has_as_many_classes_of_workers_as_a_company_wants() -> None:
    """The controller's policy names every pool, and a role may have 10,240 characters of policies."""
    document = yaml.safe_load((PROJECT / "tradewind.yaml").read_text())
    document["environments"]["dev"]["workers"] = {f"machine-learning-{number}": {"max": 1} for number in range(12)}
    stack = environment_stack(parse(yaml.safe_dump(document), "tradewind.yaml"), "dev")
    state = terraform(stack, "classes").apply(**variables(stack))
    made = [
        module for module in state["values"]["root_module"]["child_modules"] if "machine-learning" in module["address"]
    ]
    assert len([module for module in made if module["address"].startswith("module.service")]) == 12 * 4


@pytest.mark.parametrize("kind", ["bootstrap", "account", "environment"])
def test_each_example_can_be_planned_as_it_stands(kind: str) -> None:
    given = json.loads((PROJECT / f"terraform/examples/{kind}.tfvars.json").read_text())
    copy = Terraform(STACKS / kind, scratch() / f"example-{kind}").init()
    assert {tuple(each) for each in changes(copy.plan(**given)).values()} == {("create",)}


def test_environments_are_made_of_the_same_types() -> None:
    every = [planned_types(plan_of(tradewind, name)) for tradewind in (LARGE, SMALL) for name in tradewind.environments]
    common = set.intersection(*every)
    assert len(common) > 40
    assert set.union(*every) - common <= SWITCHED


def test_a_second_plan_without_a_domain_is_empty() -> None:
    stack = environment_stack(SMALL, "dev")
    copy = terraform(stack, "applied")
    copy.apply(**variables(stack))
    assert changes(copy.plan(**variables(stack))) == {}


def test_a_fifth_environment_is_a_block_of_three_lines() -> None:
    text = (PROJECT / "examples/large/tradewind.yaml").read_text()
    document = yaml.safe_load(text)
    block = yaml.safe_load(
        """
        sandbox:
          network: {cidr: 10.64.128.0/18}
          access: {domain: {name: airflow.sandbox.example.com, hosted_zone_id: Z0123456789SANDEXAMPL}}
        """
    )
    document["environments"] |= block
    document["promotion"] |= {"sandbox": "pre-prod"}
    five = parse(yaml.safe_dump(document), "tradewind.yaml")
    stack = environment_stack(five, "sandbox")
    actions = changes(terraform(stack, "sandbox").plan(**variables(stack)))
    dev = changes(plan_of(LARGE, "dev"))
    # The same as dev, except for dev's schedule, which stops its web at night.
    assert {address.replace("sandbox", "dev") for address in actions} ^ set(dev) == {
        'module.observability.aws_cloudwatch_metric_alarm.this["web-copies"]',
        'module.service["web"].aws_appautoscaling_scheduled_action.this["evening"]',
        'module.service["web"].aws_appautoscaling_scheduled_action.this["morning"]',
    }


@pytest.mark.parametrize(("tradewind", "name"), EVERY)
def test_who_owns_what(tradewind: Tradewind, name: str) -> None:
    found = [entry["change"]["after"] for entry in plan_of(tradewind, name)["resource_changes"]]
    services = [after for after in found if "deployment_circuit_breaker" in after]
    assert services
    for service in services:
        assert service["desired_count"] == 0
        assert service["deployment_circuit_breaker"] == [{"enable": True, "rollback": False}]
    targets = [after for after in found if "scalable_dimension" in after and "suspended_state" in after]
    assert targets
    assert all(state[key] for target in targets for state in target["suspended_state"] for key in state), (
        "scaling begins with the first release"
    )


@pytest.mark.parametrize(("tradewind", "name"), EVERY)
def test_each_environment_scales_as_its_file_says(tradewind: Tradewind, name: str) -> None:
    environment = tradewind.environments[name]
    found = {
        entry["address"]: entry["change"]["after"]
        for entry in plan_of(tradewind, name)["resource_changes"]
        if entry["type"] == "aws_appautoscaling_target"
    }
    web = found['module.service["web"].aws_appautoscaling_target.this[0]']
    assert (web["min_capacity"], web["max_capacity"]) == (environment.web.min, environment.web.max)
    # The controller sets the number of workers; the file sets those of scheduler and DAG processor.
    assert not any(part in address for address in found for part in ("worker", "scheduler", "dag-processor"))


@pytest.mark.parametrize(("tradewind", "name"), EVERY)
def test_production_cannot_be_deleted_by_mistake(tradewind: Tradewind, name: str) -> None:
    plan = plan_of(tradewind, name)
    production = tradewind.environments[name].production
    by_type = {entry["type"]: entry["change"]["after"] for entry in plan["resource_changes"]}
    assert by_type["aws_db_instance"]["deletion_protection"] is production
    assert by_type["aws_db_instance"]["skip_final_snapshot"] is False
    balancers = [e["change"]["after"] for e in plan["resource_changes"] if e["type"] == "aws_lb"]
    assert {balancer["enable_deletion_protection"] for balancer in balancers} == {production}
    buckets = [e["change"]["after"] for e in plan["resource_changes"] if e["type"] == "aws_s3_bucket"]
    assert {bucket["force_destroy"] for bucket in buckets} == {not production}


def in_a_vpc_that_exists() -> Tradewind:
    document = yaml.safe_load((PROJECT / "tradewind.yaml").read_text())
    tiers = {
        tier: [f"subnet-{number}{index}aaaaaa" for index in range(2)]
        for number, tier in enumerate(["public_subnets", "private_subnets", "data_subnets"], start=1)
    }
    document["environments"]["dev"]["network"] = {"vpc": {"id": "vpc-0123456789abcdef0", **tiers}}
    return parse(yaml.safe_dump(document), "tradewind.yaml")


def test_a_vpc_that_exists_stands_in() -> None:
    tradewind = in_a_vpc_that_exists()
    stack = environment_stack(tradewind, "dev")
    plan = terraform(stack, "existing-vpc").plan(**variables(stack))
    made = {entry["type"]: entry["change"]["after"] for entry in plan["resource_changes"]}
    assert not {"aws_vpc", "aws_subnet", "aws_nat_gateway", "aws_route_table", "aws_network_acl"} & set(made)
    assert made["aws_db_subnet_group"]["subnet_ids"] == ["subnet-30aaaaaa", "subnet-31aaaaaa"]
    assert made["aws_ecs_service"]["network_configuration"][0]["subnets"] == ["subnet-20aaaaaa", "subnet-21aaaaaa"]
    with pytest.raises(TradewindError, match="Terraform does not manage its VPC vpc-0123456789abcdef0"):
        audit(tradewind.environments["dev"], plan)


@pytest.mark.parametrize(("tradewind", "name"), EVERY)
def test_tags_are_everywhere(tradewind: Tradewind, name: str) -> None:
    wanted = {"tradewind:tenant": tradewind.tenant, "tradewind:environment": name, **tradewind.tags}
    tagged = [
        entry["change"]["after"]["tags_all"]
        for entry in plan_of(tradewind, name)["resource_changes"]
        if entry["change"]["after"].get("tags_all") is not None and entry["type"] != "aws_s3_object"
    ]
    assert len(tagged) > 100
    assert all(wanted.items() <= tags.items() for tags in tagged)


def named(plan: Mapping[str, Any]) -> dict[str, set[str]]:
    """The known names of the resources in a plan, by type and argument."""
    found: dict[str, set[str]] = defaultdict(set)
    for entry in plan["resource_changes"]:
        for argument, value in (entry["change"]["after"] or {}).items():
            if re.search(r"name|bucket$|identifier|family|token|_id$", argument) and isinstance(value, str):
                found[f"{entry['type']}.{argument}"].add(value)
    return found


def environments_called(plan: Mapping[str, Any], name: str, others: Mapping[str, set[str]]) -> Iterator[str]:
    """Names of environments for which a resource name would collide with one of ``others``."""
    for kind, names in named(plan).items():
        for form in {re.escape(own).replace(re.escape(f"acme-{name}"), "acme-([a-z][a-z0-9-]*)", 1) for own in names}:
            if "(" in form:
                yield from (found[1] for other in others.get(kind, ()) if (found := re.fullmatch(form, other)))


def test_names_that_an_account_has_are_reserved() -> None:
    theirs: dict[str, set[str]] = defaultdict(set)
    for stack in stacks(SMALL):
        if stack.kind != "environment":
            plan = terraform(stack, f"names-{stack.kind}-{stack.name}").plan(**variables(stack))
            for kind, names in named(plan).items():
                theirs[kind] |= names
    assert len(theirs) > 3
    assert set(environments_called(plan_of(LARGE, "prod"), "prod", theirs)) == set(RESERVED) - {LOCAL}


def test_two_environments_never_have_one_name() -> None:
    """Not even if the name of one begins with the other's. For worker pools, the configuration check has a rule."""
    plan = plan_of(LARGE, "prod")
    same = {found for found in environments_called(plan, "prod", named(plan)) if found != "prod"}
    assert {name for name in same if not re.match(r"prod-worker(-|$)", name)} == set()
