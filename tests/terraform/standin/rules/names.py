"""Lengths and characters of names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from standin.rules import Context, Problem, Resource, rule
from standin.values import UNKNOWN

_DOCS = "https://docs.aws.amazon.com/"


@dataclass(frozen=True)
class Name:
    """A valid name: a pattern for the whole name, the greatest length, the same in words, and the source."""

    pattern: str
    longest: int
    words: str
    source: str


_ELB = Name(
    r"(?!internal-)[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?",
    32,
    'letters, digits and inner hyphens, not beginning with "internal-"',
    _DOCS + "elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html",
)
_RDS = Name(
    r"[a-z](-?[a-z0-9])*",
    63,
    "lower-case letters, digits and single inner hyphens, beginning with a letter",
    _DOCS + "AmazonRDS/latest/APIReference/API_CreateDBInstance.html",
)
_CACHE = Name(
    r"[a-z](-?[a-z0-9])*",
    40,
    "lower-case letters, digits and single inner hyphens, beginning with a letter",
    _DOCS + "AmazonElastiCache/latest/APIReference/API_CreateReplicationGroup.html",
)
_IAM = _DOCS + "IAM/latest/UserGuide/reference_iam-quotas.html"
_ROLE = Name(r"[\w+=,.@-]+", 64, "letters, digits and + = , . @ _ -", _IAM)
_POLICY = Name(r"[\w+=,.@-]+", 128, "letters, digits and + = , . @ _ -", _IAM)
_PATH = Name(r"/([\x21-\x7e]+/)?", 512, "a text that begins and ends with a slash", _IAM)
_ECS = Name(
    r"[A-Za-z0-9_-]+",
    255,
    "letters, digits, hyphens and underscores",
    _DOCS + "AmazonECS/latest/APIReference/API_CreateService.html",
)
_GROUP = _DOCS + "AWSEC2/latest/APIReference/API_CreateSecurityGroup.html"
_DESCRIPTION = Name(
    r"[A-Za-z0-9. _\-:/()#,@\[\]+=&;{}!$*]*",
    255,
    "letters, digits, spaces and . _ - : / ( ) # , @ [ ] + = & ; { } ! $ *",
    _GROUP,
)
_S3 = Name(
    r"(?!xn--|sthree-|amzn-s3-demo-)(?!\d+\.\d+\.\d+\.\d+$)(?!.*\.\.)(?!.*(-s3alias|--ol-s3|--x-s3|--table-s3)$)"
    r"[a-z0-9][a-z0-9.-]+[a-z0-9]",
    63,
    "3 to 63 lower-case letters, digits, dots and inner hyphens",
    _DOCS + "AmazonS3/latest/userguide/bucketnamingrules.html",
)
_LOGS = _DOCS + "AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html"
_ALARM = _DOCS + "AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html"
_DASHBOARD = _DOCS + "AmazonCloudWatch/latest/APIReference/API_PutDashboard.html"

_NAMES: dict[str, dict[str, Name]] = {
    "aws_acm_certificate": {
        "domain_name": Name(
            r"(\*\.)?([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])",
            64,
            "a domain, perhaps with * in front",
            _DOCS + "acm/latest/APIReference/API_RequestCertificate.html",
        )
    },
    "aws_appautoscaling_policy": {
        "name": Name(
            r"[ -~]+",
            256,
            "printable characters",
            _DOCS + "autoscaling/application/APIReference/API_PutScalingPolicy.html",
        )
    },
    "aws_budgets_budget": {
        "name": Name(
            r"[^:\\]+",
            100,
            "no colon and no backslash",
            _DOCS + "aws-cost-management/latest/APIReference/API_budgets_Budget.html",
        )
    },
    "aws_cloudwatch_dashboard": {
        "dashboard_name": Name(r"[A-Za-z0-9_-]+", 255, "letters, digits, hyphens and underscores", _DASHBOARD)
    },
    "aws_cloudwatch_log_group": {"name": Name(r"[.\-_/#A-Za-z0-9]+", 512, "letters, digits and . - _ / #", _LOGS)},
    "aws_cloudwatch_metric_alarm": {"alarm_name": Name(r"[^\x00-\x1f]+", 255, "no control characters", _ALARM)},
    "aws_db_instance": {
        "identifier": _RDS,
        "db_name": Name(r"[A-Za-z][A-Za-z0-9_]*", 64, "letters, digits and underscores", _RDS.source),
        "final_snapshot_identifier": Name(
            r"[A-Za-z](-?[A-Za-z0-9])*", 255, "letters, digits and single inner hyphens", _RDS.source
        ),
    },
    "aws_db_parameter_group": {"name": Name(_RDS.pattern, 255, _RDS.words, _RDS.source)},
    "aws_db_subnet_group": {
        "name": Name(r"(?!default$)[a-z0-9 ._-]+", 255, "lower-case letters, digits, spaces and . _ -", _RDS.source)
    },
    "aws_ecr_repository": {
        "name": Name(
            r"(?=..)(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*",
            256,
            "lower-case letters and digits, with single . _ - and slashes between them",
            _DOCS + "AmazonECR/latest/APIReference/API_CreateRepository.html",
        )
    },
    "aws_ecs_cluster": {"name": _ECS},
    "aws_ecs_service": {"name": _ECS},
    "aws_ecs_task_definition": {"family": _ECS},
    "aws_elasticache_parameter_group": {"name": Name(_CACHE.pattern, 255, _CACHE.words, _CACHE.source)},
    "aws_elasticache_replication_group": {"replication_group_id": _CACHE},
    "aws_elasticache_subnet_group": {
        "name": Name(r"[a-z0-9-]+", 255, "lower-case letters, digits and hyphens", _CACHE.source)
    },
    "aws_iam_policy": {"name": _POLICY, "path": _PATH},
    "aws_iam_role": {"name": _ROLE, "path": _PATH, "name_prefix": Name(_ROLE.pattern, 38, _ROLE.words, _IAM)},
    "aws_iam_role_policy": {"name": _POLICY},
    "aws_kms_alias": {
        "name": Name(
            r"alias/(?!aws/)[A-Za-z0-9/_-]+",
            256,
            '"alias/" (not "alias/aws/"), then letters, digits, slashes, hyphens and underscores',
            _DOCS + "kms/latest/APIReference/API_CreateAlias.html",
        )
    },
    "aws_lb": {"name": _ELB},
    "aws_lb_target_group": {"name": _ELB},
    "aws_s3_bucket": {"bucket": _S3},
    "aws_secretsmanager_secret": {
        "name": Name(
            r"[0-9A-Za-z/_+=.@-]+",
            512,
            "letters, digits and / _ + = . @ -",
            _DOCS + "secretsmanager/latest/apireference/API_CreateSecret.html",
        )
    },
    "aws_security_group": {
        "name": Name(r"(?!sg-)[^\x00-\x1f]+", 255, 'any text that does not begin with "sg-"', _GROUP),
        "description": _DESCRIPTION,
    },
    "aws_sns_topic": {
        "name": Name(
            r"[A-Za-z0-9_-]+(\.fifo)?",
            256,
            "letters, digits, hyphens and underscores",
            _DOCS + "sns/latest/api/API_CreateTopic.html",
        )
    },
    "aws_vpc_security_group_egress_rule": {"description": _DESCRIPTION},
    "aws_vpc_security_group_ingress_rule": {"description": _DESCRIPTION},
}

_TAG_KEY = re.compile(r"(?!aws:)[\w\s.:/=+\-@]{1,128}")
_TAG_VALUE = re.compile(r"[\w\s.:/=+\-@]{0,256}")


@rule("*")
def names(resource: Resource, context: Context) -> Iterator[Problem]:
    """Each name has a source of its own, in the table above: https://docs.aws.amazon.com/"""
    for argument, name in _NAMES.get(resource.kind, {}).items():
        text = resource.text(argument)
        if text is None:
            continue
        if len(text) > name.longest:
            yield Problem(
                f'"{argument}" cannot be longer than {name.longest} characters: "{text}" has {len(text)}',
                argument,
                f"See {name.source}",
            )
        if not re.fullmatch(name.pattern, text):
            yield Problem(f'invalid value for {argument} ({name.words}): "{text}"', argument, f"See {name.source}")


@rule("*")
def tags(resource: Resource, context: Context) -> Iterator[Problem]:
    """Tags in general, after https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html"""
    found = resource.state.get("tags_all") or resource["tags"]
    if not isinstance(found, dict):
        return
    if len(found) > 50:
        yield Problem(f"a resource has at most 50 tags, not {len(found)}", "tags")
    for key, value in found.items():
        if not _TAG_KEY.fullmatch(key):
            yield Problem(f'invalid tag key "{key}"', "tags")
        if value is not None and value is not UNKNOWN and not _TAG_VALUE.fullmatch(value):
            yield Problem(f'invalid value of the tag {key}: "{value}"', "tags")
