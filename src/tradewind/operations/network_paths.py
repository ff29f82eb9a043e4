"""Which part of an environment can reach which other part, and on which port: computed from a plan. Pure.

A connection passes if the source's security group allows it, the target's security group allows it, the network ACLs of
both subnets allow it and its response, and a route leads to the target. The routes of a subnet (to an internet gateway,
to a NAT gateway, to neither) decide whether it is public, private or data. Its name never decides that.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, permutations

from tradewind.errors import TradewindError
from tradewind.operations.plan_references import Resource, Wiring
from tradewind.operations.subnets import Subnets, joined

INTERNET = "internet"
S3 = "s3"

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

# Other resources and arguments that open a network. The audit does not read them, so it must refuse them.
_UNREAD = (
    "aws_ec2_transit_gateway_vpc_attachment",
    "aws_egress_only_internet_gateway",
    "aws_network_acl_association",
    "aws_network_interface_sg_attachment",
    "aws_security_group_rule",
    "aws_vpc_ipv4_cidr_block_association",
    "aws_vpc_peering_connection",
    "aws_vpn_gateway",
)
_UNREAD_ARGUMENTS = {
    "aws_network_acl": ("egress", "ingress"),
    "aws_route_table": ("route",),
    "aws_security_group": ("egress", "ingress"),
    "aws_vpc_security_group_egress_rule": ("cidr_ipv6",),
    "aws_vpc_security_group_ingress_rule": ("cidr_ipv6", "prefix_list_id"),
}


@dataclass(frozen=True, order=True)
class Path:
    """An open path from ``source`` to ``target``, which is in ``tier``, on TCP ports (``443``, ``1024-65535``)."""

    source: str
    target: str
    port: str
    tier: str

    def as_dict(self) -> dict[str, str]:
        """For ``--json``."""
        return {"from": self.source, "to": self.target, "port": self.port, "tier": self.tier}


class Reach:
    """The open paths in the network of a plan.

    TradewindError if the plan does not contain enough, or opens the network by a resource that the audit does not read.

    Args:
        wiring: the plan.
        every: only paths that are open between all subnets of both sides, so that they work in the zone of every
            task; otherwise also paths that are open between some subnets.
    """

    def __init__(self, wiring: Wiring, *, every: bool = False) -> None:
        _refuse_unread(wiring)
        self._wiring = wiring
        self._subnets = Subnets(wiring, every=every)
        self._places = self._placement()

    def paths(self) -> frozenset[Path]:
        """Every open path."""
        outs = list(self._wiring.of("aws_vpc_security_group_egress_rule"))
        ins = list(self._wiring.of("aws_vpc_security_group_ingress_rule"))
        groups = chain(self._between(outs, ins), self._from_outside(ins), self._to_outside(outs))
        return frozenset(chain(groups, self._tier_to_tier(), self._endpoints()))

    def tiers(self) -> dict[str, str]:
        """Map each subnet to its tier, which its routes decide."""
        return {subnet.address: self._subnets.tier(subnet) for subnet in self._subnets.all}

    def _between(self, outs: list[Resource], ins: list[Resource]) -> Iterator[Path]:
        entries = defaultdict(list)
        for rule in ins:
            if self._wiring.gives(rule, "referenced_security_group_id"):
                entries[self._group(rule, "referenced_security_group_id"), self._owner(rule)].append(rule)
        for rule in outs:
            if not self._wiring.gives(rule, "referenced_security_group_id"):
                continue
            source, target = self._owner(rule), self._group(rule, "referenced_security_group_id")
            pairs = [(one, two) for one in self._at(source) for two in self._at(target)]
            for entry in entries[source, target]:
                for ports in self._open(_overlap(rule, entry), pairs, self._subnets.between):
                    yield Path(_name(source), _name(target), ports, self._tier_of(target))

    def _from_outside(self, ins: list[Resource]) -> Iterator[Path]:
        for rule in ins:
            cidr = rule.values.get("cidr_ipv4")
            if cidr is not None:
                target = self._owner(rule)
                pairs = [(str(cidr), subnet) for subnet in self._at(target)]
                for ports in self._open(_ports(rule), pairs, self._subnets.from_outside):
                    yield Path(str(cidr), _name(target), ports, self._tier_of(target))

    def _to_outside(self, outs: list[Resource]) -> Iterator[Path]:
        for rule in outs:
            source = self._owner(rule)
            subnets = [(subnet,) for subnet in self._at(source)]
            if rule.values.get("cidr_ipv4"):
                for ports in self._open(_ports(rule), subnets, self._subnets.to_internet):
                    yield Path(_name(source), INTERNET, ports, INTERNET)
            elif self._wiring.gives(rule, "prefix_list_id") and self._subnets.holds(
                self._subnets.to_gateway_endpoint(subnet) for subnet in self._at(source)
            ):
                yield Path(_name(source), S3, _text(_ports(rule)), S3)

    def _tier_to_tier(self) -> Iterator[Path]:
        """The paths between tiers that routes and network ACLs open, as if every security group were open."""
        tiers = defaultdict(list)
        for subnet in self._subnets.all:
            tiers[self._subnets.tier(subnet)].append(subnet)
        for source, target in permutations(sorted(tiers), 2):
            pairs = [(one, two) for one in tiers[source] for two in tiers[target]]
            for ports in self._open(range(1, 65536), pairs, self._subnets.between):
                yield Path(f"tier {source}", f"tier {target}", ports, target)

    def _endpoints(self) -> Iterator[Path]:
        """AWS services with an interface endpoint in the network."""
        for endpoint in self._wiring.of("aws_vpc_endpoint"):
            if endpoint.values.get("vpc_endpoint_type") == "Interface":
                subnets = self._wiring.many(endpoint, "subnet_ids", "aws_subnet")
                service = str(endpoint.values["service_name"]).split(".", 3)[-1]
                yield Path("endpoints", f"aws {service}", "443", self._tiers_of(subnets))

    def _open(self, ports: range, asked: Sequence[tuple[object, ...]], passes: Callable[..., bool]) -> Iterator[str]:
        """The ports that pass, as text. ``passes`` is called with each of ``asked`` and a span of ports."""
        spans = self._subnets.spans(ports) if ports else []
        found = [span for span in spans if self._subnets.holds(passes(*each, span) for each in asked)]
        return map(_text, joined(found))

    def _tier_of(self, group: Resource) -> str:
        return self._tiers_of(self._at(group)) or "nowhere"

    def _tiers_of(self, subnets: Iterable[Resource]) -> str:
        return "+".join(sorted({self._subnets.tier(subnet) for subnet in subnets}))

    def _at(self, group: Resource) -> set[Resource]:
        """The subnets in which a resource has this security group."""
        return self._places[group.address]

    def _owner(self, rule: Resource) -> Resource:
        return self._group(rule, "security_group_id")

    def _group(self, rule: Resource, argument: str) -> Resource:
        found = self._wiring.one(rule, argument, "aws_security_group")
        if found is None:
            raise TradewindError(f"{argument} of {rule.address} is a security group that is not in the plan")
        return found

    def _placement(self) -> dict[str, set[Resource]]:
        """Map each security group to the subnets in which a resource has it."""
        wiring = self._wiring
        found: dict[str, set[Resource]] = defaultdict(set)
        for holder in wiring.of(*_HOLDERS):
            groups, subnets = _HOLDERS[holder.type]
            for group in wiring.many(holder, groups, "aws_security_group"):
                found[group.address] |= wiring.many(holder, subnets, "aws_subnet")
        for holder in wiring.of(*_THROUGH_SUBNET_GROUP):
            groups, kind = _THROUGH_SUBNET_GROUP[holder.type]
            beside = [each for each in wiring.of(kind) if each.place == holder.place]
            for group in wiring.many(holder, groups, "aws_security_group"):
                for subnet_group in beside:
                    found[group.address] |= wiring.many(subnet_group, "subnet_ids", "aws_subnet")
        # One-shot tasks belong to no service, and are started in the subnets of the services.
        subnets = _HOLDERS["aws_ecs_service"][1]
        everywhere = set().union(*(wiring.many(each, subnets, "aws_subnet") for each in wiring.of("aws_ecs_service")))
        of_tasks = {definition.place for definition in wiring.of("aws_ecs_task_definition")}
        for group in wiring.of("aws_security_group"):
            if group.place in of_tasks and not found[group.address]:
                found[group.address] = everywhere
        return found


def _refuse_unread(wiring: Wiring) -> None:
    found = [resource.address for resource in wiring.of(*_UNREAD)]
    for kind, arguments in _UNREAD_ARGUMENTS.items():
        found += [
            f"{each.address}.{name}" for each in wiring.of(kind) for name in arguments if wiring.gives(each, name)
        ]
    if found:
        raise TradewindError(
            "the plan opens the network in a way that the audit does not read",
            ", ".join(sorted(found)),
            "write every rule and every route as a resource of its own",
        )


def _ports(rule: Resource) -> range:
    if str(rule.values.get("ip_protocol")) == "-1":
        return range(1, 65536)
    return range(int(rule.values["from_port"]), int(rule.values["to_port"]) + 1)


def _overlap(one: Resource, two: Resource) -> range:
    first, second = _ports(one), _ports(two)
    return range(max(first.start, second.start), min(first.stop, second.stop))


def _text(ports: range) -> str:
    return str(ports[0]) if len(ports) == 1 else f"{ports[0]}-{ports[-1]}"


def _name(group: Resource) -> str:
    """The name of the owner of a security group: the service, or the module."""
    if not group.place:
        return group.name
    module, key = group.place[-1]
    if group.name != "this":
        return group.name
    return str(key) if isinstance(key, str) else module
