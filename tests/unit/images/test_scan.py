"""The findings of ECR's scan of an image, with moto's ECR."""

from __future__ import annotations

import boto3
import pytest
from moto import mock_aws

from tradewind.errors import TradewindError
from tradewind.images import scan
from tradewind.images.scan import Vulnerability, findings, is_bad

DIGEST = f"sha256:{0:064}"


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> boto3.Session:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    return boto3.Session(region_name="eu-west-1")


def pushed(session: boto3.Session) -> str:
    """The reference of an image that ECR has scanned."""
    client = session.client("ecr")
    uri = client.create_repository(repositoryName="acme/worker")["repository"]["repositoryUri"]
    manifest = (
        '{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "layers": [], "config": {}}'
    )
    image = client.put_image(repositoryName="acme/worker", imageManifest=manifest, imageTag="one")["image"]["imageId"]
    return f"{uri}@{image['imageDigest']}"


@mock_aws
def test_findings_are_told(session: boto3.Session) -> None:
    reference = pushed(session)
    digest = reference.partition("@")[2]
    slept: list[float] = []

    def begin(seconds: float) -> None:
        slept.append(seconds)
        session.client("ecr").start_image_scan(repositoryName="acme/worker", imageId={"imageDigest": digest})

    found = findings(session, reference, sleep=begin)

    assert len(slept) == 1
    assert [weakness.severity for weakness in found] == ["HIGH"]
    assert found[0].name.startswith("CVE-")
    assert found[0].package


@mock_aws
def test_what_is_not_there_is_told(session: boto3.Session) -> None:
    with pytest.raises(TradewindError, match="the findings cannot be read from ECR"):
        findings(session, f"111122223333.dkr.ecr.eu-west-1.amazonaws.com/acme/worker@{DIGEST}")
    with pytest.raises(TradewindError, match="is not an image in ECR"):
        findings(session, "worker:latest")


@mock_aws
def test_a_scan_that_never_ends(session: boto3.Session) -> None:
    clock = iter(range(0, 10_000, 300))
    with pytest.raises(TradewindError, match="has not scanned"):
        findings(session, pushed(session), clock=lambda: float(next(clock)), sleep=lambda _: None)


def test_inspectors_answer_is_read_too() -> None:
    entry = {
        "severity": "UNTRIAGED",
        "packageVulnerabilityDetails": {"vulnerabilityId": "CVE-1", "vulnerablePackages": [{"name": "openssl"}]},
    }
    assert scan._read(entry) == Vulnerability("CVE-1", "UNDEFINED", "openssl")


@pytest.mark.parametrize(
    ("severity", "fail_on", "allowed", "bad"),
    [
        ("CRITICAL", "CRITICAL", (), True),
        ("HIGH", "CRITICAL", (), False),
        ("HIGH", "HIGH", (), True),
        ("CRITICAL", "HIGH", (), True),
        ("CRITICAL", "HIGH", ("CVE-1",), False),
    ],
)
def test_what_keeps_an_image_back(severity: str, fail_on: str, allowed: tuple[str, ...], bad: bool) -> None:
    assert is_bad(Vulnerability("CVE-1", severity, "x"), fail_on, allowed) is bad
