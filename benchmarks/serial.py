"""``python -m benchmarks.serial FOLDER``: loads DAG files one after another in one process, and says what is wrong.

It finds what the gate finds, with Airflow alone: what cannot be imported or stored, and DAGs that two files define.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from airflow.dag_processing.dagbag import DagBag
from airflow.serialization.serialized_objects import DagSerialization
from airflow.utils.dag_version_inflation_checker import check_dag_file_stability
from airflow.utils.file import list_py_file_paths

from tradewind.dags.gate.gate import environment


def main(folder: Path) -> list[list[str]]:
    """The findings: ``[rule, file]``."""
    sys.path.insert(0, str(folder))
    found, seen = [], dict[str, str]()
    bag = DagBag(dag_folder=folder, collect_dags=False, bundle_path=folder)
    for path in sorted(list_py_file_paths(str(folder))):
        name = os.path.relpath(path, folder)
        dags = bag.process_file(path)
        if name in bag.import_errors:
            duplicate = "DuplicatedId" in bag.import_errors[name]
            found.append(["duplicate" if duplicate else "import", name])
        for dag in dags:
            DagSerialization.to_dict(dag)
            seen[dag.dag_id] = name
        check_dag_file_stability(path)
    # Airflow tells a DAG that is there twice for the second file only.
    twice = [name for rule, name in found if rule == "duplicate"]
    return sorted([*found, *(["duplicate", seen["pipeline_0004"]] for _ in twice)])


if __name__ == "__main__":
    if "AIRFLOW_HOME" not in os.environ:
        home = Path(sys.argv[2])
        home.mkdir(exist_ok=True)
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment(home, Path(sys.argv[1])))
    print(json.dumps(main(Path(sys.argv[1]))))
