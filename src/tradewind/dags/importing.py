"""Imports DAG files as Airflow does, each in a process of its own. Runs as a program, so that nothing else is loaded.

Reads ``{"folder", "budget_s"}`` from standard input, and prints a line of JSON for each file that may hold DAGs.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any


def main() -> None:
    """Import every file of the folder."""
    given = json.load(sys.stdin)
    folder, budget_s = Path(given["folder"]), float(given["budget_s"])
    # Airflow says what it does on standard output; that is for the results alone.
    results = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    from airflow.dag_processing import dagbag
    from airflow.utils.file import list_py_file_paths

    del dagbag  # imported once, before the files' processes begin
    for path in sorted(list_py_file_paths(str(folder))):
        found = _import(folder, Path(path), budget_s)
        print(json.dumps({"file": os.path.relpath(path, folder), **found}), file=results, flush=True)


def _import(folder: Path, path: Path, budget_s: float) -> dict[str, Any]:
    ours, theirs = multiprocessing.Pipe(duplex=False)
    began = time.monotonic()
    child = multiprocessing.get_context("fork").Process(target=_load, args=(folder, path, theirs))
    child.start()
    theirs.close()
    found: dict[str, Any]
    try:
        found = ours.recv() if ours.poll(budget_s) else {"error": f"it was not imported after {budget_s:.0f} s"}
    except EOFError:
        child.join()
        found = {"error": f"the process that imported it ended with {child.exitcode}"}
    child.kill()
    child.join()
    return {"dags": [], "error": "", **found, "seconds": round(time.monotonic() - began, 3)}


def _load(folder: Path, path: Path, answer: Connection) -> None:
    from airflow.dag_processing.dagbag import DagBag

    sys.path.insert(0, str(folder))
    bag = DagBag(dag_folder=str(path), collect_dags=False)
    bag.process_file(str(path))
    error = "\n".join(bag.import_errors.values()).strip()
    answer.send({"dags": sorted(bag.dags), "error": error})


if __name__ == "__main__":
    main()
