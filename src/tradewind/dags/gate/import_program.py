"""Imports DAG files as Airflow does, so that none can harm or help another. Runs as a program that loads Airflow.

Reads lines of JSON from standard input: first an object with ``folder``, ``variables`` of the environment and the
fields of ``Limits``, then one path of a file in each line. Prints one line of JSON for each file, in any order:
``extraction.read`` describes its content.

A file cannot harm the others. Its time, its memory and its processes are limited, and its output is drained. When it is
done, every process that it has started is ended (``import_workers``).
"""

from __future__ import annotations

import errno
import gc
import importlib
import json
import os
import re
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

# Airflow makes a million objects that stay. It loads a tenth faster if garbage collection does not scan them meanwhile.
gc.disable()

from tradewind.dags.gate import confine, extraction  # noqa: E402
from tradewind.dags.gate.confine import Limits  # noqa: E402
from tradewind.dags.gate.import_workers import spread  # noqa: E402
from tradewind.dags.gate.side_effects import SideEffects  # noqa: E402

_NAMED = re.compile(rb"^(?:from|import)[ \t]+(airflow(?:\.\w+)*)\b", re.MULTILINE)
_FEW = 8
"""Only more files share processes: recording ``SideEffects`` takes as long as the import of this number of files."""


def main() -> None:
    """Import every file that standard input names."""
    # Airflow prints to standard output, which is for the results alone.
    results = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    confine.adopt()
    extraction.prepare()
    first, *paths = (json.loads(line) for line in sys.stdin)
    folder = Path(first.pop("folder"))
    os.environ.update(first.pop("variables"))
    limits = Limits(**first, others=confine.others())
    wanted = extraction.candidates(folder, paths)
    skipped, files = [p for p in paths if p not in wanted], [p for p in paths if p in wanted]
    for path in skipped:
        print(json.dumps({"file": path, "skipped": True}), file=results)
    results.flush()
    many = len(files) > _FEW
    # If files share a process, all modules of Airflow that any file names are loaded first, so that a change to one is
    # detected.
    _preload(sorted(folder.rglob("*.py")) if many else [folder / path for path in files])
    traces = SideEffects() if many else None
    gc.freeze()  # memory that a child never changes is not copied
    gc.enable()
    again = []
    for path, found in spread(folder, files, limits, traces):
        if limits.jobs > 1 and _was_starved(found):
            again.append(path)
        else:
            print(json.dumps({**found, "file": path}), file=results, flush=True)
    # Except for root, all files that are imported at once share the process limit. A single file has the whole limit.
    for path, found in spread(folder, again, replace(limits, jobs=1), None):
        print(json.dumps({**found, "file": path}), file=results, flush=True)


def _was_starved(found: Mapping[str, Any]) -> bool:
    """Whether a file may have failed because of another one that ran at the same time."""
    error = str(found.get("error", ""))
    return found.get("rule") == "ends" or os.strerror(errno.EAGAIN) in error or "start new thread" in error


def _preload(files: Iterable[Path]) -> None:
    """Import the modules of Airflow that these files name, as Airflow's DAG processor does before it parses."""
    names: set[bytes] = set()
    for path in files:
        with suppress(OSError):  # the import of the file reports the problem
            names |= set(_NAMED.findall(path.read_bytes()))
    for name in sorted(names):
        with suppress(Exception):
            importlib.import_module(name.decode())


if __name__ == "__main__":
    main()
    os._exit(0)  # a regular exit would spend time on Airflow's objects
