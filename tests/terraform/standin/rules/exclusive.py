"""Arguments that exclude or need each other. The schema that Terraform reads does not say so."""

from __future__ import annotations

from collections.abc import Iterator

from standin.rules import Context, Problem, Resource, rule

_REGISTRY = "https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/"

# At most one of each group may be set.
_AT_MOST_ONE: dict[str, list[tuple[str, ...]]] = {
    "aws_cloudwatch_log_group": [("name", "name_prefix")],
    "aws_db_instance": [
        ("identifier", "identifier_prefix"),
        ("manage_master_user_password", "password", "password_wo"),
    ],
    "aws_ecs_service": [("launch_type", "capacity_provider_strategy")],
    "aws_elasticache_replication_group": [("auth_token", "auth_token_wo"), ("num_cache_clusters", "num_node_groups")],
    "aws_iam_policy": [("name", "name_prefix")],
    "aws_iam_role": [("name", "name_prefix")],
    "aws_kms_alias": [("name", "name_prefix")],
    "aws_lb": [("name", "name_prefix")],
    "aws_lb_target_group": [("name", "name_prefix")],
    "aws_route53_record": [("alias", "ttl"), ("alias", "records")],
    "aws_s3_bucket": [("bucket", "bucket_prefix")],
    "aws_secretsmanager_secret": [("name", "name_prefix")],
    "aws_secretsmanager_secret_version": [("secret_string", "secret_binary", "secret_string_wo")],
    "aws_security_group": [("name", "name_prefix")],
}
# Exactly one of each group must be set.
_EXACTLY_ONE: dict[str, list[tuple[str, ...]]] = {
    "aws_flow_log": [
        (
            "vpc_id",
            "subnet_id",
            "eni_id",
            "transit_gateway_id",
            "transit_gateway_attachment_id",
            "regional_nat_gateway_id",
        )
    ],
    "aws_lb": [("subnets", "subnet_mapping")],
    "aws_network_acl_rule": [("cidr_block", "ipv6_cidr_block")],
    "aws_route": [
        ("destination_cidr_block", "destination_ipv6_cidr_block", "destination_prefix_list_id"),
        (
            "gateway_id",
            "nat_gateway_id",
            "vpc_endpoint_id",
            "transit_gateway_id",
            "vpc_peering_connection_id",
            "network_interface_id",
            "egress_only_gateway_id",
            "local_gateway_id",
            "carrier_gateway_id",
            "core_network_arn",
            "odb_network_arn",
        ),
    ],
    "aws_vpc_security_group_egress_rule": [
        ("cidr_ipv4", "cidr_ipv6", "prefix_list_id", "referenced_security_group_id")
    ],
    "aws_vpc_security_group_ingress_rule": [
        ("cidr_ipv4", "cidr_ipv6", "prefix_list_id", "referenced_security_group_id")
    ],
}
# Both or neither.
_TOGETHER: dict[str, list[tuple[str, str]]] = {
    "aws_db_instance": [("password_wo", "password_wo_version")],
    "aws_elasticache_replication_group": [("auth_token_wo", "auth_token_wo_version")],
    "aws_secretsmanager_secret_version": [("secret_string_wo", "secret_string_wo_version")],
}


def _set(resource: Resource, name: str) -> bool:
    # A switch that is False, and an empty list of blocks, count as not given. An unknown value is given, and may
    # still become null: see `_certain`.
    value = resource.config.get(name)
    return value is not None and value is not False and value != []


@rule("*")
def together(resource: Resource, context: Context) -> Iterator[Problem]:
    """The conflicts on the provider's pages: https://registry.terraform.io/providers/hashicorp/aws/latest/docs"""
    for group in _AT_MOST_ONE.get(resource.kind, []):
        found = [name for name in group if _set(resource, name) and _certain(resource, name)]
        if len(found) > 1:
            yield Problem(f'"{found[0]}": conflicts with {", ".join(found[1:])}', found[0], _source(resource))
    for group in _EXACTLY_ONE.get(resource.kind, []):
        certain = [name for name in group if _set(resource, name) and _certain(resource, name)]
        possible = [name for name in group if _set(resource, name)]
        if len(certain) > 1 or not possible:
            said = ", ".join(certain) or "none"
            yield Problem(f"exactly one of {', '.join(group)} must be given, not {said}", group[0], _source(resource))
    for name, version in _TOGETHER.get(resource.kind, []):
        if _set(resource, name) != _set(resource, version):
            yield Problem(f'"{name}": all of `{name},{version}` must be specified', name, _source(resource))


def _certain(resource: Resource, name: str) -> bool:
    return repr(resource.config.get(name)) != "UNKNOWN"


def _source(resource: Resource) -> str:
    return f"See {_REGISTRY}{resource.kind.removeprefix('aws_')}"
