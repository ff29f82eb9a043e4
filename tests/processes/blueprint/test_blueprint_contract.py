"""Airflow reads our settings: every setting exists, can be parsed, and differs from Airflow's default."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from samples import ALL, ask_airflow, every_environment, needs_airflow
from tradewind.blueprint import airflow_settings

# Sections whose keys Airflow passes to Celery unchanged.
FREE_SECTIONS = {"celery_broker_transport_options"}
# Settings that Airflow reads and does not document: the source file that reads them.
UNDOCUMENTED = {("scheduler", "num_stuck_in_queued_retries"): "airflow/jobs/scheduler_job_runner.py"}

ASK = """
import importlib.util, json, os, sys
from airflow.configuration import conf
from airflow.providers_manager import ProvidersManager

ProvidersManager().initialize_providers_configuration()
described = conf.configuration_description
READ = {"integer": conf.getint, "float": conf.getfloat, "boolean": conf.getboolean}


def read(kind, section, key):
    text = conf.get(section, key)
    if kind in READ:
        return READ[kind](section, key)
    if text[:1] in ("{", "["):
        return conf.getjson(section, key)
    if text.startswith(("airflow.", "tradewind.")):
        assert importlib.util.find_spec(text.rpartition(".")[0]), text
    return text


def one(section, key, variable, value):
    option = described.get(section, {}).get("options", {}).get(key)
    if option is None:
        return {"known": False}

    stock = read(option["type"], section, key) if conf.has_option(section, key) else None
    os.environ[variable] = value
    try:
        return {"known": True, "value": read(option["type"], section, key), "stock": stock, "type": option["type"]}
    except Exception as error:
        return {"known": True, "problem": repr(error)}
    finally:
        del os.environ[variable]


print(json.dumps([one(*row) for row in json.load(sys.stdin)]))
"""

pytestmark = needs_airflow

Row = tuple[str, str, str, str]
ROWS: list[Row] = sorted(
    {
        (setting.section, setting.key, setting.variable, setting.value)
        for environment in ALL
        for setting in airflow_settings(environment)
    }
)
DOCUMENTED = [row for row in ROWS if row[0] not in FREE_SECTIONS and row[:2] not in UNDOCUMENTED]


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[Row, dict[str, Any]]:
    answers = ask_airflow(ASK, tmp_path_factory.mktemp("airflow"), DOCUMENTED)
    return dict(zip(DOCUMENTED, answers, strict=True))


@pytest.mark.parametrize("row", DOCUMENTED, ids=lambda row: f"{row[0]}.{row[1]}={row[3][:20]}")
def test_airflow_knows_it_and_parses_it(row: Row, answers: dict[Row, dict[str, Any]]) -> None:
    answer = answers[row]

    assert answer["known"], f"Airflow has no [{row[0]}] {row[1]}"
    assert "problem" not in answer


@every_environment
def test_each_differs_from_stock(environment: Any, answers: dict[Row, dict[str, Any]]) -> None:
    own = {tuple(path.split(".", 1)) for path in environment.airflow.settings}
    same = {
        f"[{setting.section}] {setting.key} = {setting.value}"
        for setting in airflow_settings(environment)
        if (answer := answers.get((setting.section, setting.key, setting.variable, setting.value)))
        and (setting.section, setting.key) not in own
        and "value" in answer
        and answer["value"] == answer["stock"]
    }

    assert not same


@pytest.mark.parametrize(("setting", "file"), UNDOCUMENTED.items(), ids=lambda value: str(value))
def test_airflow_reads_what_it_does_not_document(setting: tuple[str, str], file: str) -> None:
    spec = find_spec("airflow")
    assert spec
    assert spec.origin
    source = (Path(spec.origin).parents[1] / file).read_text(encoding="utf-8")

    assert any(row[:2] == setting for row in ROWS)
    assert f'"{setting[1]}"' in source
