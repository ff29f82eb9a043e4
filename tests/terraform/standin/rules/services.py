"""ECS services and their scaling."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from standin.rules import Context, Problem, Resource, rule
from standin.values import UNKNOWN

_SERVICE = "aws_ecs_service"
# Where the agent of ECS Exec writes.
_EXEC_PATHS = ("/var/lib/amazon", "/var/log/amazon")
_CRON_FIELDS = {
    "minutes": r"[\d*,/\-]+",
    "hours": r"[\d*,/\-]+",
    "day of month": r"[\d*,/\-?LW]+",
    "month": r"([\d*,/\-]|JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC)+",
    "day of week": r"([\d*,/\-?L#]|SUN|MON|TUE|WED|THU|FRI|SAT)+",
    "year": r"[\d*,/\-]+",
}


@rule(_SERVICE)
def network(resource: Resource, context: Context) -> Iterator[Problem]:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateService.html"""
    providers = [block.get("capacity_provider") for block in resource.blocks("capacity_provider_strategy")]
    fargate = resource["launch_type"] == "FARGATE" or any(str(name).startswith("FARGATE") for name in providers)
    if fargate and not resource["network_configuration"]:
        yield Problem(
            "Network Configuration must be provided when networkMode 'awsvpc' is specified.", "network_configuration"
        )
    for block in resource.blocks("network_configuration"):
        if block.get("subnets") == []:
            yield Problem("subnets can not be empty", "network_configuration")


@rule(_SERVICE)
def deployment(resource: Resource, context: Context) -> Iterator[Problem]:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentConfiguration.html"""
    least = resource.number("deployment_minimum_healthy_percent")
    most = resource.number("deployment_maximum_percent")
    count = resource.number("desired_count")
    least, most = 100 if least is None else least, 200 if most is None else most
    if UNKNOWN in (resource["deployment_minimum_healthy_percent"], resource["deployment_maximum_percent"]):
        return
    # ECS rounds the least up and the most down; a deployment needs room for one task between them.
    tasks = 1 if not count else int(count)
    if -(-tasks * least // 100) >= tasks and tasks * most // 100 <= tasks:
        yield Problem(
            f"with {tasks} tasks, at least {least:g} % and at most {most:g} % leave a deployment no task to "
            f"stop and none to start",
            "deployment_maximum_percent",
        )


@rule(_SERVICE)
def target_groups(resource: Resource, context: Context) -> Iterator[Problem]:
    """https://docs.aws.amazon.com/AmazonECS/latest/developerguide/alb.html"""
    for block in resource.blocks("load_balancer"):
        arn = block.get("target_group_arn")
        group = context.world.find("aws_lb_target_group", arn=arn)
        if group is None:
            continue
        if resource["launch_type"] == "FARGATE" and group.get("target_type") not in ("ip", UNKNOWN):
            yield Problem(
                f"tasks with network mode awsvpc need a target group of type ip, and {group.get('name')} is of "
                f"type {group.get('target_type')}",
                "load_balancer",
            )
        if context.stage == "apply" and not _forwarded(str(arn), context):
            yield Problem(
                f"The target group with targetGroupArn {arn} does not have an associated load balancer.",
                "load_balancer",
            )


def _forwarded(arn: str, context: Context) -> bool:
    found = context.world.existing("aws_lb_listener") + context.world.existing("aws_lb_listener_rule")
    return any(arn in str(listener.get("default_action") or listener.get("action")) for listener in found)


@rule(_SERVICE)
def exec_agent(resource: Resource, context: Context) -> Iterator[Problem]:
    """https://github.com/aws/containers-roadmap/issues/1359"""
    task = context.world.find("aws_ecs_task_definition", arn=resource["task_definition"])
    if not resource["enable_execute_command"] or task is None:
        return
    for container in Resource("aws_ecs_task_definition", task, task).document("container_definitions") or []:
        mounts = {mount.get("containerPath"): mount for mount in container.get("mountPoints") or []}
        missing = [path for path in _EXEC_PATHS if path not in mounts or mounts[path].get("readOnly")]
        if container.get("readonlyRootFilesystem") and missing:
            yield Problem(
                f"ECS Exec cannot work: {container.get('name')} has a read-only root, and {' and '.join(missing)} "
                f"is no writable mount",
                "enable_execute_command",
            )


