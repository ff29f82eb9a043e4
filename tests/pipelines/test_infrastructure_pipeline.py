"""The infrastructure pipeline runs with real Terraform on the stand-in, and moto for S3 and STS."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aws_account import BUCKET, COMMAND, FILE, Account, moto_server
from jenkins_runs import PIPELINES, Outcome, run

pytestmark = pytest.mark.xdist_group("commands")

SECRET = "moto-takes-any-secret-4711"
PULL_REQUEST = {"BRANCH_NAME": "PR-7", "CHANGE_ID": "7", "CHANGE_TARGET": "main"}


@pytest.fixture
def account(tmp_path: Path) -> Iterator[Account]:
    (tmp_path / "tradewind.yaml").write_text(FILE.read_text())
    given = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": SECRET}
    with moto_server() as address:
        found = Account(tmp_path, address, given).of("111111111111")
        found.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        yield found


def build(account: Account, answer: str = "Apply", **env: str) -> Outcome:
    variables = {**account.variables(), "TRADEWIND": str(COMMAND), **env}
    inputs = {"Apply the plan.*": answer}
    return run(PIPELINES / "infrastructure" / "Jenkinsfile", account.folder, env=variables, inputs=inputs)


def states(account: Account) -> list[str]:
    listed = account.client("s3").list_objects_v2(Bucket=BUCKET, Prefix="environments/").get("Contents", [])
    return [entry["Key"] for entry in listed if entry["Size"] > 1000]


def ledger(account: Account) -> list[dict[str, Any]]:
    client = account.client("s3")
    listed = client.list_objects_v2(Bucket=BUCKET, Prefix="ledger/environment/dev/").get("Contents", [])
    return [json.loads(client.get_object(Bucket=BUCKET, Key=entry["Key"])["Body"].read()) for entry in listed]


def test_a_plan_is_shown_asked_for_and_applied(account: Account) -> None:
    proposed = build(account, **PULL_REQUEST)
    assert (proposed.result, proposed.stages["Apply"], states(account)) == ("SUCCESS", "SKIPPED", [])
    plan = json.loads((account.folder / "build" / "plan.json").read_text())["environments"]["dev"]
    assert plan["counts"]["create"] > 200
    assert (account.folder / "build" / "plan").read_text() == plan["plan_sha256"] + "\n"

    refused = build(account, answer="Abort")
    assert (refused.result, states(account)) == ("ABORTED", [])

    applied = build(account)
    assert applied.result == "SUCCESS", applied.log
    assert states(account) == ["environments/dev.tfstate"]
    assert set(applied.stages.values()) == {"SUCCESS"}
    assert {"build/audit.txt", "build/plan.json"} <= set(applied.report["archived"])
    # The plan that was shown is the plan that was audited and applied.
    shown = json.loads((account.folder / "build" / "plan.json").read_text())["environments"]["dev"]["plan_sha256"]
    assert shown != plan["plan_sha256"]
    entries = ledger(account)
    assert {entry["event"] for entry in entries} == {"started", "finished"}
    for entry in entries:
        audit = entry["plan"]["audit"]
        assert (entry["plan"]["plan_sha256"], audit["plan_sha256"], audit["passed"]) == (shown, shown, True)

    for done in (proposed, refused, applied):
        assert not [value for name, value in account.credentials.items() if "KEY_ID" not in name and value in done.log]
