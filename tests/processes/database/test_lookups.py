"""The responses of Airflow's API to tasks that read a connection or a variable during a database outage."""

from __future__ import annotations

from pathlib import Path

import pytest

from samples import ask_airflow, needs_airflow

pytestmark = needs_airflow

ASK = """
import json, sys

from airflow.models import Connection, Variable

LOOKS = {
    "connection": lambda: Connection.get_connection_from_secrets("lake"),
    "variable": lambda: Variable.get("zone"),
}
try:
    print(json.dumps(str(LOOKS[json.load(sys.stdin)]())))
except Exception as error:
    print(json.dumps([type(error).__name__, getattr(error, "status_code", 404)]))
"""
NOBODY = "postgresql+psycopg2://airflow@127.0.0.1:1/airflow"


@pytest.mark.parametrize("what", ["connection", "variable"])
def test_a_database_that_is_away_is_no_missing_one(tmp_path: Path, what: str) -> None:
    """The API responds with this status. A task repeats its call for each status of 500 or more."""
    found = ask_airflow(ASK, tmp_path, what, AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=NOBODY)

    assert found == ["DatabaseAwayError", 503]


TABLES = """
from airflow import settings
from airflow.models.base import Base
from airflow.utils.db import import_all_models

import_all_models()
Base.metadata.create_all(settings.engine)
"""


@pytest.mark.parametrize(("what", "error"), [("connection", "AirflowNotFoundException"), ("variable", "KeyError")])
def test_what_is_not_there_is_missing(tmp_path: Path, what: str, error: str) -> None:
    assert ask_airflow(TABLES + ASK, tmp_path, what) == [error, 404]
