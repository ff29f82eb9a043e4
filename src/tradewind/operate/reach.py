"""Who can reach whom in an environment, and on which port: computed from a plan. Pure.

A connection passes when the security group of the caller lets it out, that of the called lets it in, the network ACLs
of both subnets let it and its answer through, and a route leads there. Whether a subnet is public, private or data is
read from its routes (to an internet gateway, to a NAT gateway, to nowhere), never from its name.
"""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import chain, pairwise, permutations
from typing import Any

from tradewind.errors import TradewindError
from tradewind.operate.wiring import Resource, Wiring
from tradewind.platform import Tier

INTERNET = "internet"
S3 = "s3"
ANYWHERE = "0.0.0.0/0"
OUTSIDE = ipaddress.IPv4Network("192.0.2.0/24")
"""Addresses for documentation (RFC 5737), which stand for any address of the internet."""

EPHEMERAL = range(32768, 61000)
"""Ports that answers go to: what Linux clients choose (net.ipv4.ip_local_port_range)."""

_HOLDERS = {
    "aws_ecs_service": ("network_configuration.security_groups", "network_configuration.subnets"),
    "aws_lb": ("security_groups", "subnets"),
    "aws_efs_mount_target": ("security_groups", "subnet_id"),
    "aws_vpc_endpoint": ("security_group_ids", "subnet_ids"),
}
_THROUGH_SUBNET_GROUP = {
    "aws_db_instance": ("vpc_security_group_ids", "aws_db_subnet_group"),
    "aws_elasticache_replication_group": ("security_group_ids", "aws_elasticache_subnet_group"),
}


@dataclass(frozen=True, order=True)
class Path:
    """One way in: from ``source`` to ``target`` on a TCP port. ``target`` is in ``tier``."""

    source: str
    target: str
    port: str
    tier: str

    def as_dict(self) -> dict[str, str]:
        """For ``--json``."""
        return {"from": self.source, "to": self.target, "port": self.port, "tier": self.tier}


