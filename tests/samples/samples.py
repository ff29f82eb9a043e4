"""The environments of the two examples, environments of any size, and scripts that run in Airflow."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from tradewind.blueprint import airflow_settings
from tradewind.config import Environment, Scheduler, WorkerPool, load

ROOT = Path(__file__).parents[2]
SMALL = load(ROOT / "tradewind.yaml")
LARGE = load(ROOT / "examples" / "large" / "tradewind.yaml")
ENVIRONMENTS = [
    *((f"small-{name}", environment) for name, environment in SMALL.environments.items()),
    *((f"large-{name}", environment) for name, environment in LARGE.environments.items()),
]
IDS = [name for name, _ in ENVIRONMENTS]
ALL = [environment for _, environment in ENVIRONMENTS]
every_environment = pytest.mark.parametrize("environment", ALL, ids=IDS)
needs_airflow = pytest.mark.skipif(find_spec("airflow") is None, reason="Airflow is not installed (tradewind[local])")

ONE_OF_EACH = [
    "init-db-users",
    "migrate-db",
    "web",
    "scheduler",
    "dag-processor",
    "triggerer",
    "worker",
    "flower",
    "controller",
]
"""The services of a small environment, in their order."""

worker_pools = st.builds(
    WorkerPool, slots=st.integers(1, 64), max=st.integers(1, 1000), max_task_hours=st.integers(1, 720)
)
environments = st.builds(
    Environment,
    name=st.just("any"),
    account=st.just("main"),
    outage_tolerance_s=st.integers(30, 900),
    scheduler=st.builds(Scheduler, count=st.integers(1, 50)),
    workers=st.dictionaries(st.sampled_from(["default", "heavy", "light"]), worker_pools, min_size=1),
)


def values(environment: Environment) -> dict[str, str]:
    """The settings of an environment, as ``section.key``."""
    return {f"{setting.section}.{setting.key}": setting.value for setting in airflow_settings(environment)}


def ask_airflow(script: str, home: Path, question: Any = None, **variables: str) -> Any:
    """Run ``script``. Return the JSON in its last line of output.

    Airflow is imported in another process: its import warns, and it must not read the home folder of the user.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "PYTHON"))}
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script],
        input=json.dumps(question),
        env=environment | {"AIRFLOW_HOME": str(home)} | variables,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout.splitlines()[-1])
