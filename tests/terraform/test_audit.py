"""``tradewind audit`` on real plans: it passes on the design, and fails if any part of it is missing."""

from __future__ import annotations

import copy
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from harness import PROJECT, Terraform
from planned import LARGE, SMALL, plan_of, variables

from tradewind.config import Tradewind
from tradewind.errors import TradewindError
from tradewind.infrastructure.stack import environment_stack
from tradewind.operations.audit import audit
from tradewind.operations.network_paths import Reach
from tradewind.operations.plan_references import Wiring

EVERY = [pytest.param(LARGE, name, id=f"large-{name}") for name in LARGE.environments]
EVERY += [pytest.param(SMALL, name, id=f"small-{name}") for name in SMALL.environments]
PROD = LARGE.environments["prod"]

WAYS = {
    "aws_internet_gateway",
    "aws_network_acl_rule",
    "aws_route",
    "aws_route_table_association",
    "aws_vpc_endpoint",
    "aws_vpc_security_group_egress_rule",
    "aws_vpc_security_group_ingress_rule",
}
# Second lines of defense: without them no path opens or shuts. The tests of modules/acls check them.
SECOND_LINES = {
    'module.network[0].aws_network_acl_rule.this["private/ingress/not-data"]',
    'module.network[0].aws_network_acl_rule.this["public/ingress/internet-443"]',
}


@pytest.mark.parametrize(("tradewind", "name"), EVERY)
def test_the_plan_is_the_design(tradewind: Tradewind, name: str) -> None:
    found = audit(tradewind.environments[name], plan_of(tradewind, name))
    assert (found.open, found.shut) == ((), ())
    assert len(found.right) > 30


@pytest.mark.parametrize(("tradewind", "name"), EVERY)
def test_tiers_by_their_routes(tradewind: Tradewind, name: str) -> None:
    tiers = Reach(Wiring(plan_of(tradewind, name))).tiers()
    assert len(tiers) == 3 * tradewind.environments[name].network.zones
    assert all(f".{tier}[" in address for address, tier in tiers.items())


