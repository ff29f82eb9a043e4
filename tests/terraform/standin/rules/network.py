"""The VPC, its subnets, endpoints, network ACLs and security groups."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Any

from standin.rules import Context, Problem, Resource, rule
from standin.values import UNKNOWN, known

_RULES = ("aws_vpc_security_group_ingress_rule", "aws_vpc_security_group_egress_rule")
_MOST_RULES = 60


def _block(text: Any) -> ipaddress.IPv4Network | None:
    try:
        return ipaddress.IPv4Network(text) if isinstance(text, str) else None
    except ValueError:
        return None


def _itself(resource: Resource, other: dict[str, Any]) -> bool:
    return other.get("id") == resource.state.get("id") is not UNKNOWN


@rule("aws_vpc", "aws_subnet")
def size(resource: Resource, context: Context) -> Iterator[Problem]:
    """https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html"""
    text = resource.text("cidr_block")
    if text is None:
        return
    block = _block(text)
    if block is None:
        yield Problem(f'"{text}" is not a valid IPv4 CIDR block', "cidr_block")
    elif not 16 <= block.prefixlen <= 28:
        yield Problem(
            f'expected "cidr_block" to contain a network Value with between 16 and 28 significant bits, got: '
            f"{block.prefixlen}",
            "cidr_block",
        )


@rule("aws_subnet")
def place(resource: Resource, context: Context) -> Iterator[Problem]:
    """https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html"""
    mine, vpc_id = _block(resource["cidr_block"]), resource["vpc_id"]
    vpc = context.world.find("aws_vpc", id=vpc_id)
    around = _block(vpc["cidr_block"]) if vpc else None
    if mine and around and not mine.subnet_of(around):
        yield Problem(f"The CIDR '{mine}' is invalid: it is not within the VPC's {around}", "cidr_block")
    for other in context.world.all("aws_subnet"):
        block = _block(other.get("cidr_block"))
        same_vpc = other.get("vpc_id") == vpc_id is not UNKNOWN
        if mine and block and same_vpc and not _itself(resource, other) and mine.overlaps(block):
            yield Problem(f"The CIDR '{mine}' conflicts with another subnet ({block})", "cidr_block")


@rule("aws_subnet")
def zone(resource: Resource, context: Context) -> Iterator[Problem]:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSubnet.html"""
    name = resource.text("availability_zone")
    if name and context.settings and not name.startswith(context.settings.region):
        yield Problem(
            f"Value ({name}) for parameter availabilityZone is invalid. Subnets can currently only be created "
            f"in {context.settings.region}",
            "availability_zone",
        )


@rule("aws_network_acl_rule")
def acl_numbers(resource: Resource, context: Context) -> Iterator[Problem]:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateNetworkAclEntry.html"""
    mine = [resource["network_acl_id"], resource["rule_number"], bool(resource["egress"])]
    if context.stage == "validate" or not known(mine):
        return
    for other in context.world.all("aws_network_acl_rule"):
        theirs = [other.get("network_acl_id"), other.get("rule_number"), bool(other.get("egress"))]
        if theirs == mine and not _itself(resource, other):
            yield Problem(f"NetworkAclEntryAlreadyExists: rule {mine[1]} exists already", "rule_number")


@rule("aws_network_acl_rule")
def acl_ports(resource: Resource, context: Context) -> Iterator[Problem]:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateNetworkAclEntry.html"""
    protocol = resource["protocol"]
    if protocol in ("tcp", "udp", "6", "17") and (resource["from_port"] is None or resource["to_port"] is None):
        yield Problem("a rule for tcp or udp needs from_port and to_port", "from_port")
    if protocol in ("-1", "all") and resource.number("from_port"):
        yield Problem("a rule for all protocols opens all ports; it takes none", "from_port")
    yield from _reversed(resource)


