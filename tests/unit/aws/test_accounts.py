"""The account and the role of a command."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import botocore.session
import pytest
from infrastructure_samples import FakeCloud
from moto import mock_aws

from samples import SMALL
from tradewind.aws.accounts import Accounts
from tradewind.aws.boto import Aws
from tradewind.errors import TradewindError
from tradewind.infrastructure.target_account import target_account

PRODUCTION = target_account(SMALL, "production")


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")


def test_aws_gives_user_and_password(credentials: None) -> None:
    with mock_aws():
        login = base64.b64decode(Aws("eu-west-1").registry_login()).decode()

    assert login.startswith("AWS:")


def test_another_account_is_entered_through_its_role() -> None:
    accounts = Accounts(FakeCloud("111111111111", may_assume={PRODUCTION.role_arn}))

    entered = accounts.enter(PRODUCTION, "prod")

    assert base64.b64decode(entered.cloud.registry_login()) == b"AWS:222222222222"
    assert entered.role_arn == PRODUCTION.role_arn
    assert accounts.enter(PRODUCTION, "prod") is entered


def test_its_own_account_takes_no_role() -> None:
    assert Accounts(FakeCloud(PRODUCTION.id)).enter(PRODUCTION, "prod").role_arn is None


def test_without_the_role_there_is_no_way_in() -> None:
    with pytest.raises(TradewindError, match=r"prod is in the account production .* could not assume"):
        Accounts(FakeCloud("111111111111")).enter(PRODUCTION, "prod")


def test_the_credentials_of_a_role_are_renewed_before_they_end(credentials: None) -> None:
    """The credentials of a chained role expire after an hour, and a drain may take days."""
    time = datetime.now(UTC)
    core = botocore.session.get_session()
    taken: list[str] = []

    def note(params: dict[str, Any], **_: object) -> None:
        taken.append(params["body"]["RoleArn"])

    core.register("before-call.sts.AssumeRole", note)
    with mock_aws():
        inside = Aws("eu-west-1", core, lambda: time).assume(PRODUCTION.role_arn)
        client = inside.session().client("s3")  # a rollout has one session for the whole deployment
        client.list_buckets()
        assert inside.caller().account_id == PRODUCTION.id
        assert taken == [PRODUCTION.role_arn]
        time += timedelta(minutes=55)
        client.list_buckets()
        assert inside.caller().account_id == PRODUCTION.id
    assert len(taken) > 1


def test_a_role_that_may_not_be_taken_is_told_at_once(credentials: None) -> None:
    with mock_aws(), pytest.raises(TradewindError, match="could not assume the role no-role"):
        Aws("eu-west-1").assume("no-role")
