"""Whether a folder of DAG files may be shipped: every file is imported, and no two define the same DAG."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tradewind.errors import ExitCode, TradewindError

BUDGET_S = 30.0
"""Airflow gives a file as long (``core.dagbag_import_timeout``)."""


@dataclass(frozen=True)
class File:
    """One file: its DAGs, how long its import took, and what is wrong with it (empty: nothing)."""

    path: str
    dags: tuple[str, ...]
    seconds: float
    problem: str

    def as_dict(self) -> dict[str, Any]:
        """The public ``--json`` format; see docs/reference/json.md."""
        return {"file": self.path, "dags": list(self.dags), "seconds": self.seconds, "problem": self.problem}


def check(folder: Path, budget_s: float = BUDGET_S) -> tuple[File, ...]:
    """Import the files of ``folder``, each for ``budget_s`` seconds at most. TradewindError where that cannot begin."""
    if not folder.is_dir():
        raise TradewindError(f"there is no folder {folder}", code=ExitCode.USAGE)
    with tempfile.TemporaryDirectory() as home:
        environment = _environment(Path(home), folder)
        ended = subprocess.run(
            [sys.executable, "-m", "tradewind.dags.importing"],
            input=json.dumps({"folder": str(folder.resolve()), "budget_s": budget_s}),
            capture_output=True,
            text=True,
            check=False,
            env=environment,
        )
    if ended.returncode != 0:
        raise TradewindError("DAG files cannot be imported", ended.stderr.strip()[-2000:], "make install")
    return judge([json.loads(line) for line in ended.stdout.splitlines()])


def judge(imported: list[dict[str, Any]]) -> tuple[File, ...]:
    """The files as ``importing`` saw them, with what only the whole shows: DAGs that two files define. Pure."""
    files = defaultdict(list)
    for entry in imported:
        for dag in entry["dags"]:
            files[dag].append(entry["file"])
    twice = {dag: names for dag, names in files.items() if len(names) > 1}
    found = []
    for entry in imported:
        shared = [
            f"the DAG {dag} is also in {', '.join(_others(twice[dag], entry))}" for dag in entry["dags"] if dag in twice
        ]
        problem = "\n".join([*filter(None, [entry["error"]]), *shared])
        found.append(File(entry["file"], tuple(entry["dags"]), entry["seconds"], problem))
    return tuple(found)


def _others(names: list[str], entry: Mapping[str, Any]) -> list[str]:
    return [name for name in names if name != entry["file"]]


def _environment(home: Path, folder: Path) -> dict[str, str]:
    """Nothing of the caller's: a file that needs a secret or a variable to be imported is wrong."""
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": str(home),
        "AIRFLOW_HOME": str(home / "airflow"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(folder.resolve()),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
        # The budget here is the one that counts.
        "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
    }
