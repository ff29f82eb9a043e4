"""What we set is what Airflow reads: every setting exists there, parses there, and is not what it would be anyway.

Airflow is imported in a process of its own: its import warns, and it must not see the home of whoever runs the tests.
"""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from platform_samples import ALL, IDS

from tradewind.platform import airflow_settings

# Sections whose keys are handed to somebody else (Celery) as they are.
FREE_SECTIONS = {"celery_broker_transport_options"}
# Read by Airflow without being in its reference: the source file that reads it.
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

pytestmark = pytest.mark.skipif(find_spec("airflow") is None, reason="Airflow is not installed (tradewind[local])")

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
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "PYTHON"))}
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", ASK],
        input=json.dumps(DOCUMENTED),
        env=environment | {"AIRFLOW_HOME": str(tmp_path_factory.mktemp("airflow"))},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, result.stderr
    return dict(zip(DOCUMENTED, json.loads(result.stdout.splitlines()[-1]), strict=True))


@pytest.mark.parametrize("row", DOCUMENTED, ids=lambda row: f"{row[0]}.{row[1]}={row[3][:20]}")
def test_airflow_knows_it_and_parses_it(row: Row, answers: dict[Row, dict[str, Any]]) -> None:
    answer = answers[row]

    assert answer["known"], f"Airflow has no [{row[0]}] {row[1]}"
    assert "problem" not in answer


@pytest.mark.parametrize("environment", ALL, ids=IDS)
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