class Reach:
    """The ways through the network of a plan."""

    def __init__(self, plan: Mapping[str, Any]) -> None:
        self._wiring = Wiring(plan)
        self._tables = self._route_tables()
        self._acls = self._network_acls()
        self._subnets = self._placement()
        self._all = False

    def paths(self, *, every: bool = False) -> frozenset[Path]:
        """The ways that are open. TradewindError where the plan does not say enough.

        Args:
            every: only those that are open between all subnets of both sides, so that they work whatever zone a task
                is in; else also those that are open between some.
        """
        self._all = every
        outs = list(self._wiring.of("aws_vpc_security_group_egress_rule"))
        ins = list(self._wiring.of("aws_vpc_security_group_ingress_rule"))
        groups = chain(self._between(outs, ins), self._from_outside(ins), self._to_outside(outs))
        return frozenset(chain(groups, self._tier_to_tier(), self._endpoints()))

    def tiers(self) -> dict[str, str]:
        """From each subnet to the tier that its routes put it into."""
        return {subnet.address: self._tier(subnet) for subnet in self._wiring.of("aws_subnet")}

    def _between(self, outs: list[Resource], ins: list[Resource]) -> Iterable[Path]:
        entries = defaultdict(list)
        for rule in ins:
            source = self._group(rule, "referenced_security_group_id")
            if source:
                entries[source, self._owner(rule)].append(rule)
        for rule in outs:
            target = self._group(rule, "referenced_security_group_id")
            if target is None:
                continue
            source = self._owner(rule)
            for entry in entries[source, target]:
                ports = _overlap(rule, entry)
                if ports and self._passes(source, target, ports):
                    yield Path(_name(source), _name(target), _text(ports), self._tier_of(target))

    def _from_outside(self, ins: list[Resource]) -> Iterable[Path]:
        for rule in ins:
            cidr = rule.values.get("cidr_ipv4")
            if cidr is None and rule.values.get("cidr_ipv6") is None:
                continue
            target, ports = self._owner(rule), _ports(rule)
            source = ipaddress.IPv4Network(cidr) if cidr not in {None, ANYWHERE} else OUTSIDE
            if self._holds(self._lets_in(subnet, source, ports) for subnet in self._at(target)):
                yield Path(str(cidr or rule.values["cidr_ipv6"]), _name(target), _text(ports), self._tier_of(target))

    def _to_outside(self, outs: list[Resource]) -> Iterable[Path]:
        for rule in outs:
            source, ports = self._owner(rule), _ports(rule)
            if rule.values.get("cidr_ipv4") or rule.values.get("cidr_ipv6"):
                if self._holds(self._leads_out(subnet, ports) for subnet in self._at(source)):
                    yield Path(_name(source), INTERNET, _text(ports), INTERNET)
            elif self._group(rule, "referenced_security_group_id") is None and self._holds(
                self._leads_to_s3(subnet) for subnet in self._at(source)
            ):
                yield Path(_name(source), S3, _text(ports), S3)

    def _tier_to_tier(self) -> Iterable[Path]:
        """What passes from tier to tier by routes and network ACLs alone, were every security group open."""
        tiers = defaultdict(list)
        for subnet in self._wiring.of("aws_subnet"):
            tiers[self._tier(subnet)].append(subnet)
        for source, target in permutations(sorted(tiers), 2):
            pairs = [(one, two) for one in tiers[source] for two in tiers[target]]
            spans: list[range] = []
            for span in self._spans():
                if not self._holds(self._acl_passes(one, two, span) for one, two in pairs):
                    continue
                if spans and spans[-1].stop == span.start:
                    span = range(spans.pop().start, span.stop)
                spans.append(span)
            for span in spans:
                yield Path(f"tier {source}", f"tier {target}", _text(span), target)

    def _spans(self) -> list[range]:
        """All ports, cut wherever a rule of a network ACL begins or ends: within a span nothing changes."""
        cuts = {1, 65536}
        for rule in self._wiring.of("aws_network_acl_rule"):
            if rule.values.get("from_port") is not None:
                cuts |= {max(1, int(rule.values["from_port"])), int(rule.values["to_port"]) + 1}
        edges = sorted(cuts)
        return [range(low, high) for low, high in pairwise(edges)]

    def _endpoints(self) -> Iterable[Path]:
        """AWS services with an interface of their own in the network."""
        for endpoint in self._wiring.of("aws_vpc_endpoint"):
            if endpoint.values.get("vpc_endpoint_type") == "Interface":
                tiers = {self._tier(subnet) for subnet in self._wiring.many(endpoint, "subnet_ids", "aws_subnet")}
                service = str(endpoint.values["service_name"]).split(".", 3)[-1]
                yield Path("endpoints", f"aws {service}", "443", "+".join(sorted(tiers)))

    def _passes(self, source: Resource, target: Resource, ports: range) -> bool:
        return self._holds(self._acl_passes(one, two, ports) for one in self._at(source) for two in self._at(target))

    def _holds(self, checks: Iterable[bool]) -> bool:
        found = list(checks)
        return bool(found) and (all(found) if self._all else any(found))

    def _acl_passes(self, one: Resource, two: Resource, ports: range) -> bool:
        """Whether a connection and its answer pass the ACLs of both subnets. Within one subnet none is asked."""
        if one == two:
            return True
        here, there = _cidr(one), _cidr(two)
        return (
            self._allows(one, there, ports, out=True)
            and self._allows(two, here, ports, out=False)
            and self._allows(two, here, EPHEMERAL, out=True)
            and self._allows(one, there, EPHEMERAL, out=False)
        )

    def _lets_in(self, subnet: Resource, source: ipaddress.IPv4Network, ports: range) -> bool:
        """Whether a call from an address range reaches a subnet: from within the company, or from the internet."""
        private = any(source.subnet_of(net) for net in _PRIVATE)
        if not private and self._tier(subnet) != Tier.PUBLIC.value:
            return False
        return self._allows(subnet, source, ports, out=False) and self._allows(subnet, source, EPHEMERAL, out=True)

    def _leads_out(self, subnet: Resource, ports: range) -> bool:
        """Whether calls from a subnet reach the internet, and answers come back: also through the subnet of NAT."""
        if not (self._allows(subnet, OUTSIDE, ports, out=True) and self._allows(subnet, OUTSIDE, EPHEMERAL, out=False)):
            return False
        for route in self._tables.get(subnet.address, ()):
            if route.values.get("destination_cidr_block") != ANYWHERE:
                continue
            if self._wiring.many(route, "gateway_id", "aws_internet_gateway"):
                return True
            for nat in self._wiring.many(route, "nat_gateway_id", "aws_nat_gateway"):
                for public in self._wiring.many(nat, "subnet_id", "aws_subnet"):
                    inside = self._allows(public, _cidr(subnet), ports, out=False) and self._allows(
                        public, _cidr(subnet), EPHEMERAL, out=True
                    )
                    if inside and self._leads_out(public, ports):
                        return True
        return False

    def _leads_to_s3(self, subnet: Resource) -> bool:
        tables = self._table_of.get(subnet.address)
        return any(
            table == tables
            for endpoint in self._wiring.of("aws_vpc_endpoint")
            for table in self._wiring.many(endpoint, "route_table_ids", "aws_route_table")
        )

    def _tier(self, subnet: Resource) -> str:
        if subnet.address not in self._tables:
            return "main route table"  # whatever that has: nobody designed it
        routes = self._tables[subnet.address]
        if any(self._wiring.many(route, "gateway_id", "aws_internet_gateway") for route in routes):
            return Tier.PUBLIC.value
        if routes:
            return Tier.PRIVATE.value
        return Tier.DATA.value

    def _tier_of(self, group: Resource) -> str:
        return "+".join(sorted({self._tier(subnet) for subnet in self._at(group)})) or "nowhere"

    def _at(self, group: Resource) -> frozenset[Resource]:
        """The subnets in which something has this security group."""
        return frozenset(self._subnets.get(group.address, ()))

    def _group(self, rule: Resource, argument: str) -> Resource | None:
        return self._wiring.one(rule, argument, "aws_security_group")

    def _owner(self, rule: Resource) -> Resource:
        owner = self._group(rule, "security_group_id")
        if owner is None:
            raise TradewindError(f"{rule.address} belongs to a security group that is not in the plan")
        return owner

    def _placement(self) -> dict[str, set[Resource]]:
        found: dict[str, set[Resource]] = defaultdict(set)
        for holder in self._wiring.of(*_HOLDERS):
            groups, subnets = _HOLDERS[holder.type]
            for group in self._wiring.many(holder, groups, "aws_security_group"):
                found[group.address] |= self._wiring.many(holder, subnets, "aws_subnet")
        for holder in self._wiring.of(*_THROUGH_SUBNET_GROUP):
            groups, kind = _THROUGH_SUBNET_GROUP[holder.type]
            for group in self._wiring.many(holder, groups, "aws_security_group"):
                for subnet_group in self._wiring.of(kind):
                    if subnet_group.place == holder.place:
                        found[group.address] |= self._wiring.many(subnet_group, "subnet_ids", "aws_subnet")
        # One-off tasks are started into the subnets of the services.
        subnets = _HOLDERS["aws_ecs_service"][1]
        services = {
            subnet
            for holder in self._wiring.of("aws_ecs_service")
            for subnet in self._wiring.many(holder, subnets, "aws_subnet")
        }
        for definition in self._wiring.of("aws_ecs_task_definition"):
            for group in self._wiring.of("aws_security_group"):
                if group.place == definition.place:
                    found[group.address] = found[group.address] or set(services)
        return found

    def _route_tables(self) -> dict[str, list[Resource]]:
        """From each subnet to the routes of its table."""
        routes = defaultdict(list)
        for route in self._wiring.of("aws_route"):
            table = self._wiring.one(route, "route_table_id", "aws_route_table")
            if table:
                routes[table.address].append(route)
        self._table_of: dict[str, Resource] = {}
        for link in self._wiring.of("aws_route_table_association"):
            table = self._wiring.one(link, "route_table_id", "aws_route_table")
            subnet = self._wiring.one(link, "subnet_id", "aws_subnet")
            if table and subnet:
                self._table_of[subnet.address] = table
        return {subnet: routes[table.address] for subnet, table in self._table_of.items()}

    def _network_acls(self) -> dict[str, list[Resource]]:
        """From each subnet to the rules of its network ACL, in the order in which they are asked."""
        rules = defaultdict(list)
        for rule in self._wiring.of("aws_network_acl_rule"):
            acl = self._wiring.one(rule, "network_acl_id", "aws_network_acl")
            if acl:
                rules[acl.address].append(rule)
        found = {}
        for acl in self._wiring.of("aws_network_acl"):
            for subnet in self._wiring.many(acl, "subnet_ids", "aws_subnet"):
                found[subnet.address] = sorted(rules[acl.address], key=lambda rule: int(rule.values["rule_number"]))
        return found

    def _allows(self, subnet: Resource, other: ipaddress.IPv4Network, ports: range, *, out: bool) -> bool:
        """Whether the ACL of a subnet lets all of these ports through, for some address of ``other``."""
        if subnet.address not in self._acls:
            # Without one of its own a subnet has the VPC's default, which this design closes.
            return False
        for rule in self._acls[subnet.address]:
            values = rule.values
            if bool(values.get("egress")) is not out or values.get("cidr_block") is None:
                continue
            cidr = _network(values["cidr_block"])
            every = str(values["protocol"]) in {"-1", "all"}
            tcp = str(values["protocol"]) in {"tcp", "6"}
            covered = every or (tcp and values["from_port"] <= ports[0] and ports[-1] <= values["to_port"])
            if values["rule_action"] == "allow" and covered and cidr.overlaps(other):
                return True
            if values["rule_action"] == "deny" and covered and other.subnet_of(cidr):
                return False
        return False


_PRIVATE = tuple(ipaddress.IPv4Network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))


@cache
def _network(text: str) -> ipaddress.IPv4Network:
    return ipaddress.IPv4Network(text)


def _cidr(subnet: Resource) -> ipaddress.IPv4Network:
    return _network(subnet.values["cidr_block"])


def _ports(rule: Resource) -> range:
    if str(rule.values.get("ip_protocol")) == "-1":
        return range(65536)
    return range(int(rule.values["from_port"]), int(rule.values["to_port"]) + 1)


def _overlap(one: Resource, two: Resource) -> range:
    first, second = _ports(one), _ports(two)
    return range(max(first.start, second.start), min(first.stop, second.stop))


def _text(ports: range) -> str:
    return str(ports[0]) if len(ports) == 1 else f"{ports[0]}-{ports[-1]}"


def _name(group: Resource) -> str:
    """What people call the owner of a security group: the service, or the module."""
    if not group.place:
        return group.name
    module, key = group.place[-1]
    if group.name != "this":
        return group.name
    return str(key) if isinstance(key, str) else module
