"""Ranges of numbers, lists of numbers, and values that AWS lists in its service models."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from standin.rules import Context, Problem, Resource, rule

_DOCS = "https://docs.aws.amazon.com/"
_ELB = _DOCS + "elasticloadbalancing/latest/application/edit-target-group-attributes.html"
_TARGETS = _DOCS + "elasticloadbalancing/latest/APIReference/API_CreateTargetGroup.html"
_RDS = _DOCS + "AmazonRDS/latest/APIReference/API_CreateDBInstance.html"
_CACHE = _DOCS + "AmazonElastiCache/latest/APIReference/API_CreateReplicationGroup.html"
_PORTS = _DOCS + "AWSEC2/latest/APIReference/API_AuthorizeSecurityGroupIngress.html"
_ACL = _DOCS + "AWSEC2/latest/APIReference/API_CreateNetworkAclEntry.html"

_RANGES: dict[str, dict[str, tuple[float, float, str]]] = {
    "aws_appautoscaling_target": {
        "min_capacity": (0, 5000, _DOCS + "AmazonECS/latest/developerguide/service-quotas.html"),
        "max_capacity": (0, 5000, _DOCS + "AmazonECS/latest/developerguide/service-quotas.html"),
    },
    "aws_db_instance": {"backup_retention_period": (0, 35, _RDS), "port": (1150, 65535, _RDS)},
    "aws_ecs_task_definition": {
        "ephemeral_storage.size_in_gib": (21, 200, _DOCS + "AmazonECS/latest/APIReference/API_EphemeralStorage.html")
    },
    "aws_elasticache_replication_group": {
        "num_cache_clusters": (1, 6, _CACHE),
        "snapshot_retention_limit": (0, 35, _CACHE),
        "replicas_per_node_group": (0, 5, _CACHE),
    },
    "aws_iam_role": {"max_session_duration": (3600, 43200, _DOCS + "IAM/latest/APIReference/API_CreateRole.html")},
    "aws_kms_key": {
        "deletion_window_in_days": (7, 30, _DOCS + "kms/latest/APIReference/API_ScheduleKeyDeletion.html"),
        "rotation_period_in_days": (90, 2560, _DOCS + "kms/latest/APIReference/API_EnableKeyRotation.html"),
    },
    "aws_lb": {"idle_timeout": (1, 4000, _ELB)},
    "aws_lb_listener": {"port": (1, 65535, _TARGETS)},
    "aws_lb_listener_rule": {
        "priority": (1, 50000, _DOCS + "elasticloadbalancing/latest/APIReference/API_CreateRule.html")
    },
    "aws_lb_target_group": {
        "deregistration_delay": (0, 3600, _ELB),
        "health_check.healthy_threshold": (2, 10, _TARGETS),
        "health_check.interval": (5, 300, _TARGETS),
        "health_check.timeout": (2, 120, _TARGETS),
        "health_check.unhealthy_threshold": (2, 10, _TARGETS),
        "port": (1, 65535, _TARGETS),
        "stickiness.cookie_duration": (1, 604800, _ELB),
    },
    "aws_network_acl_rule": {"rule_number": (1, 32766, _ACL)},
    "aws_vpc_security_group_egress_rule": {"from_port": (-1, 65535, _PORTS), "to_port": (-1, 65535, _PORTS)},
    "aws_vpc_security_group_ingress_rule": {"from_port": (-1, 65535, _PORTS), "to_port": (-1, 65535, _PORTS)},
}

_RETENTION = {
    0,
    1,
    3,
    5,
    7,
    14,
    30,
    60,
    90,
    120,
    150,
    180,
    365,
    400,
    545,
    731,
    1096,
    1827,
    2192,
    2557,
    2922,
    3288,
    3653,
}
_CHOICES: dict[str, dict[str, tuple[Collection[float], str]]] = {
    "aws_cloudwatch_log_group": {
        "retention_in_days": (
            _RETENTION,
            _DOCS + "AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html",
        )
    },
    "aws_cloudwatch_metric_alarm": {
        "period": (
            [10, 20, 30, *range(60, 86401, 60)],
            _DOCS + "AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html",
        )
    },
    "aws_db_instance": {
        "monitoring_interval": ([0, 1, 5, 10, 15, 30, 60], _RDS),
        "performance_insights_retention_period": ([7, *range(31, 714, 31), 731], _RDS),
    },
    "aws_flow_log": {
        "max_aggregation_interval": ([60, 600], _DOCS + "AWSEC2/latest/APIReference/API_CreateFlowLogs.html")
    },
    "aws_lb_target_group": {"slow_start": ([0, *range(30, 901)], _ELB)},
    "aws_secretsmanager_secret": {
        "recovery_window_in_days": (
            [0, *range(7, 31)],
            _DOCS + "secretsmanager/latest/apireference/API_DeleteSecret.html",
        )
    },
}

_SECURITY_POLICIES = ("ELBSecurityPolicy-2016-08", "ELBSecurityPolicy-TLS", "ELBSecurityPolicy-FS")


def _number(value: object) -> float | None:
    try:
        return None if isinstance(value, bool) else float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None


@rule("*")
def ranges(resource: Resource, context: Context) -> Iterator[Problem]:
    """Each range has a source of its own, in the table above: https://docs.aws.amazon.com/"""
    for path, (low, high, source) in _RANGES.get(resource.kind, {}).items():
        for value in resource.values(path):
            number = _number(value)
            if number is not None and not low <= number <= high:
                yield Problem(
                    f"expected {path} to be in the range ({low} - {high}), got {value}", path, f"See {source}"
                )


@rule("*")
def choices(resource: Resource, context: Context) -> Iterator[Problem]:
    """Each list has a source of its own, in the table above: https://docs.aws.amazon.com/"""
    for path, (allowed, source) in _CHOICES.get(resource.kind, {}).items():
        for value in resource.values(path):
            number = _number(value)
            if number is not None and number not in allowed:
                near = sorted(allowed, key=lambda choice: abs(choice - number))[:4]
                yield Problem(f"{path} cannot be {value}; the nearest that can: {sorted(near)}", path, f"See {source}")


@rule("*")
def enumerations(resource: Resource, context: Context) -> Iterator[Problem]:
    """The values in AWS's service models (boto/botocore, botocore/data)."""
    for path, allowed in context.facts["enumerations"].get(resource.kind, {}).items():
        for value in resource.values(path):
            if value != "" and value not in allowed:
                yield Problem(f'expected {path} to be one of {allowed}, got "{value}"', path)


@rule("aws_lb_listener")
def security_policy(resource: Resource, context: Context) -> Iterator[Problem]:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/application/describe-ssl-policies.html"""
    policy = resource.text("ssl_policy")
    if policy and not policy.startswith(_SECURITY_POLICIES):
        yield Problem(f"SSL policy '{policy}' not found", "ssl_policy")
