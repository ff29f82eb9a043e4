"""The traffic that network ACLs allow, on small plans, without Terraform."""

from __future__ import annotations

from typing import Any

import pytest

from tradewind.operations.plan_references import Wiring
from tradewind.operations.subnets import Subnets

WEB = range(443, 444)
ALL = ("-1", None, None)


def resource(kind: str, name: str, **values: Any) -> dict[str, Any]:
    given = {"id": f"{kind}.{name}", **values}
    return {"mode": "managed", "address": f"{kind}.{name}", "type": kind, "name": name, "values": given}


def rule(number: int, egress: bool, action: str, cidr: str, ports: tuple[Any, ...] = ALL) -> dict[str, Any]:
    protocol, low, high = ports
    return resource(
        "aws_network_acl_rule",
        f"{number}_{egress}_{action}",
        network_acl_id="aws_network_acl.a",
        egress=egress,
        rule_number=number,
        rule_action=action,
        cidr_block=cidr,
        protocol=protocol,
        from_port=low,
        to_port=high,
    )


def subnets(*rules: dict[str, Any], every: bool) -> Subnets:
    """Two subnets, 10.0.0.0/24 and 10.0.1.0/24, that share an ACL with these rules."""
    found = [
        resource("aws_subnet", "one", cidr_block="10.0.0.0/24"),
        resource("aws_subnet", "two", cidr_block="10.0.1.0/24"),
        resource("aws_network_acl", "a", subnet_ids=["aws_subnet.one", "aws_subnet.two"]),
        *rules,
    ]
    blocks = [{"type": entry["type"], "name": entry["name"], "expressions": {}} for entry in found]
    plan = {"planned_values": {"root_module": {"resources": found}}, "configuration": {"root_module": {}}}
    plan["configuration"]["root_module"]["resources"] = blocks
    return Subnets(Wiring(plan), every=every)


OPEN = (rule(100, True, "allow", "10.0.0.0/16"), rule(100, False, "allow", "10.0.0.0/16"))


@pytest.mark.parametrize(
    ("rules", "always", "sometimes"),
    [
        ((), False, False),
        (OPEN, True, True),
        (OPEN[:1], False, False),  # the other direction is shut
        # A part of the other subnet is refused: some calls pass.
        ((rule(50, False, "deny", "10.0.0.128/25"), *OPEN), False, True),
        ((rule(50, True, "deny", "10.0.1.128/25"), *OPEN), False, True),
        ((rule(50, False, "deny", "10.0.0.0/16"), *OPEN), False, False),
        # The first matching rule counts.
        ((*OPEN, rule(200, False, "deny", "10.0.0.0/16")), True, True),
        # Another port is refused, or the return traffic.
        ((rule(50, False, "deny", "10.0.0.0/16", ("6", 22, 22)), *OPEN), True, True),
        ((rule(50, False, "deny", "10.0.0.0/16", ("6", 32768, 60999)), *OPEN), False, False),
        ((rule(50, False, "deny", "10.0.0.0/16", ("6", 32768, 40000)), *OPEN), False, True),
        ((rule(100, True, "allow", "10.0.0.0/25"), rule(100, False, "allow", "10.0.0.0/16")), False, False),
    ],
)
def test_what_passes_between_two_subnets(rules: tuple[dict[str, Any], ...], always: bool, sometimes: bool) -> None:
    for every, passes in ((True, always), (False, sometimes)):
        found = subnets(*rules, every=every)
        one, two = found.all
        assert found.between(one, two, WEB) is passes, every
        assert found.between(one, one, WEB)
