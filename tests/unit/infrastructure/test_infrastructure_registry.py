"""The login to an account's image registry: as that account, and never as another one."""

from __future__ import annotations

import base64
from pathlib import Path

import boto3
import pytest
from infrastructure_samples import FakeCloud, FakeTerraform, deployer
from moto import mock_aws

from tradewind.config import load
from tradewind.errors import TradewindError
from tradewind.infrastructure.aws import Aws
from tradewind.infrastructure.stack import account_stack

PRODUCTION = account_stack(load(Path(__file__).parents[3] / "tradewind.yaml"), "production")


def test_aws_gives_user_and_password() -> None:
    with mock_aws():
        session = boto3.Session("testing", "testing", region_name="eu-west-1")
        login = base64.b64decode(Aws("eu-west-1", session).registry_login()).decode()

    assert login.startswith("AWS:")


def test_another_account_is_logged_in_to_through_its_role(tmp_path: Path) -> None:
    cloud = FakeCloud("111111111111", may_assume={PRODUCTION.role_arn})

    login = deployer(tmp_path, cloud, FakeTerraform([])).cloud_of(PRODUCTION).registry_login()

    assert base64.b64decode(login) == b"AWS:222222222222"


def test_without_the_role_there_is_no_login(tmp_path: Path) -> None:
    with pytest.raises(TradewindError, match="could not be taken"):
        deployer(tmp_path, FakeCloud("111111111111"), FakeTerraform([])).cloud_of(PRODUCTION)
