"""Records of Route 53."""

from __future__ import annotations

from collections.abc import Iterator

from standin.rules import Context, Problem, Resource, rule
from standin.values import UNKNOWN

_RECORD = "aws_route53_record"


@rule(_RECORD)
def apex(resource: Resource, context: Context) -> Iterator[Problem]:
    """https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/ResourceRecordTypes.html#CNAMEFormat"""
    zone = context.world.find("aws_route53_zone", zone_id=resource["zone_id"])
    name = resource.text("name")
    if (
        zone
        and name is not None
        and resource["type"] == "CNAME"
        and name.rstrip(".") in ("", str(zone["name"]).rstrip("."))
    ):
        yield Problem(
            f"RRSet of type CNAME with DNS name {zone['name']}. is not permitted at apex in zone {zone['name']}.",
            "type",
        )


@rule(_RECORD)
def plain_record(resource: Resource, context: Context) -> Iterator[Problem]:
    """https://docs.aws.amazon.com/Route53/latest/APIReference/API_ResourceRecordSet.html"""
    if resource["alias"] or resource["alias"] is UNKNOWN:
        return
    if resource["ttl"] is None or not resource["records"]:
        yield Problem("a record that is no alias needs ttl and records", "ttl")
