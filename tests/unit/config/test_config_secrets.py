"""Secrets in the file are refused, and never repeated in what is printed."""

from typing import Any

import pytest
from config_samples import changed, text

from tradewind.config import ConfigError, parse
from tradewind.config.fields import secret_source

SECRET = "hunter2-correct-horse"
KEY_ID = "AKIA" + "ABCDEFGHIJKLMNOP"
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ0cmFkZSJ9." + "c2lnbmF0dXJl"
PRIVATE = "-----BEGIN OPENSSH PRIVATE " + "KEY-----\nabc"
URL = f"https://robot:{SECRET}@git.example.com/dags.git"


@pytest.mark.parametrize(
    "change",
    [
        {"tenant": KEY_ID},
        {"region": TOKEN},
        {"tags": {"note": PRIVATE}},
        {"tags": {KEY_ID: "note"}},
        {"accounts__main__alert_emails": [URL]},
        {"accounts__main__password": SECRET},
        {"environments__dev__dags": {"repository": URL}},
        {"environments__dev__identity": {"token": SECRET}},
        {"environments__dev__identity": {"client_secret": f"{SECRET} with spaces"}},
        {"environments__dev__workers": KEY_ID},
        {"environments__dev__workers": {KEY_ID: {}}},
        {"environments__dev__airflow": {"settings": {"core.fernet_key": SECRET}}},
        {"environments__dev__airflow": {"settings": {"smtp.smtp_password": SECRET}}},
        {"environments__dev__airflow": {"settings": {"celery.broker_url": URL}}},
        {"environments__dev__airflow": {"settings": {"core.x": [SECRET]}}},
        {"defaults": {"web": {"min": TOKEN}}},
        {"local": {"dags": f"/{KEY_ID}"}},
        {"promotion": {"dev": KEY_ID}},
    ],
    ids=str,
)
def test_a_secret_is_refused_and_not_repeated(change: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as raised:
        parse(text(changed(**change)))

    said = str(raised.value) + repr(raised.value.problems)
    for secret in (SECRET, KEY_ID, TOKEN, PRIVATE[:20]):
        assert secret not in said


@pytest.mark.parametrize(
    "setting",
    [
        "database.sql_alchemy_conn",
        "database.sql_alchemy_conn_cmd",
        "core.fernet_key",
        "api.secret_key",
        "api_auth.jwt_secret",
        "celery.broker_url",
        "celery.result_backend",
        "celery.result_backend_secret",
        "smtp.smtp_password",
    ],
)
def test_settings_that_hold_secrets(setting: str) -> None:
    assert secret_source(setting)


@pytest.mark.parametrize(
    "setting",
    [
        "core.parallelism",
        "api_auth.jwt_expiration_time",
        "secrets.backend",
        "celery.result_backend_sqlalchemy_engine_options",
    ],
)
def test_settings_that_hold_none(setting: str) -> None:
    assert secret_source(setting) is None
