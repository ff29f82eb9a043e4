"""S3, EFS and ECR."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from standin.rules import Context, Problem, Resource, rule
from standin.values import UNKNOWN

_LIFECYCLE = "aws_s3_bucket_lifecycle_configuration"
_ECR_KEYS = {"tagStatus", "tagPatternList", "tagPrefixList", "storageClass", "countType", "countUnit", "countNumber"}


@rule(_LIFECYCLE)
def transitions(resource: Resource, context: Context) -> Iterator[Problem]:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-transition-general-considerations.html"""
    for block in resource.blocks("rule"):
        for kind, argument in (("transition", "days"), ("noncurrent_version_transition", "noncurrent_days")):
            for move in block.get(kind) or []:
                days, target = move.get(argument), move.get("storage_class")
                if target in ("STANDARD_IA", "ONEZONE_IA") and isinstance(days, int) and days < 30:
                    yield Problem(
                        f"'Days' in {kind} action must be greater than or equal to 30 for storageClass "
                        f"'{target}', not {days}",
                        "rule",
                    )
        moves = [move.get("days") for move in block.get("transition") or []]
        ends = [end.get("days") for end in block.get("expiration") or []]
        for last in ends:
            if isinstance(last, int) and any(isinstance(first, int) and last <= first for first in moves):
                yield Problem(
                    f"'Days' in the Expiration action ({last}) must be greater than in the Transition action", "rule"
                )


@rule(_LIFECYCLE)
def lifecycle_names(resource: Resource, context: Context) -> Iterator[Problem]:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html"""
    names = [block.get("id") for block in resource.blocks("rule")]
    for name in {name for name in names if isinstance(name, str) and names.count(name) > 1}:
        yield Problem(f"Rule ID must be unique. Found same ID for more than one rule: {name}", "rule")


@rule("aws_efs_mount_target")
def one_mount_target_a_zone(resource: Resource, context: Context) -> Iterator[Problem]:
    """https://docs.aws.amazon.com/efs/latest/ug/API_CreateMountTarget.html"""
    system, mine = resource["file_system_id"], context.world.find("aws_subnet", id=resource["subnet_id"])
    if mine is None or mine["availability_zone"] is UNKNOWN:
        return
    for other in context.world.all("aws_efs_mount_target"):
        subnet = context.world.find("aws_subnet", id=other.get("subnet_id"))
        itself = other.get("id") == resource.state.get("id") is not UNKNOWN
        same = subnet and subnet["availability_zone"] == mine["availability_zone"]
        if same and other.get("file_system_id") == system is not UNKNOWN and not itself:
            yield Problem(
                f"MountTargetConflict: a mount target already exists in this AZ ({mine['availability_zone']})",
                "subnet_id",
            )


@rule("aws_efs_access_point")
def creation_info(resource: Resource, context: Context) -> Iterator[Problem]:
    """https://docs.aws.amazon.com/efs/latest/ug/enforce-root-directory-access-point.html"""
    for block in resource.blocks("root_directory"):
        if block.get("path") not in (None, "/", UNKNOWN) and not block.get("creation_info"):
            yield Problem(
                f"EFS creates {block['path']} only with creation_info, and mounts fail while it does not exist",
                "root_directory",
            )


@rule("aws_efs_file_system")
def file_system(resource: Resource, context: Context) -> Iterator[Problem]:
    """https://docs.aws.amazon.com/efs/latest/ug/API_CreateFileSystem.html"""
    if resource["kms_key_id"] is not None and resource["encrypted"] in (None, False):
        yield Problem("encrypted must be set to true when kms_key_id is specified", "kms_key_id")
    given = resource.config.get("provisioned_throughput_in_mibps") is not None
    if (resource["throughput_mode"] == "provisioned") != given and resource["throughput_mode"] is not UNKNOWN:
        yield Problem(
            "provisioned_throughput_in_mibps goes with throughput_mode provisioned, and only with it", "throughput_mode"
        )


@rule("aws_ecr_lifecycle_policy")
def images(resource: Resource, context: Context) -> Iterator[Problem]:
    """https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_parameters.html"""
    text, document = resource.text("policy"), resource.document("policy")
    if text is None:
        return
    if not isinstance(document, dict) or not isinstance(document.get("rules"), list):
        yield Problem("the lifecycle policy is not JSON with a list of rules", "policy")
        return
    rules = document["rules"]
    priorities = [rule.get("rulePriority") for rule in rules]
    if len(set(priorities)) != len(priorities):
        yield Problem(f"every rule needs a rulePriority of its own: {priorities}", "policy")
    for found in rules:
        selection = found.get("selection") or {}
        for fault in _selection_faults(selection):
            yield Problem(f"rule {found.get('rulePriority')}: {fault}", "policy")
        last = found.get("rulePriority") == max((p for p in priorities if isinstance(p, int)), default=None)
        if selection.get("tagStatus") == "any" and not last:
            yield Problem("a rule for any image must have the highest rulePriority, so that it comes last", "policy")


def _selection_faults(selection: dict[str, Any]) -> Iterator[str]:
    lists = [key for key in ("tagPatternList", "tagPrefixList") if key in selection]
    for key, value in selection.items():
        if value is None:
            yield f"{key} is null, which is not of its type: leave it out"
        if key not in _ECR_KEYS:
            yield f"unknown key {key}"
    if selection.get("tagStatus") not in ("tagged", "untagged", "any"):
        yield f"tagStatus is tagged, untagged or any, not {selection.get('tagStatus')}"
    if lists and selection.get("tagStatus") != "tagged":
        yield f"{lists[0]} goes only with tagStatus tagged"
    if len(lists) == 2:
        yield "only one of tagPatternList and tagPrefixList may be given"
    if selection.get("tagStatus") == "tagged" and not lists:
        yield "tagStatus tagged needs tagPatternList or tagPrefixList"
    if (selection.get("countType") == "sinceImagePushed") != (selection.get("countUnit") == "days"):
        yield "countUnit days goes with countType sinceImagePushed, and only with it"
