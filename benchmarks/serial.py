"""``python -m benchmarks.serial FOLDER [--together]``: load DAG files one after another and print the findings.

It has the findings of the gate, made with Airflow alone: files that cannot be imported, DAGs that cannot be stored, and
DAGs that two files define. Each file is loaded in a process of its own; ``--together`` loads all files in one process.
The Airflow modules that a file imports are imported before the fork, as in Airflow's DAG processor
(``airflow.dag_processing.processor._pre_import_airflow_modules``). It runs with the environment of the gate's importer.
"""

from __future__ import annotations

import importlib
import json
import multiprocessing
import os
import sys
from collections import defaultdict
from contextlib import suppress
from pathlib import Path
from typing import Any

from airflow.dag_processing.dagbag import DagBag
from airflow.serialization.serialized_objects import DagSerialization
from airflow.utils.dag_version_inflation_checker import check_dag_file_stability
from airflow.utils.file import iter_airflow_imports, list_py_file_paths

TOGETHER = "--together"


def load(folder: Path, path: str) -> tuple[list[str], bool]:
    """Load one file: the ids of its DAGs, and if it could be imported."""
    bag = DagBag(dag_folder=path, collect_dags=False, bundle_path=folder)
    dags = bag.process_file(path)
    for dag in dags:
        DagSerialization.to_dict(dag)
    check_dag_file_stability(path)
    return [dag.dag_id for dag in dags], not bag.import_errors


def apart(folder: Path, path: str) -> tuple[list[str], bool]:
    """Load one file in a process of its own; a process that ends without a result counts as an import error."""
    for module in iter_airflow_imports(path):
        with suppress(Exception):  # an error is reported when the file is loaded
            importlib.import_module(module)
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
    print(json.dumps(main(Path(sys.argv[1]), load if TOGETHER in sys.argv else apart)))
