"""Load balancers, their listeners and target groups."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from standin.rules import Context, Problem, Resource, rule
from standin.values import UNKNOWN, known


@rule("aws_lb")
def zones(resource: Resource, context: Context) -> Iterator[Problem]:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html"""
    subnets = resource["subnets"] or resource["subnet_mapping"]
    if resource["load_balancer_type"] not in (None, "application") or not isinstance(subnets, list):
        return
    if len(subnets) < 2:
        yield Problem("At least two subnets in two different Availability Zones must be specified", "subnets")
    found = [context.world.find("aws_subnet", id=subnet) for subnet in subnets if isinstance(subnet, str)]
    names = [subnet["availability_zone"] for subnet in found if subnet and subnet["availability_zone"] is not UNKNOWN]
    if len(names) != len(set(names)):
        yield Problem(
            f"A load balancer cannot be attached to multiple subnets in the same Availability Zone: {names}", "subnets"
        )


@rule("aws_lb")
def access_logs(resource: Resource, context: Context) -> Iterator[Problem]:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/application/enable-access-logging.html"""
    for block in resource.blocks("access_logs"):
        if block.get("enabled"):
            encryption = context.world.find(
                "aws_s3_bucket_server_side_encryption_configuration", bucket=block.get("bucket")
            )
            yield from _encrypted_with_key(encryption, block.get("bucket"), "access_logs")


@rule("aws_s3_bucket_server_side_encryption_configuration")
def log_bucket(resource: Resource, context: Context) -> Iterator[Problem]:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/application/enable-access-logging.html"""
    bucket = resource["bucket"]
    for balancer in context.world.all("aws_lb"):
        for block in balancer.get("access_logs") or []:
            if isinstance(block, dict) and block.get("enabled") and block.get("bucket") == bucket is not UNKNOWN:
                yield from _encrypted_with_key(resource.state, bucket, "rule")


def _encrypted_with_key(encryption: dict[str, Any] | None, bucket: Any, path: str) -> Iterator[Problem]:
    rules = (
        Resource("", encryption, encryption).values("rule.apply_server_side_encryption_by_default.sse_algorithm")
        if encryption
        else []
    )
    if any(str(algorithm).startswith("aws:kms") for algorithm in rules):
        yield Problem(
            f"Access Denied for bucket: {bucket}. Access logs need a bucket encrypted with keys of S3 (AES256)", path
        )


@rule("aws_lb_target_group")
def health_check(resource: Resource, context: Context) -> Iterator[Problem]:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html"""
    for block in resource.blocks("health_check"):
        timeout, interval = block.get("timeout"), block.get("interval")
        if isinstance(timeout, int) and isinstance(interval, int) and timeout >= interval:
            yield Problem(
                f"Health check interval must be greater than the timeout: {interval} s and {timeout} s", "health_check"
            )


@rule("aws_lb_listener")
def certificate(resource: Resource, context: Context) -> Iterator[Problem]:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/application/https-listener-certificates.html"""
    arn = resource["certificate_arn"]
    if resource["protocol"] in ("HTTPS", "TLS") and arn is None:
        yield Problem("A certificate must be specified for HTTPS listeners", "certificate_arn")
    if resource["protocol"] == "HTTP" and arn is not None:
        yield Problem("a listener without TLS takes no certificate", "certificate_arn")
    if (
        isinstance(arn, str)
        and context.settings
        and arn.startswith("arn:")
        and arn.split(":")[3] != context.settings.region
    ):
        yield Problem(
            f"Certificate ARN '{arn}' is not valid: the load balancer is in {context.settings.region}",
            "certificate_arn",
        )


@rule("aws_lb_listener", "aws_lb_listener_rule")
def actions(resource: Resource, context: Context) -> Iterator[Problem]:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_Action.html"""
    path = "default_action" if resource.kind == "aws_lb_listener" else "action"
    needs = {
        "redirect": "redirect",
        "fixed-response": "fixed_response",
        "authenticate-oidc": "authenticate_oidc",
        "authenticate-cognito": "authenticate_cognito",
    }
    for block in resource.blocks(path):
        kind = block.get("type")
        if kind in needs and not block.get(needs[kind]):
            yield Problem(f"an action of type {kind} needs a block {needs[kind]}", path)
        if kind == "forward" and block.get("target_group_arn") is None and not block.get("forward"):
            yield Problem("an action of type forward needs a target group", path)


@rule("aws_lb_listener_rule")
def priority(resource: Resource, context: Context) -> Iterator[Problem]:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateRule.html"""
    mine = (resource["listener_arn"], resource["priority"])
    if context.stage == "validate" or not known(list(mine)) or None in mine:
        return
    for other in context.world.all("aws_lb_listener_rule"):
        same_rule = other.get("id") == resource.state.get("id") is not UNKNOWN
        if (other.get("listener_arn"), other.get("priority")) == mine and not same_rule:
            yield Problem(f"Priority '{mine[1]}' is currently in use", "priority")


@rule("aws_lb_listener_rule")
def conditions(resource: Resource, context: Context) -> Iterator[Problem]:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html"""
    values = resource.values("condition.path_pattern.values") + resource.values("condition.host_header.values")
    if len(values) > 5:
        yield Problem(f"A rule can only have '5' condition values, not {len(values)}", "condition")
    if not resource["condition"]:
        yield Problem("a rule needs a condition", "condition")
