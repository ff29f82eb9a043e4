"""Commands about releases and DAGs, in a folder with only the configuration, while a plan holds the lock."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from controlled import BUCKET, CONFIGURATION, ControlledEnvironment
from moto.server import ThreadedMotoServer

from tradewind import config
from tradewind.blueprint import services
from tradewind.infrastructure.published import PREFIX, VERSION
from tradewind.infrastructure.target_account import target_account

COMMAND = Path(sys.executable).parent / "tradewind"
REGION = "eu-west-1"
IMAGE = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/acme/{}@sha256:" + "1" * 64


class Bare:
    """A folder with ``tradewind.yaml``, and the resources in AWS."""

    def __init__(self, folder: Path, endpoint: str) -> None:
        self.folder = folder
        self.environment = ControlledEnvironment(folder)
        self.variables = {"AWS_ENDPOINT_URL": endpoint, "AWS_REGION": REGION, "AWS_EC2_METADATA_DISABLED": "true"}
        self.seconds = 0.0
        self.programs = folder / "programs"
        self.programs.mkdir()
        (self.programs / "git").symlink_to(str(shutil.which("git")))

    def run(self, *arguments: str, code: int = 0) -> str:
        """Run a command, and return its output. Its PATH has only git, and no Terraform."""
        began = time.monotonic()
        done = subprocess.run(
            [str(COMMAND), *arguments],
            cwd=self.folder / "bare",
            env={"PATH": str(self.programs), "HOME": str(self.folder), **self.variables, **credentials()},
            capture_output=True,
            text=True,
            check=False,
        )
        self.seconds = time.monotonic() - began
        assert done.returncode == code, done.stderr
        return done.stdout


def credentials() -> dict[str, str]:
    return {name: os.environ[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")}


def one_by_one(server: ThreadedMotoServer) -> None:
    """S3 replaces an object atomically. In moto the object is missing for a moment, so requests must not overlap."""
    served, lock = server._server.app, threading.Lock()

    def answer(environ: Any, start: Any) -> list[bytes]:
        with lock:
            return list(served(environ, start))

    server._server.app = answer


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bare]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    one_by_one(server)
    endpoint = "http://{}:{}".format(*server.get_host_and_port())
    (tmp_path / "bare/dags").mkdir(parents=True)
    (tmp_path / "bare/tradewind.yaml").write_text(CONFIGURATION)
    account = target_account(config.parse(CONFIGURATION), "main")
    for name, value in {"ACCESS_KEY_ID": "a", "SECRET_ACCESS_KEY": "b", "SESSION_TOKEN": "c"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    taken = (
        boto3.Session(region_name=REGION)
        .client("sts")
        .assume_role(RoleArn=f"arn:aws:iam::{account.id}:role/operator", RoleSessionName="test")["Credentials"]
    )
    for name, key in {"ACCESS_KEY_ID": "AccessKeyId", "SECRET_ACCESS_KEY": "SecretAccessKey"}.items():
        monkeypatch.setenv(f"AWS_{name}", taken[key])
    monkeypatch.setenv("AWS_SESSION_TOKEN", taken["SessionToken"])
    made = Bare(tmp_path, endpoint)
    s3 = boto3.Session(region_name=REGION).client("s3")
    s3.create_bucket(Bucket=account.state_bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket=account.state_bucket, Key="environments/dev.tfstate.tflock", Body=b'{"ID": "a plan"}')
    published = {"version": VERSION, "outputs": outputs()}
    s3.put_object(Bucket=account.state_bucket, Key=f"{PREFIX}dev.json", Body=json.dumps(published).encode())
    try:
        yield made
    finally:
        made.environment.end()
        server.stop()


def outputs() -> dict[str, object]:
    """A cluster with each service of the configuration, as the stack creates it: without copies."""
    ecs = boto3.Session(region_name=REGION).client("ecs")
    ecs.create_cluster(clusterName="acme-dev")
    found = services(config.parse(CONFIGURATION).environment("dev"))
    templates, names = {}, {}
    for service in found:
        container = {"name": service.name, "image": IMAGE.format(service.component), "memory": 512}
        made = ecs.register_task_definition(family=f"acme-dev-{service.name}", containerDefinitions=[container])
        templates[service.name] = made["taskDefinition"]["taskDefinitionArn"]
        if service.one_shot:
            continue
        sets = [f"-{one}" for one in service.replica_sets] if len(service.replica_sets) > 1 else [""]
        names[service.name] = [f"{service.name}{suffix}" for suffix in sets]
        for name in names[service.name]:
            ecs.create_service(
                cluster="acme-dev", serviceName=name, taskDefinition=templates[service.name], desiredCount=0
            )
    return {
        "cluster": "acme-dev",
        "services": names,
        "task_definitions": templates,
        "security_groups": {service.name: "sg-0123456789abcdef0" for service in found},
        "private_subnet_ids": ["subnet-0123456789abcdef0"],
        "database": {"identifier": "acme-dev", "address": "x"},
        "controller_bucket": BUCKET,
    }


def test_dags_go_back_and_releases_are_seen(bare: Bare) -> None:
    (bare.folder / "bare/dags/a.py").write_text("X = 1\n")
    one = bare.run("dags", "deploy", "-e", "dev", "--no-confirm").strip()
    (bare.folder / "bare/dags/a.py").write_text("X = 2\n")
    two = bare.run("dags", "deploy", "-e", "dev", "--no-confirm").strip()
    assert bare.environment.active == two != one

    assert bare.run("dags", "rollback", "-e", "dev").strip() == one
    assert bare.environment.active == one
    print(f"dags rollback: {bare.seconds:.1f} s from its start to the pointer confirmed")

    assert json.loads(bare.run("release", "status", "-e", "dev", "--json", code=3))["release"] is None
    print(f"release status: {bare.seconds:.1f} s")
    assert bare.run("output", "-e", "dev").startswith("NAME")
    assert not (bare.folder / "bare/.tradewind/infrastructure").exists()
