"""ECR's findings for a pushed image. Only modules that talk to AWS import this one: boto3 takes long to import."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.exceptions import ClientError

from tradewind.errors import ExitCode, TradewindError

SEVERITIES = ("CRITICAL", "HIGH", "MEDIUM", "LOW", "INFORMATIONAL", "UNDEFINED")
"""Worst first (ECR, ImageScanFinding)."""
WAIT_S = 900.0
_POLL_S = 5.0
_REFERENCE = re.compile(r"(?P<registry>[^/]+)/(?P<repository>.+)@(?P<digest>sha256:[0-9a-f]{64})")


@dataclass(frozen=True)
class Vulnerability:
    """One finding: its name (CVE-…), its severity, and the package that has it."""

    name: str
    severity: str
    package: str


def is_bad(weakness: Vulnerability, fail_on: str, allowed: Collection[str]) -> bool:
    """Whether a finding blocks the deployment of an image. Pure."""
    return SEVERITIES.index(weakness.severity) <= SEVERITIES.index(fail_on) and weakness.name not in allowed


def findings(
    session: boto3.Session,
    reference: str,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> list[Vulnerability]:
    """ECR's findings for ``registry/repository@sha256:…``; waits for the scan. TradewindError if there is none."""
    parts = _REFERENCE.fullmatch(reference)
    if parts is None:
        raise TradewindError(
            f"{reference!r} is not an image in ECR",
            "an image in ECR is named by its digest",
            "tradewind images push",
            code=ExitCode.USAGE,
        )
    client = session.client("ecr")
    asked: Any = {"repositoryName": parts["repository"], "imageId": {"imageDigest": parts["digest"]}}
    until = clock() + WAIT_S
    while (status := _status(client, asked))["status"] not in {"COMPLETE", "ACTIVE"}:
        if status["status"] not in {"IN_PROGRESS", "PENDING"}:
            raise TradewindError(
                f"ECR did not scan {reference}", f"{status['status']}: {status.get('description', '')}"
            )
        if clock() > until:
            raise TradewindError(f"ECR has not scanned {reference} after {WAIT_S:.0f} s")
        sleep(_POLL_S)
    pages = client.get_paginator("describe_image_scan_findings").paginate(**asked)
    found = [_read(entry) for page in pages for entry in _entries(page["imageScanFindings"])]
    return sorted(found, key=lambda weakness: (SEVERITIES.index(weakness.severity), weakness.name))


def _status(client: Any, asked: Any) -> dict[str, Any]:
    try:
        answer: dict[str, Any] = client.describe_image_scan_findings(**asked)["imageScanStatus"]
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code == "ScanNotFoundException":  # the scan begins a moment after the push
            return {"status": "PENDING"}
        raise TradewindError(
            "the findings cannot be read from ECR", f"{code}: {error.response['Error']['Message']}"
        ) from None
    return answer


def _entries(found: dict[str, Any]) -> list[dict[str, Any]]:
    """The findings of a page: basic scans and Inspector have two different fields."""
    return [*found.get("findings", []), *found.get("enhancedFindings", [])]


def _read(entry: dict[str, Any]) -> Vulnerability:
    details = entry.get("packageVulnerabilityDetails")
    if details is not None:
        packages = details.get("vulnerablePackages") or [{}]
        severity = entry["severity"] if entry["severity"] in SEVERITIES else "UNDEFINED"
        return Vulnerability(details["vulnerabilityId"], severity, packages[0].get("name", ""))
    attributes = {attribute["key"]: attribute.get("value", "") for attribute in entry.get("attributes", [])}
    return Vulnerability(entry["name"], entry["severity"], attributes.get("package_name", ""))
