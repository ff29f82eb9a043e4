"""Runs ``tradewind run`` on a platform whose Airflow plays a script of the test."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import fake_platform
from fake_platform import Airflow, Look, dag, task

COMMAND = Path(sys.executable).parent / "tradewind"


class Said(NamedTuple):
    """The exit code and the output of a command."""

    code: int
    out: str
    err: str


def command(folder: Path, *arguments: str) -> Said:
    """Run ``tradewind`` in a folder."""
    result = subprocess.run(
        [str(COMMAND), *arguments],
        cwd=folder,
        env={**os.environ, "NO_COLOR": "1", "PYTHONUTF8": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
    )
    assert "Traceback" not in result.stderr, result.stderr
    return Said(result.returncode, result.stdout, result.stderr)


def run(folder: Path, *arguments: str) -> Said:
    """Run ``tradewind run`` in a folder."""
    return command(folder, "run", *arguments)


def played(folder: Path, airflow: Airflow, *arguments: str) -> Said:
    """Run the command on a platform with this Airflow. In its output, U replaces the address of Airflow."""
    with fake_platform.running(folder, airflow) as url:
        said = run(folder, *arguments)
    return Said(said.code, said.out.replace(url, "U"), said.err.replace(url, "U"))


def etl(*looks: Look, **changes: Any) -> Airflow:
    """An Airflow with the DAG etl, whose run goes through ``looks``."""
    return Airflow({"etl": dag("etl", **changes)}, looks=list(looks) or [Look("success", [task("load", "success")])])


def mapped(name: str, **states: int) -> list[dict[str, Any]]:
    """The instances of a mapped task: the number in each state; ``none`` is the number without a state."""
    each = [state for state, count in states.items() for _ in range(count)]
    return [task(name, None if state == "none" else state, index) for index, state in enumerate(each)]