def modules(module: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield module
    for child in module.get("child_modules", ()):
        yield from modules(child)


def test_whatever_is_taken_away_is_noticed() -> None:
    plan = copy.deepcopy(plan_of(LARGE, "prod"))
    unnoticed, tried = set(), 0
    for module in modules(plan["planned_values"]["root_module"]):
        for resource in [each for each in module.get("resources", ()) if each["type"] in WAYS]:
            place = module["resources"].index(resource)
            module["resources"].remove(resource)
            if audit(PROD, plan).passed:
                unnoticed.add(resource["address"])
            module["resources"].insert(place, resource)
            tried += 1
    print(f"{tried} rules, routes and endpoints taken away one by one, {len(unnoticed)} unnoticed")
    assert tried > 100
    assert unnoticed == SECOND_LINES


def rule(plan: dict[str, Any], part: str) -> dict[str, Any]:
    root = plan["planned_values"]["root_module"]
    return next(r for module in modules(root) for r in module.get("resources", ()) if part in r["address"])


IN, OUT = "aws_vpc_security_group_ingress_rule", "aws_vpc_security_group_egress_rule"
ALL_PORTS = {"from_port": 0, "to_port": 65535}
ACL = "network_acl_rule.this"


@pytest.mark.parametrize(
    ("changes", "opened"),
    [
        ({"ingress_rule.people": {"cidr_ipv4": "0.0.0.0/0"}}, {"0.0.0.0/0 public_load_balancer 443"}),
        # A change on one side opens nothing: the other side, or the network ACL, still blocks.
        ({f'to_database["web"].{IN}': ALL_PORTS}, set()),
        ({f'to_database["web"].{OUT}': ALL_PORTS}, set()),
        ({'to_internet["worker"]': ALL_PORTS}, set()),
        ({f'{ACL}["data/egress/answers"]': {"cidr_block": "0.0.0.0/0"}}, set()),
        # Changes on both sides open the ports that the network ACL allows: those of the data tier.
        (
            {f'to_database["web"].{IN}': ALL_PORTS, f'to_database["web"].{OUT}': ALL_PORTS},
            {"web database 2049", "web database 6379"},
        ),
        # A range that includes the network: the internet has no route to it, but every address inside may connect.
        ({f'to_database["web"].{IN}': {"cidr_ipv4": "0.0.0.0/0"}}, {"0.0.0.0/0 database 3306"}),
        ({f'to_broker["worker"].{IN}': {"cidr_ipv4": "10.66.0.0/16"}}, {"10.66.0.0/16 broker 6379"}),
        (
            {f'{ACL}["data/ingress/mysql"]': {"to_port": 3307}, f'{ACL}["private/egress/mysql"]': {"to_port": 3307}},
            {"tier private tier data 3306-3307"},
        ),
    ],
)
def test_what_opens_is_told(changes: dict[str, dict[str, Any]], opened: set[str]) -> None:
    plan = copy.deepcopy(plan_of(LARGE, "prod"))
    for part, change in changes.items():
        rule(plan, part)["values"].update(change)
    assert {f"{path.source} {path.target} {path.port}" for path in audit(PROD, plan).open} >= opened
    if not opened:
        assert audit(PROD, plan).open == ()


def test_what_is_not_read_is_not_passed_over() -> None:
    plan = copy.deepcopy(plan_of(LARGE, "prod"))
    added = {"address": "aws_security_group_rule.x", "mode": "managed", "type": "aws_security_group_rule", "name": "x"}
    plan["planned_values"]["root_module"]["resources"].append(added)
    group = plan["configuration"]["root_module"]["module_calls"]["broker"]["module"]["resources"]
    next(block for block in group if block["type"] == "aws_security_group")["expressions"]["ingress"] = {}
    with pytest.raises(TradewindError, match="in a way that the audit does not read") as caught:
        audit(PROD, plan)
    assert caught.value.why == "aws_security_group_rule.x, module.broker.aws_security_group.this.ingress"


def without(text: str, header: str) -> str:
    """Remove one block from a file, from its first line to its closing brace."""
    made, count = re.subn(rf"^{re.escape(header)} \{{\n.*?^\}}\n", "", text, flags=re.M | re.S)
    assert count == 1, header
    return made


FLOWS, ROUTES = "stacks/environment/flows.tf", "modules/network/routes.tf"


EACH_CHANGE = (
    (FLOWS, 'module "to_database"'),
    ("modules/flow/main.tf", 'resource "aws_vpc_security_group_ingress_rule" "this"'),
    (ROUTES, 'resource "aws_route" "private"'),
)
OTHERS = (
    (FLOWS, 'module "to_broker"'),
    (FLOWS, 'module "to_dag_storage"'),
    (FLOWS, 'module "to_execution_api"'),
    (FLOWS, 'module "from_public_load_balancer"'),
    (FLOWS, 'module "to_logs"'),
    (FLOWS, 'resource "aws_vpc_security_group_egress_rule" "to_internet"'),
    (ROUTES, 'resource "aws_route_table_association" "data"'),
)
"""Further blocks for ``make soak``. For each change, a test removes the same rules from a plan instead."""


@pytest.mark.parametrize(
    ("file", "header"), [*EACH_CHANGE, *(pytest.param(*other, marks=pytest.mark.soak) for other in OTHERS)]
)
def test_code_without_one_of_its_rules_or_routes(file: str, header: str, tmp_path: Path) -> None:
    source = tmp_path / "terraform"
    shutil.copytree(PROJECT / "terraform", source)
    (source / file).write_text(without((source / file).read_text(), header))
    stack = environment_stack(SMALL, "dev")
    plan = Terraform(source / "stacks/environment", tmp_path / "work").init().plan(**variables(stack))
    assert not audit(SMALL.environments["dev"], plan).passed
