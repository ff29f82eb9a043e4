"""The commands of releases on AWS, with moto for S3 and the emulator for ECS."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from ecs_world import World, release
from infrastructure_samples import FakeCloud, FakeTerraform, change, plan
from moto import mock_aws
from typer.testing import CliRunner, Result

from tradewind import cli, config
from tradewind.cli.app import app
from tradewind.cli.options import using
from tradewind.environments.external import ExternalDependencies
from tradewind.infrastructure.stack import environment_stack
from tradewind.protocol.bucket import RECORDS
from tradewind.storage.s3_records import S3Records

CONFIGURATION = """
tenant: acme
region: eu-west-1
accounts: {main: {id: "111122223333"}}
environments: {dev: {account: main, branch: main, network: {cidr: 10.0.0.0/20}}}
"""


@dataclass
class OnAws:
    """An environment that Terraform has made, or not yet."""

    world: World
    applied: bool = True
    slept: Callable[[float], None] = lambda now: None

    def outputs(self) -> dict[str, Any]:
        return self.world.outputs() if self.applied else {}


@pytest.fixture
def dev(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OnAws]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    (tmp_path / "tradewind.yaml").write_text(CONFIGURATION)
    monkeypatch.chdir(tmp_path)
    stack = environment_stack(config.load(Path("tradewind.yaml")), "dev")
    with mock_aws():
        made = OnAws(World(tmp_path / "unused"))
        world = made.world
        for bucket in (stack.account.state_bucket, world.outputs()["controller_bucket"]):
            where: Any = {"LocationConstraint": "eu-west-1"}
            world.ecs.client("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration=where)
        world.controls = S3Records(world.ecs, world.outputs()["controller_bucket"], RECORDS)
        cloud = FakeCloud(stack.account.id, {stack.account.state_bucket: {}}, aws=world.ecs, published=made.outputs)
        terraform = FakeTerraform([plan(change("aws_vpc.this", "create"))])

        def sleep(seconds: float) -> None:
            world.sleep(seconds)
            made.slept(world.now)

        outside = ExternalDependencies(
            lambda region: cloud, lambda data, cache: terraform, lambda: world.now, sleep, lambda file: "c0ffee"
        )
        with using(outside):
            yield made


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments])


def images(number: int) -> list[str]:
    return [f"--image={component}={image}" for component, image in release(number).images.items()]


def test_a_release_goes_into_an_environment_and_back(dev: OnAws) -> None:
    made = json.loads(run("release", "create", "-e", "dev", *images(1), "--json").stdout)
    first = made["id"]
    assert (made["images"], made["dags"]) == (release(1).images, "")
    assert made["configuration"].startswith("sha256:")
    assert made["commit"] == "c0ffee"
    assert "is active in dev" in run("release", "deploy", "-e", "dev", first).stdout

    worker = release(2).images["worker"]
    second = run("release", "create", "-e", "dev", "--image", f"worker={worker}").stdout.strip()
    would = run("release", "deploy", "-e", "dev", "--dry-run", "--json")
    changes = {change["service"] for phase in json.loads(would.stdout)["phases"] for change in phase["changes"]}
    assert changes == {"init-db-users", "migrate-db", "worker"}
    assert f"{worker[-64:][:12]}\n" in run("release", "deploy", "-e", "dev", "--dry-run").stdout
    assert json.loads(run("release", "status", "-e", "dev", "--json").stdout)["release"] == first
    deployed = run("release", "deploy", "-e", "dev", "--json")
    said = json.loads(deployed.stdout)
    assert (said["version"], said["environment"], said["release"]) == (1, "dev", second)
    assert set(said) == {"version", "environment", "release", "draining"}
    assert "cordon: cordon the old workers; the new ones take all new tasks" in deployed.stderr
    status = json.loads(run("release", "status", "-e", "dev", "--json").stdout)
    assert (status["release"], status["consistent"], status["running"]["worker"]) == (second, True, [worker])

    assert run("release", "rollback", "-e", "dev", "--reason", "slow").exit_code == 0
    history = json.loads(run("release", "history", "-e", "dev", "--json").stdout)["history"]
    assert [(entry["event"], entry["release"]) for entry in history] == [
        ("deployed", first),
        ("deployed", second),
        ("deployed", first),
    ]
    shown = json.loads(run("release", "show", second, "-e", "dev", "--json").stdout)
    assert (shown["images"]["worker"], [entry["event"] for entry in shown["evidence"]]) == (worker, ["deployed"])
    assert "deployed by" in run("release", "show", first, "-e", "dev").stderr
    assert first in run("release", "list", "-e", "dev").stdout
    assert worker in run("release", "diff", second, "--with", first, "-e", "dev").stdout
    assert first not in run("release", "list").stdout


def test_a_first_release_needs_every_image(dev: OnAws) -> None:
    result = run("release", "create", "-e", "dev", *images(1)[:2])

    assert "the first release for dev needs every image" in str(result.exception)


def test_an_environment_that_is_not_there(dev: OnAws) -> None:
    dev.applied = False

    assert "dev does not exist yet" in str(run("release", "status", "-e", "dev").exception)


def test_a_locked_environment_is_left_alone(dev: OnAws) -> None:
    run("release", "create", "-e", "dev", *images(1))
    run("release", "lock", "-e", "dev", "--reason", "month's end")

    result = run("release", "deploy", "-e", "dev")

    assert "dev is locked" in str(result.exception)
    assert "is unlocked" in run("release", "unlock", "-e", "dev").stdout
    assert run("release", "deploy", "-e", "dev").exit_code == 0


def test_a_deployment_waits_for_a_lock(dev: OnAws) -> None:
    run("release", "create", "-e", "dev", *images(1))
    run("release", "lock", "-e", "dev", "--reason", "month's end")
    began = dev.world.now

    refused = run("release", "deploy", "-e", "dev", "--wait", "3")

    assert "dev is locked" in str(refused.exception)
    assert dev.world.now - began >= 180
    assert refused.stderr.count("waiting: dev is locked: by") == 1

    until = dev.world.now + 60

    def unlock_once(now: float) -> None:
        if now > until:
            dev.slept = lambda now: None
            run("release", "unlock", "-e", "dev")

    dev.slept = unlock_once
    deployed = run("release", "deploy", "-e", "dev", "--wait", "3")

    assert deployed.exit_code == 0
    assert "waiting: dev is locked" in deployed.stderr


def test_an_apply_ends_with_what_was_changed_in_the_services(dev: OnAws) -> None:
    run("plan", "-e", "dev")
    assert "next: tradewind release create -e dev" in run("apply", "-e", "dev").stderr
    run("release", "create", "-e", "dev", *images(1))
    run("release", "deploy", "-e", "dev")
    world = dev.world
    world.templates["flower"] = world.template("flower", "2")

    run("plan", "-e", "dev")
    assert "is active in dev" in run("apply", "-e", "dev").stdout

    revision = world.ecs.services["flower"].revision
    definition = world.ecs.client("ecs").describe_task_definition(taskDefinition=revision)["taskDefinition"]
    assert definition["containerDefinitions"][0]["environment"] == [{"name": "VERSION", "value": "2"}]
    before = len(world.ecs.ran)
    run("plan", "-e", "dev")
    assert run("apply", "-e", "dev", "--no-deploy").exit_code == 0
    assert len(world.ecs.ran) == before


def test_what_aws_refuses_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def refused(**_: object) -> None:
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "not you"}}, "UpdateService")

    monkeypatch.setattr("tradewind.cli.app.app", refused)
    with pytest.raises(SystemExit, match="1"):
        cli.main()

    assert "could not call UpdateService of AWS" in capsys.readouterr().err
