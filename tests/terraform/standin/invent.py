"""Makes up the values that AWS returns after it has created a resource: ids, ARNs, addresses."""

from __future__ import annotations

import hashlib
import json
import threading
from collections import Counter

from standin.planning import Settings
from standin.values import UNKNOWN, Block, Value, each_attribute

_lock = threading.Lock()
_seen: Counter[str] = Counter()

_EC2 = "arn:aws:ec2:{region}:{account}:"
_ELB = "arn:aws:elasticloadbalancing:{region}:{account}:"

# Computed attributes of a type. {hex} and {short} are made up for the resource (17 and 8 digits). {account} and
# {region} come from the provider. Any other name is an attribute that is known by then. A type that is not here gets
# made-up strings; its `arn` contains the name of the type.
_SHAPES: dict[str, dict[str, Value]] = {
    "aws_acm_certificate": {
        "arn": "arn:aws:acm:{region}:{account}:certificate/{uuid}",
        "id": "{arn}",
        "status": "ISSUED",
    },
    "aws_appautoscaling_target": {
        "id": "{resource_id}",
        "arn": "arn:aws:application-autoscaling:{region}:{account}:scalable-target/{hex}",
    },
    "aws_budgets_budget": {
        "id": "{account}:{name}",
        "arn": "arn:aws:budgets::{account}:budget/{name}",
        "account_id": "{account}",
    },
    "aws_cloudwatch_dashboard": {
        "id": "{dashboard_name}",
        "dashboard_arn": "arn:aws:cloudwatch::{account}:dashboard/{dashboard_name}",
    },
    "aws_cloudwatch_log_group": {"id": "{name}", "arn": "arn:aws:logs:{region}:{account}:log-group:{name}"},
    "aws_cloudwatch_metric_alarm": {
        "id": "{alarm_name}",
        "arn": "arn:aws:cloudwatch:{region}:{account}:alarm:{alarm_name}",
    },
    "aws_db_instance": {
        "arn": "arn:aws:rds:{region}:{account}:db:{identifier}",
        "id": "db-{HEX}",
        "port": 3306,
        "resource_id": "db-{HEX}",
        "address": "{identifier}.{short}.{region}.rds.amazonaws.com",
        "endpoint": "{address}:{port}",
        "status": "available",
        "engine_version_actual": "{engine_version}",
        "master_user_secret": [
            {
                "secret_arn": "arn:aws:secretsmanager:{region}:{account}:secret:rds!db-{uuid}-a1B2c3",
                "secret_status": "active",
                "kms_key_id": "arn:aws:kms:{region}:{account}:key/{uuid}",
            }
        ],
    },
    "aws_db_parameter_group": {"id": "{name}", "arn": "arn:aws:rds:{region}:{account}:pg:{name}"},
    "aws_db_subnet_group": {"id": "{name}", "arn": "arn:aws:rds:{region}:{account}:subgrp:{name}"},
    "aws_ecr_repository": {
        "id": "{name}",
        "arn": "arn:aws:ecr:{region}:{account}:repository/{name}",
        "registry_id": "{account}",
        "repository_url": "{account}.dkr.ecr.{region}.amazonaws.com/{name}",
    },
    "aws_ecs_cluster": {"arn": "arn:aws:ecs:{region}:{account}:cluster/{name}", "id": "{arn}"},
    "aws_ecs_service": {"arn": "arn:aws:ecs:{region}:{account}:service/{cluster_name}/{name}", "id": "{arn}"},
    "aws_ecs_task_definition": {
        "arn": "{arn_without_revision}:1",
        "id": "{family}",
        "revision": 1,
        "arn_without_revision": "arn:aws:ecs:{region}:{account}:task-definition/{family}",
    },
    "aws_efs_access_point": {
        "id": "fsap-{hex}",
        "arn": "arn:aws:elasticfilesystem:{region}:{account}:access-point/{id}",
    },
    "aws_efs_file_system": {
        "id": "fs-{hex}",
        "dns_name": "{id}.efs.{region}.amazonaws.com",
        "arn": "arn:aws:elasticfilesystem:{region}:{account}:file-system/{id}",
    },
    "aws_efs_mount_target": {"id": "fsmt-{hex}", "ip_address": "{ip}", "network_interface_id": "eni-{hex}"},
    "aws_eip": {
        "id": "eipalloc-{hex}",
        "allocation_id": "{id}",
        "public_ip": "198.51.100.{byte}",
        "arn": _EC2 + "elastic-ip/{id}",
    },
    "aws_elasticache_parameter_group": {
        "id": "{name}",
        "arn": "arn:aws:elasticache:{region}:{account}:parametergroup:{name}",
    },
    "aws_elasticache_replication_group": {
        "id": "{replication_group_id}",
        "port": 6379,
        "engine_version_actual": "{engine_version}",
        "arn": "arn:aws:elasticache:{region}:{account}:replicationgroup:{replication_group_id}",
        "primary_endpoint_address": "master.{replication_group_id}.{short}.{region}.cache.amazonaws.com",
        "reader_endpoint_address": "replica.{replication_group_id}.{short}.{region}.cache.amazonaws.com",
    },
    "aws_elasticache_subnet_group": {
        "id": "{name}",
        "arn": "arn:aws:elasticache:{region}:{account}:subnetgroup:{name}",
    },
    "aws_flow_log": {"id": "fl-{hex}", "arn": _EC2 + "vpc-flow-log/{id}"},
    "aws_iam_policy": {"arn": "arn:aws:iam::{account}:policy{path}{name}", "id": "{arn}"},
    "aws_iam_role": {"arn": "arn:aws:iam::{account}:role{path}{name}", "id": "{name}", "unique_id": "AROA{HEX}"},
    "aws_iam_role_policy": {"id": "{role}:{name}"},
    "aws_internet_gateway": {"id": "igw-{hex}", "arn": _EC2 + "internet-gateway/{id}", "owner_id": "{account}"},
    "aws_kms_alias": {"id": "{name}", "arn": "arn:aws:kms:{region}:{account}:{name}"},
    "aws_kms_key": {"id": "{uuid}", "key_id": "{id}", "arn": "arn:aws:kms:{region}:{account}:key/{id}"},
    "aws_lb": {
        "arn": _ELB + "loadbalancer/app/{name}/{hex16}",
        "id": "{arn}",
        "arn_suffix": "app/{name}/{hex16}",
        "dns_name": "{name}-{short}.{region}.elb.amazonaws.com",
        "zone_id": "Z32O12XQLNTSW2",
    },
    "aws_lb_listener": {"arn": _ELB + "listener/app/standin/{hex16}/{hex16}", "id": "{arn}"},
    "aws_lb_listener_rule": {"arn": _ELB + "listener-rule/app/standin/{hex16}/{hex16}/{hex16}", "id": "{arn}"},
    "aws_lb_target_group": {
        "arn": _ELB + "targetgroup/{name}/{hex16}",
        "id": "{arn}",
        "arn_suffix": "targetgroup/{name}/{hex16}",
    },
    "aws_nat_gateway": {
        "id": "nat-{hex}",
        "public_ip": "198.51.100.{byte}",
        "private_ip": "{ip}",
        "network_interface_id": "eni-{hex}",
    },
    "aws_network_acl": {"id": "acl-{hex}", "arn": _EC2 + "network-acl/{id}", "owner_id": "{account}"},
    "aws_network_acl_rule": {"id": "nacl-{hex}"},
    "aws_route": {"id": "r-{route_table_id}{short}", "origin": "CreateRoute", "state": "active"},
    "aws_route53_zone": {
        "id": "{zone_id}",
        "zone_id": "Z{HEX}",
        "arn": "arn:aws:route53:::hostedzone/{zone_id}",
        "name_servers": ["ns-1.example.com", "ns-2.example.com"],
    },
    "aws_route53_record": {"id": "{zone_id}_{name}_{type}", "fqdn": "{name}"},
    "aws_route_table": {"id": "rtb-{hex}", "arn": _EC2 + "route-table/{id}", "owner_id": "{account}"},
    "aws_route_table_association": {"id": "rtbassoc-{hex}"},
    "aws_s3_bucket": {
        "id": "{bucket}",
        "arn": "arn:aws:s3:::{bucket}",
        "bucket_domain_name": "{bucket}.s3.amazonaws.com",
        "bucket_region": "{region}",
        "bucket_regional_domain_name": "{bucket}.s3.{region}.amazonaws.com",
    },
    "aws_secretsmanager_secret": {
        "arn": "arn:aws:secretsmanager:{region}:{account}:secret:{name}-a1B2c3",
        "id": "{arn}",
    },
    "aws_secretsmanager_secret_version": {
        "arn": "{secret_id}",
        "id": "{secret_id}|{version_id}",
        "version_id": "{uuid}",
    },
    "aws_security_group": {"id": "sg-{hex}", "arn": _EC2 + "security-group/{id}", "owner_id": "{account}"},
    "aws_sns_topic": {"arn": "arn:aws:sns:{region}:{account}:{name}", "id": "{arn}", "owner": "{account}"},
    "aws_sns_topic_subscription": {"arn": "{topic_arn}:{uuid}", "id": "{arn}", "owner_id": "{account}"},
    "aws_ssm_parameter": {"id": "{name}", "arn": "arn:aws:ssm:{region}:{account}:parameter{name}", "version": 1},
    "aws_subnet": {
        "id": "subnet-{hex}",
        "arn": _EC2 + "subnet/{id}",
        "owner_id": "{account}",
        "availability_zone": "{region}a",
    },
    "aws_vpc": {
        "id": "vpc-{hex}",
        "arn": _EC2 + "vpc/{id}",
        "owner_id": "{account}",
        "default_network_acl_id": "acl-{hex}",
        "default_route_table_id": "rtb-{hex}",
        "default_security_group_id": "sg-{hex}",
        "main_route_table_id": "rtb-{hex}",
        "enable_dns_hostnames": False,
    },
    "aws_vpc_endpoint": {
        "id": "vpce-{hex}",
        "arn": _EC2 + "vpc-endpoint/{id}",
        "owner_id": "{account}",
        "prefix_list_id": "pl-{short}",
        "state": "available",
    },
    "aws_vpc_security_group_egress_rule": {
        "id": "sgr-{hex}",
        "security_group_rule_id": "{id}",
        "arn": _EC2 + "security-group-rule/{id}",
    },
    "aws_vpc_security_group_ingress_rule": {
        "id": "sgr-{hex}",
        "security_group_rule_id": "{id}",
        "arn": _EC2 + "security-group-rule/{id}",
    },
}

