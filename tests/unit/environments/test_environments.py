"""The environment for a configuration and a name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from infrastructure_samples import FakeCloud

from samples import ROOT, SMALL
from tradewind.aws.cloud import Caller
from tradewind.environments import LOCAL
from tradewind.environments.external import ExternalDependencies
from tradewind.environments.on_aws import AwsEnvironment
from tradewind.environments.project import Project
from tradewind.errors import TradewindError
from tradewind.infrastructure.target_account import target_account

FILE = ROOT / "tradewind.yaml"
DEV = target_account(SMALL, SMALL.environments["dev"].account)


class Counting(FakeCloud):
    """An AWS that counts the queries for the caller, and has the given published outputs."""

    asked = 0
    content: Mapping[str, Any] | None = None

    def caller(self) -> Caller:
        self.asked += 1
        return super().caller()

    def read(self, bucket: str, key: str) -> Mapping[str, Any] | None:
        assert (bucket, key) == (DEV.state_bucket, "published/dev.json")
        return self.content


@pytest.fixture
def cloud() -> Counting:
    return Counting(DEV.id, {DEV.state_bucket: {}}, aws=SimpleNamespace(client=lambda service: service))


@pytest.fixture
def project(cloud: Counting) -> Project:
    return Project(FILE, ExternalDependencies(cloud=lambda region: cloud))


def test_every_name_opens_an_environment(project: Project) -> None:
    here, dev = project.environment(LOCAL), project.environment("dev")

    assert (here.name, here.builds_here, here.described) == (LOCAL, True, SMALL.local_environment)
    assert (dev.name, dev.builds_here, dev.described) == ("dev", False, SMALL.environments["dev"])
    assert here.dag_repository is None


def test_a_name_that_is_none_says_which_is_near(project: Project) -> None:
    with pytest.raises(TradewindError, match=r"there is no environment 'pord'.*prod"):
        project.environment("pord")


def test_aws_is_asked_once_who_calls_and_not_at_all_for_this_machine(project: Project, cloud: Counting) -> None:
    _ = project.environment(LOCAL).releases
    assert cloud.asked == 0
    for _again in range(3):
        _ = on_aws(project).session
        assert project.deployer().accounts.caller.account_id == DEV.id
    assert cloud.asked == 1


def on_aws(project: Project) -> AwsEnvironment:
    return project.on_aws("dev")


def test_what_is_published_is_read_once(project: Project, cloud: Counting) -> None:
    cloud.content = {"version": 1, "outputs": {"controller_bucket": "acme-dev-controller"}}
    dev = on_aws(project)
    store = dev.dags()
    assert dev.outputs == cloud.content["outputs"]
    cloud.content = None
    assert dev.dags().builds == store.builds == project.state_dir.root / "dag-builds" / "dev"


@pytest.mark.parametrize(
    ("content", "what", "hint"),
    [
        (None, "dev does not exist yet", "tradewind plan -e dev, then tradewind apply -e dev"),
        ({"version": 2, "outputs": {}}, "dev was applied by a later version of Tradewind", "update Tradewind"),
        (
            {"version": 1, "outputs": {"cluster": "acme-dev"}},
            "dev has no controller",
            "tradewind plan -e dev, then tradewind apply -e dev",
        ),
    ],
)
def test_what_cannot_be_reached_says_why(
    project: Project, cloud: Counting, content: Mapping[str, Any] | None, what: str, hint: str
) -> None:
    cloud.content = content
    with pytest.raises(TradewindError) as refused:
        on_aws(project).controller()
    assert (refused.value.what, refused.value.hint) == (what, hint)


def test_a_configuration_is_read_when_it_is_asked(tmp_path: Path) -> None:
    project = Project(tmp_path / "tradewind.yaml")
    assert project.state_dir.root == tmp_path / ".tradewind"
    with pytest.raises(TradewindError):
        _ = project.tradewind