@rule("aws_appautoscaling_target", "aws_appautoscaling_policy", "aws_appautoscaling_scheduled_action")
def scaled_resource(resource: Resource, context: Context) -> Iterator[Problem]:
    """https://docs.aws.amazon.com/autoscaling/application/APIReference/API_RegisterScalableTarget.html"""
    identity = resource.text("resource_id")
    if resource["service_namespace"] == "ecs" and identity and not re.fullmatch(r"service/[\w-]+/[\w-]+", identity):
        yield Problem(f"an ECS service is service/CLUSTER/SERVICE, not {identity}", "resource_id")


@rule("aws_appautoscaling_target")
def limits(resource: Resource, context: Context) -> Iterator[Problem]:
    """https://docs.aws.amazon.com/autoscaling/application/APIReference/API_RegisterScalableTarget.html"""
    yield from _ordered(resource["min_capacity"], resource["max_capacity"], "min_capacity")


@rule("aws_appautoscaling_scheduled_action")
def scheduled_limits(resource: Resource, context: Context) -> Iterator[Problem]:
    """https://docs.aws.amazon.com/autoscaling/application/APIReference/API_ScalableTargetAction.html"""
    for action in resource.blocks("scalable_target_action"):
        yield from _ordered(action.get("min_capacity"), action.get("max_capacity"), "scalable_target_action")
        if action.get("min_capacity") is None and action.get("max_capacity") is None:
            yield Problem("a scheduled action sets a minimum, a maximum or both", "scalable_target_action")


def _ordered(least: Any, most: Any, path: str) -> Iterator[Problem]:
    try:
        if float(least) > float(most):
            yield Problem(f"the minimum of {least} is greater than the maximum of {most}", path)
    except (TypeError, ValueError):
        return


@rule("aws_appautoscaling_scheduled_action")
def schedule(resource: Resource, context: Context) -> Iterator[Problem]:
    """https://docs.aws.amazon.com/autoscaling/application/APIReference/API_PutScheduledAction.html"""
    text = resource.text("schedule")
    if text:
        yield from (Problem(fault, "schedule") for fault in schedule_faults(text))


def schedule_faults(text: str) -> Iterator[str]:
    """What is wrong with at(...), rate(...) or cron(...)."""
    form = re.fullmatch(r"(at|rate|cron)\((.*)\)", text)
    if not form:
        yield f"a schedule is at(...), rate(...) or cron(...), not {text}"
        return
    kind, inside = form.groups()
    if kind == "at" and not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", inside):
        yield f"at(...) takes yyyy-mm-ddThh:mm:ss, not {inside}"
    if kind == "rate":
        rate = re.fullmatch(r"([1-9]\d*) (minute|hour|day)(s?)", inside)
        if not rate or (rate[1] == "1") == (rate[3] == "s"):
            yield f"rate(...) takes a number and minute(s), hour(s) or day(s), not {inside}"
    if kind != "cron":
        return
    fields = inside.split()
    if len(fields) != len(_CRON_FIELDS):
        yield f"cron(...) has six fields ({', '.join(_CRON_FIELDS)}), not {len(fields)}: {text}"
        return
    for (name, pattern), field in zip(_CRON_FIELDS.items(), fields, strict=True):
        if not re.fullmatch(pattern, field):
            yield f"cron(...) cannot have {field} as {name}"
    if (fields[2] == "?") == (fields[4] == "?"):
        yield f"cron(...) needs a ? for either the day of month or the day of week: {text}"


@rule("aws_appautoscaling_policy")
def request_count(resource: Resource, context: Context) -> Iterator[Problem]:
    """https://docs.aws.amazon.com/autoscaling/application/APIReference/API_PredefinedMetricSpecification.html"""
    metric = "target_tracking_scaling_policy_configuration.predefined_metric_specification"
    for block in resource.blocks(metric):
        label = block.get("resource_label")
        if block.get("predefined_metric_type") == "ALBRequestCountPerTarget":
            if label is None:
                yield Problem("ALBRequestCountPerTarget needs a resource_label", metric)
            elif label is not UNKNOWN and not re.fullmatch(r"app/[\w-]+/\w+/targetgroup/[\w-]+/\w+", label):
                yield Problem(f"a resource label is app/NAME/ID/targetgroup/NAME/ID, not {label}", metric)
