"""ElastiCache for Redis and Valkey."""

from __future__ import annotations

import re
from collections.abc import Iterator

from standin.rules import Context, Problem, Resource, rule
from standin.values import UNKNOWN

_GROUP = "aws_elasticache_replication_group"
_NODES = re.compile(r"cache\.(t3|t4g|m5|m6g|m7g|r5|r6g|r6gd|r7g|c7gn)\.(micro|small|medium|large|xlarge|\d{1,2}xlarge)")
_VERSIONS = {"redis": r"(5\.0\.6|6\.(x|\d)|7\.(0|1))", "valkey": r"(7\.2|8\.\d|9\.\d)"}
_POLICIES = (
    "noeviction",
    "allkeys-lru",
    "allkeys-lfu",
    "allkeys-random",
    "volatile-lru",
    "volatile-lfu",
    "volatile-random",
    "volatile-ttl",
)


@rule(_GROUP)
def failover(resource: Resource, context: Context) -> Iterator[Problem]:
    """https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/AutoFailover.html"""
    nodes = resource.number("num_cache_clusters")
    if resource["automatic_failover_enabled"] is True and nodes is not None and nodes < 2:
        yield Problem(
            '"num_cache_clusters": must be at least 2 if automatic_failover_enabled is true', "num_cache_clusters"
        )
    if resource["multi_az_enabled"] is True and resource["automatic_failover_enabled"] in (None, False):
        yield Problem("automatic_failover_enabled must be true if multi_az_enabled is true", "multi_az_enabled")


@rule(_GROUP)
def token(resource: Resource, context: Context) -> Iterator[Problem]:
    """https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/auth.html"""
    for argument in ("auth_token", "auth_token_wo"):
        value = resource.config.get(argument)
        if value is None:
            continue
        if resource["transit_encryption_enabled"] in (None, False):
            yield Problem("The AUTH token is only supported when encryption-in-transit is enabled", argument)
        if isinstance(value, str) and not re.fullmatch(r"[!#$%&'()*+,\-.:;<=>?\[\]^_`{|}~A-Za-z0-9\\]{16,128}", value):
            yield Problem('an AUTH token has 16 to 128 printable characters without @, ", / and spaces', argument)


@rule(_GROUP)
def engine(resource: Resource, context: Context) -> Iterator[Problem]:
    """https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/engine-versions.html"""
    name, version = resource["engine"] or "redis", resource.text("engine_version")
    if isinstance(name, str) and name not in _VERSIONS:
        yield Problem(f'expected engine to be one of {sorted(_VERSIONS)}, got "{name}"', "engine")
    elif isinstance(name, str) and version and not re.fullmatch(_VERSIONS[name], version):
        yield Problem(f"Cannot find version {version} for {name}", "engine_version")
    node = resource.text("node_type")
    if node and not _NODES.fullmatch(node):
        yield Problem(f"Invalid Cache Node Type: {node}", "node_type")


@rule(_GROUP)
def family(resource: Resource, context: Context) -> Iterator[Problem]:
    """https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/ParameterGroups.Engine.html"""
    group = context.world.find("aws_elasticache_parameter_group", name=resource["parameter_group_name"])
    if not group or group["family"] is UNKNOWN or resource["engine_version"] is UNKNOWN:
        return
    wanted = _family(str(resource["engine"] or "redis"), str(resource["engine_version"] or ""))
    if wanted and group["family"] != wanted:
        yield Problem(
            f"Expected a parameter group of family {wanted} but found one of family {group['family']}",
            "parameter_group_name",
        )


def _family(engine: str, version: str) -> str:
    major = version.partition(".")[0]
    if engine == "redis" and major in ("5", "6"):
        return {"5": "redis5.0", "6": "redis6.x"}[major]
    return f"{engine}{major}" if major else ""


@rule("aws_elasticache_parameter_group")
def parameters(resource: Resource, context: Context) -> Iterator[Problem]:
    """https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/ParameterGroups.Engine.html"""
    family = resource.text("family")
    if family and not re.fullmatch(r"redis(2\.6|2\.8|3\.2|4\.0|5\.0|6\.x|7)|valkey[789]|memcached1\.\d", family):
        yield Problem(f"CacheParameterGroupFamily {family} is not a valid parameter group family", "family")
    for block in resource.blocks("parameter"):
        name, value = block.get("name"), block.get("value")
        if name == "maxmemory-policy" and isinstance(value, str) and value not in _POLICIES:
            yield Problem(f"The value {value} for maxmemory-policy is not one of {', '.join(_POLICIES)}", "parameter")
        if name in ("timeout", "tcp-keepalive") and isinstance(value, str) and not value.isdigit():
            yield Problem(f"The value {value} for {name} is not a number", "parameter")
