"""The timeouts of Airflow's database engines, with our settings and each kind of URL."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from samples import SMALL, ask_airflow, needs_airflow
from tradewind.blueprint import airflow_settings, settings_environment

pytestmark = needs_airflow

ASK = """
import json
from airflow import settings
from tradewind.runtime.database import connections

def shown(engine):
    _, options = engine.dialect.create_connect_args(engine.url)
    given = settings._get_connect_args("async" if engine.dialect.is_async else "sync")
    return {name: value if isinstance(value, (int, str)) else type(value).__name__
            for name, value in {**options, **given}.items() if name not in {"password", "passwd"}}

print(json.dumps({
    "sync": shown(settings.engine), "async": shown(settings.async_engine.sync_engine), "patient": connections.PATIENT,
}))
"""


def ask(url: str, home: Path) -> Any:
    settings = settings_environment(airflow_settings(SMALL.environment("dev")))
    return ask_airflow(ASK, home, **settings, AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=url)


def test_mysql_with_tls(tmp_path: Path) -> None:
    ca = Path(__file__).parents[3] / "images/rds-ca.pem"
    found = ask(f"mysql+pymysql://u:p@127.0.0.1:3306/airflow?ssl_ca={ca}", tmp_path)
    assert found["sync"]["ssl"] == "dict"
    assert found["async"]["ssl"] == "SSLContext"
    assert {name: found["sync"][name] for name in ("connect_timeout", "read_timeout", "write_timeout")} == {
        "connect_timeout": 10,
        "read_timeout": 60,
        "write_timeout": 60,
    }
    assert found["async"]["connect_timeout"] == 10
    assert found["patient"] == {"connect_timeout": 10}


def test_mysql_without(tmp_path: Path) -> None:
    found = ask("mysql+pymysql://u:p@127.0.0.1:3306/airflow", tmp_path)
    assert "ssl" not in found["sync"]
    assert "ssl" not in found["async"]


def test_postgresql(tmp_path: Path) -> None:
    found = ask("postgresql+psycopg2://u:p@127.0.0.1:5432/airflow", tmp_path)
    assert (found["sync"]["connect_timeout"], found["sync"]["tcp_user_timeout"]) == (10, 15_000)
    assert (found["async"]["timeout"], found["async"]["command_timeout"]) == (10, 60)


@pytest.mark.parametrize("url", ["sqlite:////nowhere/airflow.db"])
def test_workers_have_no_database(url: str, tmp_path: Path) -> None:
    found = ask(url, tmp_path)
    assert found["patient"] == {}
