"""The commands of the guide for AWS: real Terraform with its S3 backend on the stand-in, moto for S3 and STS."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aws_account import BUCKET, FILE, Account, moto_server
from harness import PROJECT, serving

STATE = "environments/dev.tfstate"
DEV = ".tradewind/infrastructure/environment-dev"


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    with moto_server() as address:
        yield address


@pytest.fixture(scope="module")
def nobody(moto: str, tmp_path_factory: pytest.TempPathFactory) -> Account:
    folder = tmp_path_factory.mktemp("aws")
    (folder / "tradewind.yaml").write_text(FILE.read_text())
    return Account(folder, moto, {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"})


@pytest.fixture(scope="module")
def account(nobody: Account) -> Account:
    """The non-production account with its state bucket."""
    found = nobody.of("111111111111")
    # The stand-in creates no bucket, so the test creates the bucket that `bootstrap` would create.
    said = found.run("plan", "-e", "dev")
    assert (said.returncode, said.stdout) == (1, "")
    assert f"there is no state bucket {BUCKET}" in said.stderr
    assert "hint: tradewind bootstrap non-production" in said.stderr
    found.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    return found


def keys(account: Account, prefix: str) -> list[str]:
    listed = account.client("s3").list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])
    return [entry["Key"] for entry in listed]


def ledger(account: Account) -> dict[str, dict[str, Any]]:
    """The newest ledger entry of dev for each event."""
    found = {}
    for key in keys(account, "ledger/environment/dev/"):
        entry = json.loads(account.client("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read())
        found[entry["event"]] = entry
    return found


def publish(account: Account) -> None:
    """Write the published outputs to S3: the stand-in creates no object."""
    client = account.client("s3")
    state = json.loads(client.get_object(Bucket=BUCKET, Key=STATE)["Body"].read())
    (found,) = (resource for resource in state["resources"] if resource["type"] == "aws_s3_object")
    made = found["instances"][0]["attributes"]
    client.put_object(Bucket=made["bucket"], Key=made["key"], Body=made["content"].encode())


def sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def test_the_first_bootstrap(nobody: Account, tmp_path: Path) -> None:
    """The state begins as a file, and moves into the bucket when the bucket exists."""
    fresh = Account(tmp_path, nobody.endpoint, nobody.of("222222222222").credentials)
    (tmp_path / "tradewind.yaml").write_text(FILE.read_text())
    bucket = "acme-tf-state-222222222222-eu-west-1"

    said = fresh.run("bootstrap", "production")
    assert said.returncode == 0, said.stderr
    assert "nothing was changed" in said.stderr
    assert "aws_s3_bucket" in said.stdout
    workspace = tmp_path / ".tradewind/infrastructure/bootstrap-production"

    fresh.client("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    (workspace / "first.tfstate").write_text("")
    said = fresh.run("bootstrap", "production", "--yes")
    assert said.returncode == 0, said.stderr
    listed = fresh.client("s3").list_objects_v2(Bucket=bucket)["Contents"]
    assert {entry["Key"] for entry in listed} >= {"bootstrap.tfstate", "account.tfstate"}
    assert not list(workspace.glob("first.tfstate*"))
    assert "the account production is ready" in said.stderr

    again = fresh.run("bootstrap", "production", "--yes")
    assert again.stdout.splitlines() == [
        "production (bootstrap): nothing to change",
        "production (account): nothing to change",
    ]


def test_plan_audit_apply_output_drift_and_end(account: Account, tmp_path: Path) -> None:
    said = account.run("drift", "-e", "dev")
    assert said.returncode == 1
    assert "dev does not exist yet: it was never applied" in said.stderr
    assert "Invalid index" not in said.stderr

    said = account.run("plan", "-e", "dev")
    assert said.returncode == 0, said.stderr
    assert said.stdout.startswith("dev: 3")
    assert "to create" in said.stdout.splitlines()[0]
    assert "next: tradewind audit -e dev, then tradewind apply -e dev" in said.stderr
    planned = sha256(account.folder / DEV / "plan.bin")
    assert f"plan {planned}" in said.stderr

    # The audit reads that plan, and needs neither AWS nor credentials.
    bare = Account(account.folder, account.endpoint, {})
    said = bare.run("audit", "-e", "dev", "--json", AWS_SHARED_CREDENTIALS_FILE=os.devnull, AWS_CONFIG_FILE=os.devnull)
    assert said.returncode == 0, said.stderr
    assert (json.loads(said.stdout)["plan_sha256"], json.loads(said.stdout)["passed"]) == (planned, True)
    assert f"next: tradewind apply -e dev --audited {planned}" in said.stderr
    assert sha256(account.folder / DEV / "plan.bin") == planned

    said = account.run("apply", "-e", "dev", "--audited", planned)
    assert said.returncode == 0, said.stderr
    assert "creating" in said.stderr
    assert f"applied plan {planned}" in said.stderr
    assert STATE in keys(account, "environments/")
    written = ledger(account)
    assert set(written) == {"started", "finished"}
    for entry in written.values():
        assert (entry["plan"]["plan_sha256"], entry["plan"]["audit"]["plan_sha256"]) == (planned, planned)
        assert entry["plan"]["audit"]["passed"] is True

    # The plan is used up: no plan is left to audit or apply.
    for command in ("audit", "apply"):
        said = account.run(command, "-e", "dev")
        assert (said.returncode, said.stdout) == (1, "")
        assert "error: there is no plan for dev\nhint: tradewind plan -e dev\n" in said.stderr

    assert "dev does not exist yet" in account.run("output", "-e", "dev").stderr
    publish(account)
    # From any folder, without Terraform, and while a plan holds the lock.
    account.client("s3").put_object(Bucket=BUCKET, Key=f"{STATE}.tflock", Body=b"{}")
    bare = Account(tmp_path, account.endpoint, account.credentials)
    (tmp_path / "tradewind.yaml").write_text(FILE.read_text())
    said = bare.run("output", "-e", "dev", "--json", PATH="")
    assert json.loads(said.stdout)["outputs"]["cluster"] == "acme-dev"
    assert not (tmp_path / ".tradewind").exists()
    assert account.run("plan", "-e", "dev").returncode == 1
    account.client("s3").delete_object(Bucket=BUCKET, Key=f"{STATE}.tflock")
    said = account.run("plan", "-e", "dev")
    assert said.stdout == "dev: nothing to change\n"
    second = sha256(account.folder / DEV / "plan.bin")
    said = account.run("drift", "-e", "dev", "--json")
    assert (said.returncode, json.loads(said.stdout)["drifted"]) == (0, [])
    # Commands that only read keep the plan, and it can still be applied.
    assert account.run("output", "-e", "dev").returncode == 0
    assert sha256(account.folder / DEV / "plan.bin") == second
    said = account.run("apply", "-e", "dev", "--no-deploy")
    assert said.returncode == 0, said.stderr
    assert f"applied plan {second}" in said.stderr
    assert ledger(account)["finished"]["plan"]["audit"] is None

    said = account.run("destroy", "-e", "dev")
    assert "saved for destroy, instead of any earlier plan of dev: plan " in said.stderr
    assert said.returncode == 0, said.stderr
    assert "LOSES DATA: module.database.aws_db_instance.this holds the metadata database" in said.stdout
    said = account.run("destroy", "-e", "dev", "--yes", "--allow-data-loss", "module.database.aws_db_instance.this")
    assert said.returncode == 2
    assert "the plan loses data, so nothing was done" in said.stderr


def test_only_the_audited_plan_is_applied(account: Account) -> None:
    def plan(tags: str) -> str:
        """Keep a plan with these tags. Return its hash."""
        (account.folder / "tradewind.yaml").write_text(FILE.read_text() + f"tags: {{team: {tags}}}\n")
        said = account.run("plan", "-e", "dev", "--json")
        assert said.returncode == 0, said.stderr
        found = json.loads(said.stdout)["environments"]["dev"]["plan_sha256"]
        assert found == sha256(account.folder / DEV / "plan.bin")
        return str(found)

    try:
        first = plan("one")
        said = account.run("apply", "-e", "dev", "--audited", first)
        assert said.returncode == 2
        assert "error: the plan for dev was not audited\nhint: tradewind audit -e dev\n" in said.stderr

        said = account.run("audit", "-e", "dev", "--report", "ways.txt")
        assert (said.returncode, said.stdout) == (0, f"{first}\n")
        assert "public_load_balancer" in (account.folder / "ways.txt").read_text()

        # Another plan is saved between the audit and the apply.
        second = plan("two")
        assert second != first
        said = account.run("apply", "-e", "dev", "--audited", first)
        assert said.returncode == 2
        assert f"another plan is saved for dev: expected {first}, but {second} is saved" in said.stderr

        # The configuration has changed since the plan.
        (account.folder / "tradewind.yaml").write_text(FILE.read_text())
        for command in ("audit", "apply"):
            said = account.run(command, "-e", "dev")
            assert said.returncode == 1
            assert "the plan for dev is out of date" in said.stderr
            assert "hint: tradewind plan -e dev" in said.stderr
    finally:
        (account.folder / "tradewind.yaml").write_text(FILE.read_text())


def test_a_plan_of_another_folder_is_refused(account: Account, tmp_path: Path) -> None:
    """Copied files are not enough to apply a plan: the provider and the state belong to the first folder."""
    assert account.run("plan", "-e", "dev").returncode == 0
    (tmp_path / "tradewind.yaml").write_text(FILE.read_text())
    other = Account(tmp_path, account.endpoint, account.credentials)
    (tmp_path / DEV).mkdir(parents=True)
    for name in ("plan.bin", "plan.json"):
        shutil.copy(account.folder / DEV / name, tmp_path / DEV)
    for command in ("audit", "apply"):
        said = other.run(command, "-e", "dev")
        assert said.returncode == 1
        assert "the plan for dev was made elsewhere" in said.stderr
        assert "hint: tradewind plan -e dev" in said.stderr


def test_another_account_is_reached_through_its_role(account: Account, nobody: Account) -> None:
    """Two accounts: the caller is in one, state and resources are in the other."""
    bucket = "acme-tf-state-222222222222-eu-west-1"
    production = nobody.of("222222222222")
    owned = {entry["Name"] for entry in production.client("s3").list_buckets()["Buckets"]}
    if bucket not in owned:
        production.client("s3").create_bucket(
            Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
        )
    said = account.run("plan", "-e", "prod")
    assert said.returncode == 0, said.stderr
    rendered = account.folder / ".tradewind/infrastructure/environment-prod"
    backend = json.loads((rendered / "backend.tfbackend.json").read_text())
    assert backend["assume_role"]["role_arn"] == "arn:aws:iam::222222222222:role/acme-deploy"
    # The plan works through that role only.
    assert account.run("audit", "-e", "prod").returncode == 0
    said = production.run("apply", "-e", "prod")
    assert said.returncode == 2
    assert "the plan for prod was made with other credentials, and works only with those" in said.stderr


def test_every_environment_at_once(account: Account, tmp_path: Path) -> None:
    """The large example, offline: four environments in two accounts."""
    (tmp_path / "tradewind.yaml").write_text((PROJECT / "examples/large/tradewind.yaml").read_text())
    large = Account(tmp_path, account.endpoint, account.credentials)
    for account_id in ("111111111111", "222222222222"):
        given = {"LocationConstraint": "eu-central-1"}
        name = f"acme-tf-state-{account_id}-eu-central-1"
        large.of(account_id).client("s3", "eu-central-1").create_bucket(Bucket=name, CreateBucketConfiguration=given)
    began = time.monotonic()
    said = large.run("plan", "--all", "--json")
    print(f"tradewind plan --all: {time.monotonic() - began:.1f} s")
    assert said.returncode == 0, said.stderr
    found = json.loads(said.stdout)["environments"]
    assert list(found) == sorted(["dev", "staging", "pre-prod", "prod"])
    assert all(plan["counts"]["create"] > 250 for plan in found.values())


def test_a_second_writer_is_refused(account: Account) -> None:
    lock = {"ID": "7", "Who": "eve@ci", "Created": "2026-11-22T05:00:00Z", "Operation": "OperationTypeApply"}
    account.client("s3").put_object(Bucket=BUCKET, Key=f"{STATE}.tflock", Body=json.dumps(lock).encode())
    said = account.run("plan", "-e", "dev")
    assert said.returncode == 1
    assert "eve@ci has held the lock since 2026-11-22T05:00:00Z" in said.stderr
    assert "tradewind tf unlock 7 -e dev" in said.stderr
    assert account.run("tf", "unlock", "8", "-e", "dev").returncode == 2
    assert account.run("tf", "unlock", "7", "-e", "dev").returncode == 0
    assert not keys(account, f"{STATE}.tflock")


def test_without_credentials(nobody: Account) -> None:
    bare = Account(nobody.folder, nobody.endpoint, {})
    said = bare.run("plan", "-e", "dev", AWS_SHARED_CREDENTIALS_FILE=os.devnull, AWS_CONFIG_FILE=os.devnull)
    assert (said.returncode, said.stdout) == (1, "")
    assert "\nerror: AWS credentials are missing: " in said.stderr
    assert "aws sso login" in said.stderr


def test_without_terraform(account: Account, tmp_path: Path) -> None:
    said = account.run("plan", "-e", "dev", PATH=str(tmp_path))
    assert said.returncode == 1
    assert "Terraform is not installed" in said.stderr
    old = tmp_path / "terraform"
    old.write_text('#!/bin/sh\necho \'{"terraform_version": "1.10.9"}\'\n')
    old.chmod(0o755)
    said = account.run("plan", "-e", "dev", PATH=f"{tmp_path}:/bin:/usr/bin")
    assert "Terraform 1.10.9 is too old: Tradewind needs 1.11 or newer" in said.stderr


def test_terraform_itself_refuses_a_second_writer(account: Account) -> None:
    """Terraform refuses if another process takes the lock after Tradewind's check."""
    said = account.run("plan", "-e", "dev")
    assert said.returncode == 0, said.stderr
    folder = account.folder / ".tradewind/infrastructure/environment-dev"
    lock = {"ID": "9", "Who": "eve@ci", "Created": "2026-11-22T05:00:00Z", "Operation": "OperationTypeApply"}
    account.client("s3").put_object(Bucket=BUCKET, Key=f"{STATE}.tflock", Body=json.dumps(lock).encode())
    done = subprocess.run(
        ["terraform", "plan", "-no-color", "-lock-timeout=0s"],
        cwd=folder / "terraform/stacks/environment",
        env={
            **os.environ,
            **serving(),
            **account.credentials,
            "AWS_ENDPOINT_URL": account.endpoint,
            "TF_DATA_DIR": str(folder / "data"),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    account.client("s3").delete_object(Bucket=BUCKET, Key=f"{STATE}.tflock")
    assert done.returncode == 1
    assert "Error acquiring the state lock" in done.stderr