# The record that proves a certificate's domain.
_RECORD = {
    "resource_record_name": "_{hex}.example.com.",
    "resource_record_type": "CNAME",
    "resource_record_value": "_{hex16}.acm-validations.aws.",
}


def fill(kind: str, block: Block, state: dict[str, Value], settings: Settings) -> None:
    """Gives every unknown attribute of a planned resource a value, and removes write-only attributes."""
    words = _words(kind, state, settings)
    shapes = _SHAPES.get(kind, {})
    if kind == "aws_db_instance" and not state.get("manage_master_user_password"):
        shapes = {**shapes, "master_user_secret": []}
    for name in ("name", "bucket", "identifier"):
        if state.get(name) is UNKNOWN:
            prefix = state.get(f"{name}_prefix")
            state[name] = (prefix if isinstance(prefix, str) else "terraform-") + words["short"]
    for _ in range(2):  # some attributes contain others
        for name, shape in shapes.items():
            if state.get(name) is UNKNOWN:
                state[name] = _format(shape, {**words, **_texts(state)}, state)
    each_attribute(block, state, lambda name, attribute, value: _complete(kind, name, attribute, value, words))


def _words(kind: str, state: dict[str, Value], settings: Settings) -> dict[str, str]:
    seed = kind + json.dumps(state, sort_keys=True, default=repr)
    with _lock:
        _seen[seed] += 1
        count = _seen[seed]
    digits = hashlib.sha256(f"{seed}{count}".encode()).hexdigest()
    byte = int(digits[:2], 16)
    cluster = state.get("cluster")
    return {
        "hex": "0" + digits[:16],
        "HEX": digits[:20].upper(),
        "hex16": digits[:16],
        "short": digits[:8],
        "uuid": f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:32]}",
        "byte": str(byte),
        "ip": f"10.0.{int(digits[2:4], 16)}.{byte}",
        "account": settings.account,
        "region": str(state.get("region") or settings.region),
        "cluster_name": str(cluster).rpartition("/")[2] if isinstance(cluster, str) else "default",
    }


