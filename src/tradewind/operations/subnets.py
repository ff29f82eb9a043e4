"""The subnets of a plan: the tier of each, from its routes, and the traffic that its network ACL allows. Pure."""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import pairwise

from tradewind.blueprint import Tier
from tradewind.operations.plan_references import Resource, Wiring

ANYWHERE = "0.0.0.0/0"
OUTSIDE = ipaddress.IPv4Network("192.0.2.0/24")
"""Addresses for documentation (RFC 5737), used here for any address of the internet."""

EPHEMERAL = range(32768, 61000)
"""Ports of responses: those that Linux clients choose (net.ipv4.ip_local_port_range)."""

_PRIVATE = tuple(ipaddress.IPv4Network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))


class Subnets:
    """The traffic that passes between subnets, and between them and the outside.

    Args:
        wiring: the plan.
        every: traffic must pass for all addresses, ports and subnets in question, so that it works in the subnet of
            every task; otherwise it is enough that it passes for some.
    """

    def __init__(self, wiring: Wiring, *, every: bool) -> None:
        self._wiring = wiring
        self._every = every
        self.all = tuple(wiring.of("aws_subnet"))
        self._table = self._tables()
        self._routes = self._by_owner("aws_route", "route_table_id", "aws_route_table")
        self._rules = self._acl_rules()

    def tier(self, subnet: Resource) -> str:
        """The tier of a subnet: public with a route to an internet gateway, private with another route, else data."""
        if subnet.address not in self._table:
            return "main route table"  # the design has no such subnet, so its routes do not matter
        routes = self._routes_of(subnet)
        if any(self._wiring.many(route, "gateway_id", "aws_internet_gateway") for route in routes):
            return Tier.PUBLIC.value
        return Tier.PRIVATE.value if routes else Tier.DATA.value

    def holds(self, checks: Iterable[bool]) -> bool:
        """Whether all (``every``) or some of the checks pass; False if there are none."""
        found = list(checks)
        return bool(found) and (all(found) if self._every else any(found))

    def spans(self, ports: range) -> list[range]:
        """Split ``ports`` at each first and last port of a network ACL rule: the same rules apply to a whole span."""
        cuts = {ports.start, ports.stop}
        for rule in self._wiring.of("aws_network_acl_rule"):
            if rule.values.get("from_port") is not None:
                cuts |= {int(rule.values["from_port"]), int(rule.values["to_port"]) + 1}
        return [range(low, high) for low, high in pairwise(sorted(cuts)) if ports.start <= low and high <= ports.stop]

    def between(self, one: Resource, two: Resource, span: range) -> bool:
        """Whether a call and its response pass the ACLs of both subnets. Within one subnet, no ACL applies."""
        if one == two:
            return True
        here, there = _cidr(one), _cidr(two)
        return self._call(one, there, span, out=True) and self._call(two, here, span, out=False)

    def from_outside(self, source: str, subnet: Resource, span: range) -> bool:
        """Whether a call from an address range reaches a subnet: from the company, the internet, or another subnet."""
        cidr = _network(source)
        private = any(cidr.subnet_of(network) for network in _PRIVATE)
        ways = []
        if private or self.tier(subnet) == Tier.PUBLIC.value:
            ways.append(self._call(subnet, OUTSIDE if source == ANYWHERE else cidr, span, out=False))
        if not self._every:
            # A range that contains subnets lets them in, too.
            ways += [self.between(other, subnet, span) for other in self.all if _cidr(other).overlaps(cidr)]
        return any(ways)

    def to_internet(self, subnet: Resource, span: range) -> bool:
        """Whether calls from a subnet reach the internet and responses return, also through a NAT gateway's subnet."""
        if not self._call(subnet, OUTSIDE, span, out=True):
            return False
        for route in self._routes_of(subnet):
            if route.values.get("destination_cidr_block") != ANYWHERE:
                continue
            if self._wiring.many(route, "gateway_id", "aws_internet_gateway"):
                return True
            for nat in self._wiring.many(route, "nat_gateway_id", "aws_nat_gateway"):
                for public in self._wiring.many(nat, "subnet_id", "aws_subnet"):
                    if self._call(public, _cidr(subnet), span, out=False) and self.to_internet(public, span):
                        return True
        return False

    def to_gateway_endpoint(self, subnet: Resource) -> bool:
        """Whether the subnet's route table has a gateway endpoint (of S3)."""
        table = self._table.get(subnet.address)
        return any(
            table in self._wiring.many(endpoint, "route_table_ids", "aws_route_table")
            for endpoint in self._wiring.of("aws_vpc_endpoint")
        )

    def _call(self, subnet: Resource, other: ipaddress.IPv4Network, span: range, *, out: bool) -> bool:
        """Whether the ACL of a subnet lets a call out to (or in from) other addresses, and its response back."""
        answers = (self._allows(subnet, other, part, out=not out) for part in self.spans(EPHEMERAL))
        return self._allows(subnet, other, span, out=out) and self.holds(answers)

    def _allows(self, subnet: Resource, other: ipaddress.IPv4Network, span: range, *, out: bool) -> bool:
        """Whether the ACL of a subnet lets a span of ports through, for every or some address of ``other``."""
        # A subnet without an ACL of its own has the VPC's default, which this design closes.
        for rule in self._rules.get(subnet.address, ()):
            values = rule.values
            if bool(values.get("egress")) is not out or values.get("cidr_block") is None or not _covers(rule, span):
                continue
            cidr = _network(values["cidr_block"])
            whole, partly = other.subnet_of(cidr), other.overlaps(cidr)
            if values["rule_action"] == "allow" and (whole if self._every else partly):
                return True
            if values["rule_action"] == "deny" and (partly if self._every else whole):
                return False
        return False

    def _routes_of(self, subnet: Resource) -> list[Resource]:
        table = self._table.get(subnet.address)
        return self._routes[table.address] if table else []

    def _tables(self) -> dict[str, Resource]:
        """Map each subnet to its route table."""
        found = {}
        for link in self._wiring.of("aws_route_table_association"):
            table = self._wiring.one(link, "route_table_id", "aws_route_table")
            subnet = self._wiring.one(link, "subnet_id", "aws_subnet")
            if table and subnet:
                found[subnet.address] = table
        return found

    def _acl_rules(self) -> dict[str, list[Resource]]:
        """Map each subnet to the rules of its network ACL, in the order in which AWS evaluates them."""
        rules = self._by_owner("aws_network_acl_rule", "network_acl_id", "aws_network_acl")
        return {
            subnet.address: sorted(rules[acl.address], key=lambda rule: int(rule.values["rule_number"]))
            for acl in self._wiring.of("aws_network_acl")
            for subnet in self._wiring.many(acl, "subnet_ids", "aws_subnet")
        }

    def _by_owner(self, kind: str, argument: str, owner: str) -> dict[str, list[Resource]]:
        found: dict[str, list[Resource]] = defaultdict(list)
        for resource in self._wiring.of(kind):
            owned_by = self._wiring.one(resource, argument, owner)
            if owned_by:
                found[owned_by.address].append(resource)
        return found


def joined(spans: Iterable[range]) -> Iterator[range]:
    """Merge adjacent spans. They must be in order."""
    last: range | None = None
    for span in spans:
        if last is not None and last.stop != span.start:
            yield last
            last = None
        last = span if last is None else range(last.start, span.stop)
    if last is not None:
        yield last


def _covers(rule: Resource, span: range) -> bool:
    values = rule.values
    if str(values["protocol"]) in {"-1", "all"}:
        return True
    return str(values["protocol"]) in {"tcp", "6"} and values["from_port"] <= span[0] and span[-1] <= values["to_port"]


@cache
def _network(text: str) -> ipaddress.IPv4Network:
    return ipaddress.IPv4Network(text)


def _cidr(subnet: Resource) -> ipaddress.IPv4Network:
    return _network(subnet.values["cidr_block"])
