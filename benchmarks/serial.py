"""``python -m benchmarks.serial FOLDER HOME [--together]``: loads DAG files one after another; says what is wrong.

It finds what the gate finds, with Airflow alone: what cannot be imported or stored, and DAGs that two files define.
Each file has a process of its own, which ends with it, whatever it does; ``--together``: all files are loaded in one.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

from airflow.dag_processing.dagbag import DagBag
from airflow.serialization.serialized_objects import DagSerialization
from airflow.utils.dag_version_inflation_checker import check_dag_file_stability
from airflow.utils.file import list_py_file_paths

from tradewind.dags.gate.importer import environment

TOGETHER = "--together"


def load(folder: Path, path: str) -> tuple[list[str], bool]:
    """One file: the ids of its DAGs, and whether it could be imported."""
    bag = DagBag(dag_folder=path, collect_dags=False, bundle_path=folder)
    dags = bag.process_file(path)
    for dag in dags:
        DagSerialization.to_dict(dag)
    check_dag_file_stability(path)
    return [dag.dag_id for dag in dags], not bag.import_errors


def apart(folder: Path, path: str) -> tuple[list[str], bool]:
    """The same in a process of its own."""
    ours, theirs = multiprocessing.Pipe(duplex=False)

    def answer() -> None:
        theirs.send(load(folder, path))

    child = multiprocessing.get_context("fork").Process(target=answer)
    child.start()
    theirs.close()
    try:
        found: tuple[list[str], bool] = ours.recv()
    except EOFError:
        found = [], False
    child.join()
    return found


def main(folder: Path, how: Any) -> list[list[str]]:
    """The findings: ``[rule, file]``."""
    sys.path.insert(0, str(folder))
    found, places = [], defaultdict(list)
    for path in sorted(list_py_file_paths(str(folder))):
        name = os.path.relpath(path, folder)
        dags, fine = how(folder, path)
        found += [] if fine else [["import", name]]
        for dag in dags:
            places[dag].append(name)
    return sorted(found + [["duplicate", name] for names in places.values() if len(names) > 1 for name in names])


if __name__ == "__main__":
    if "AIRFLOW_HOME" not in os.environ:
        home = Path(sys.argv[2])
        home.mkdir(exist_ok=True)
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment(home, Path(sys.argv[1])))
    print(json.dumps(main(Path(sys.argv[1]), load if TOGETHER in sys.argv else apart)))