def _texts(state: dict[str, Value]) -> dict[str, str]:
    return {name: str(value) for name, value in state.items() if isinstance(value, str | int)}


def _format(shape: Value, words: dict[str, str], state: dict[str, Value]) -> Value:
    """The shape with its words; UNKNOWN while a word is not made up yet."""
    if isinstance(shape, list):
        return [_format(item, words, state) for item in shape]
    if isinstance(shape, dict):
        return {name: _format(item, words, state) for name, item in shape.items()}
    if not isinstance(shape, str):
        return shape
    try:
        return shape.format_map(words)
    except KeyError as missing:
        if state.get(missing.args[0]) is UNKNOWN:
            return UNKNOWN
        return shape.replace("{" + missing.args[0] + "}", "").format_map(words)


def _complete(kind: str, name: str, attribute: Block, value: Value, words: dict[str, str]) -> Value:
    return None if attribute.get("write_only") else _known(attribute["type"], value, kind, name, words)


def _known(kind_of: Value, value: Value, kind: str, name: str, words: dict[str, str]) -> Value:
    """The value, with made-up values for all unknown parts."""
    if value is UNKNOWN:
        return _made_up(kind_of, kind, name, words)
    if isinstance(value, list):
        return [_known(kind_of[1], item, kind, name, words) for item in value]
    if isinstance(value, dict):
        inner = kind_of[1]
        return {
            key: _known(inner[key] if kind_of[0] == "object" else inner, item, kind, key, words)
            for key, item in value.items()
        }
    return value


def _made_up(kind_of: Value, kind: str, name: str, words: dict[str, str]) -> Value:
    if kind_of == "string":
        if name.endswith("_prefix"):
            return ""  # the configuration gives the whole name
        if name in _RECORD:
            return _RECORD[name].format_map(words)
        if name == "arn":
            service, _, noun = kind.removeprefix("aws_").partition("_")
            return f"arn:aws:{service}:{words['region']}:{words['account']}:{noun.replace('_', '-')}/{words['hex']}"
        return words["hex"] if name == "id" or name.endswith("_id") else f"{name.replace('_', '-')}-{words['short']}"
    if kind_of == "number":
        return int(words["byte"])
    if kind_of == "bool":
        return False
    if kind_of[0] == "object":
        return {key: _made_up(inner, kind, key, words) for key, inner in kind_of[1].items()}
    return {} if kind_of[0] == "map" else []