@rule(*_RULES)
def group_ports(resource: Resource, context: Context) -> Iterator[Problem]:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AuthorizeSecurityGroupIngress.html"""
    ports = (resource["from_port"], resource["to_port"])
    if resource["ip_protocol"] == "-1" and any(port is not None for port in ports):
        yield Problem("a rule for all protocols (-1) takes no ports", "from_port")
    if resource["ip_protocol"] in ("tcp", "udp", "6", "17") and None in ports:
        yield Problem("a rule for tcp or udp needs from_port and to_port", "from_port")
    yield from _reversed(resource)
    for argument in ("cidr_ipv4",):
        if resource.text(argument) and _block(resource[argument]) is None:
            yield Problem(f'"{resource[argument]}" is not a valid IPv4 CIDR block', argument)


def _reversed(resource: Resource) -> Iterator[Problem]:
    first, last = resource.number("from_port"), resource.number("to_port")
    if first is not None and last is not None and first > last:
        yield Problem(f"Invalid TCP/UDP port range ({first:g}:{last:g})", "from_port")


@rule(*_RULES)
def duplicate_rules(resource: Resource, context: Context) -> Iterator[Problem]:
    """https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html"""
    keys = (
        "security_group_id",
        "ip_protocol",
        "from_port",
        "to_port",
        "cidr_ipv4",
        "cidr_ipv6",
        "prefix_list_id",
        "referenced_security_group_id",
    )
    mine = [resource[key] for key in keys]
    if context.stage == "validate" or not known(mine):
        return
    same_group = 0
    for other in context.world.all(resource.kind):
        if _itself(resource, other):
            continue
        same_group += other.get("security_group_id") == mine[0]
        if [other.get(key) for key in keys] == mine:
            yield Problem("InvalidPermission.Duplicate: the same rule exists already", "security_group_id")
    if same_group >= _MOST_RULES:
        yield Problem(f"RulesPerSecurityGroupLimitExceeded: more than {_MOST_RULES} rules", "security_group_id")


@rule("aws_security_group")
def rules_per_group(resource: Resource, context: Context) -> Iterator[Problem]:
    """https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html"""
    for direction in ("ingress", "egress"):
        count = 0
        for block in resource.blocks(direction):
            count += sum(
                len(block.get(kind) or [])
                for kind in ("cidr_blocks", "ipv6_cidr_blocks", "prefix_list_ids", "security_groups")
                if isinstance(block.get(kind), list)
            ) + bool(block.get("self"))
        if count > _MOST_RULES:
            yield Problem(
                f"RulesPerSecurityGroupLimitExceeded: {count} {direction} rules, and {_MOST_RULES} is the quota",
                direction,
            )


@rule("aws_vpc_endpoint")
def private_dns(resource: Resource, context: Context) -> Iterator[Problem]:
    """https://docs.aws.amazon.com/vpc/latest/privatelink/create-interface-endpoint.html"""
    vpc_id, service = resource["vpc_id"], resource["service_name"]
    if resource["private_dns_enabled"] is not True:
        return
    vpc = context.world.find("aws_vpc", id=vpc_id)
    if vpc and not (vpc.get("enable_dns_support") and vpc.get("enable_dns_hostnames")):
        yield Problem(
            "Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC attributes set to true",
            "private_dns_enabled",
        )
    if context.stage == "validate" or not known([vpc_id, service]):
        return
    for other in context.world.all("aws_vpc_endpoint"):
        same = (other.get("vpc_id"), other.get("service_name")) == (vpc_id, service)
        if same and other.get("private_dns_enabled") is True and not _itself(resource, other):
            yield Problem(
                f"private-dns-enabled cannot be set because there is already a conflicting DNS domain for "
                f"{service} in the VPC {vpc_id}",
                "private_dns_enabled",
            )


@rule("aws_vpc_endpoint")
def endpoint_kind(resource: Resource, context: Context) -> Iterator[Problem]:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateVpcEndpoint.html"""
    kind = resource["vpc_endpoint_type"] or "Gateway"
    service = resource.text("service_name") or ""
    if kind == "Gateway":
        for argument in ("subnet_ids", "security_group_ids"):
            if resource.config.get(argument):
                yield Problem(f"a gateway endpoint takes no {argument}", argument)
        if service and not service.endswith((".s3", ".dynamodb")):
            yield Problem(f"The Vpc Endpoint Service '{service}' does not exist as a gateway", "service_name")
    if kind == "Interface" and resource.config.get("route_table_ids"):
        yield Problem("an interface endpoint takes no route_table_ids", "route_table_ids")
    if service.startswith("com.amazonaws.") and context.settings and f".{context.settings.region}." not in service:
        yield Problem(
            f"The Vpc Endpoint Service '{service}' does not exist in {context.settings.region}", "service_name"
        )


@rule("aws_nat_gateway")
def nat(resource: Resource, context: Context) -> Iterator[Problem]:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateNatGateway.html"""
    private = resource["connectivity_type"] == "private"
    zonal = resource["availability_mode"] in (None, "zonal", UNKNOWN)
    if zonal and not private and resource["allocation_id"] is None:
        yield Problem("a public NAT gateway needs allocation_id", "allocation_id")
