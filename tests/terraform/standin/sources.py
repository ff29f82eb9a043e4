"""Results of data sources."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from standin import invent
from standin.planning import Settings
from standin.values import UNKNOWN, Block, Value, each_attribute
from standin.world import World

# The letters of a region's zones, where they are not a, b and c.
_LETTERS = {"us-east-1": "abcdef", "us-west-2": "abcd", "ap-northeast-1": "acd", "ca-central-1": "abd"}


def read(kind: str, block: Block, config: dict[str, Value], settings: Settings, world: World) -> dict[str, Value]:
    """The state of a data source: known values, and made-up values for the rest."""
    state = dict(config)
    if "region" in block["attributes"] and state.get("region") is None:
        state["region"] = settings.region
    each_attribute(
        block, state, lambda name, attribute, value: UNKNOWN if value is None and attribute.get("computed") else value
    )
    if kind in _ANSWERS:
        given = {name: value for name, value in config.items() if value is not None}
        state.update(_ANSWERS[kind](given, settings, world))
    invent.fill(kind, block, state, settings)
    return {name: value for name, value in state.items() if name in config}


def _zones(region: str) -> list[str]:
    return [region + letter for letter in _LETTERS.get(region, "abc")]


def _zone_id(zone: str) -> str:
    *place, direction = zone[:-1].split("-")[:2]
    return f"{''.join(place)}{direction[0]}{zone[-2]}-az{ord(zone[-1]) - 96}"


def _availability_zones(given: dict[str, Value], settings: Settings, world: World) -> dict[str, Value]:
    left_out = given.get("exclude_names", [])
    names = [name for name in _zones(settings.region) if name not in left_out]
    return {
        "id": settings.region,
        "names": names,
        "zone_ids": [_zone_id(name) for name in names],
        "group_names": [settings.region],
    }


def _caller(given: dict[str, Value], settings: Settings, world: World) -> dict[str, Value]:
    return {
        "account_id": settings.account,
        "id": settings.account,
        "user_id": "AROASTANDIN:terraform",
        "arn": f"arn:aws:sts::{settings.account}:assumed-role/terraform/terraform",
    }


def _region(given: dict[str, Value], settings: Settings, world: World) -> dict[str, Value]:
    name = given.get("region") or given.get("name") or settings.region
    return {"id": name, "name": name, "region": name, "endpoint": f"ec2.{name}.amazonaws.com"}


def _partition(given: dict[str, Value], settings: Settings, world: World) -> dict[str, Value]:
    return {"id": "aws", "partition": "aws", "dns_suffix": "amazonaws.com", "reverse_dns_prefix": "com.amazonaws"}


def _vpc(given: dict[str, Value], settings: Settings, world: World) -> dict[str, Value]:
    found = world.find("aws_vpc", id=given.get("id")) or {}
    identity = given.get("id", "vpc-0123456789abcdef0")
    return {
        "id": identity,
        "cidr_block": found.get("cidr_block", "10.0.0.0/16"),
        "enable_dns_support": True,
        "enable_dns_hostnames": True,
        "arn": f"arn:aws:ec2:{settings.region}:{settings.account}:vpc/{identity}",
    }


def _subnet(given: dict[str, Value], settings: Settings, world: World) -> dict[str, Value]:
    identity = given.get("id", "subnet-0123456789abcdef0")
    found = world.find("aws_subnet", id=identity)
    if found:
        return {name: found.get(name) for name in ("id", "arn", "cidr_block", "vpc_id", "availability_zone")}
    number = int(hashlib.sha256(str(identity).encode()).hexdigest()[:2], 16)
    zones = _zones(settings.region)
    # Ids that count up, as tests write them, get zones that go round.
    last = str(identity)[-1:]
    zone = zones[int(last, 16) % len(zones)] if last in "0123456789abcdef" and last else zones[0]
    return {
        "id": identity,
        "vpc_id": given.get("vpc_id", "vpc-0123456789abcdef0"),
        "availability_zone": zone,
        "cidr_block": f"10.0.{number}.0/24",
        "availability_zone_id": _zone_id(zone),
        "arn": f"arn:aws:ec2:{settings.region}:{settings.account}:subnet/{identity}",
    }


def _subnets(given: dict[str, Value], settings: Settings, world: World) -> dict[str, Value]:
    return {"id": settings.region, "ids": [f"subnet-0123456789abcdef{number}" for number in range(3)]}


def _prefix_list(given: dict[str, Value], settings: Settings, world: World) -> dict[str, Value]:
    name = given.get("name", f"com.amazonaws.{settings.region}.s3")
    return {
        "id": "pl-" + hashlib.sha256(name.encode()).hexdigest()[:8],
        "name": name,
        "cidr_blocks": ["198.51.100.0/24"],
    }


def _elb_account(given: dict[str, Value], settings: Settings, world: World) -> dict[str, Value]:
    return {"id": "127311923021", "arn": "arn:aws:iam::127311923021:root"}


def _hosted_zone(given: dict[str, Value], settings: Settings, world: World) -> dict[str, Value]:
    name = given.get("name", "example.com")
    identity = given.get("zone_id", "Z" + hashlib.sha256(name.encode()).hexdigest()[:19].upper())
    return {
        "id": identity,
        "zone_id": identity,
        "name": name.rstrip("."),
        "arn": f"arn:aws:route53:::hostedzone/{identity}",
    }


def _secret(given: dict[str, Value], settings: Settings, world: World) -> dict[str, Value]:
    name = given.get("name", "standin")
    arn = given.get("arn", f"arn:aws:secretsmanager:{settings.region}:{settings.account}:secret:{name}-a1B2c3")
    return {"id": arn, "arn": arn, "name": name}


_ANSWERS: dict[str, Callable[[dict[str, Value], Settings, World], dict[str, Value]]] = {
    "aws_availability_zones": _availability_zones,
    "aws_caller_identity": _caller,
    "aws_elb_service_account": _elb_account,
    "aws_ec2_managed_prefix_list": _prefix_list,
    "aws_partition": _partition,
    "aws_prefix_list": _prefix_list,
    "aws_region": _region,
    "aws_route53_zone": _hosted_zone,
    "aws_secretsmanager_secret": _secret,
    "aws_subnet": _subnet,
    "aws_subnets": _subnets,
    "aws_vpc": _vpc,
}
