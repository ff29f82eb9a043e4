"""Imports DAG files as Airflow does, where none can harm or help another. Runs as a program, beside Airflow.

Reads lines of JSON from standard input: first an object with ``folder``, ``variables`` of the environment and
``Limits``, then the path of a file each.
Prints a line of JSON for each file, in any order: ``reading.read`` says what is in it.

Nothing that a file does harms the rest: it has a time, memory and a number of processes, its output is drained, and
when it is done, all that it has started is ended (``lanes``).
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

# Airflow makes a million objects that stay, and is loaded a tenth faster when nobody looks through them meanwhile.
gc.disable()

from tradewind.dags.gate import confine, reading  # noqa: E402
from tradewind.dags.gate.confine import Limits  # noqa: E402
from tradewind.dags.gate.lanes import spread  # noqa: E402
from tradewind.dags.gate.traces import Traces  # noqa: E402

_NAMED = re.compile(rb"^(?:from|import)[ \t]+(airflow(?:\.\w+)*)\b", re.MULTILINE)
_FEW = 8
"""So many files are imported before it is known what sharing a process takes."""


def main() -> None:
    """Import every file that standard input names."""
    # Airflow says what it does on standard output; that is for the results alone.
    results = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    confine.adopt()
    reading.prepare()
    first, *paths = (json.loads(line) for line in sys.stdin)
    folder = Path(first.pop("folder"))
    os.environ.update(first.pop("variables"))
    limits = Limits(**first, others=confine.others())
    wanted = reading.candidates(folder, paths)
    skipped, files = [p for p in paths if p not in wanted], [p for p in paths if p in wanted]
    for path in skipped:
        print(json.dumps({"file": path, "skipped": True}), file=results)
    results.flush()
    many = len(files) > _FEW
    # Files that share a process may share no module that one of them could name, and change, and the next one finds.
    _preload(sorted(folder.rglob("*.py")) if many else [folder / path for path in files])
    traces = Traces() if many else None
    gc.freeze()  # what a child never changes need not be copied for it
    gc.enable()
    again = []
    for path, found in spread(folder, files, limits, traces):
        if limits.jobs > 1 and _was_starved(found):
            again.append(path)
        else:
            print(json.dumps({**found, "file": path}), file=results, flush=True)
    # Except for root, the limit of processes is for all files that are imported at once. Alone, each has all of it.
    for path, found in spread(folder, again, replace(limits, jobs=1), None):
        print(json.dumps({**found, "file": path}), file=results, flush=True)


def _was_starved(found: Mapping[str, Any]) -> bool:
    """Whether a file may have failed for what another one did at the same time."""
    error = str(found.get("error", ""))
    return found.get("rule") == "ends" or os.strerror(errno.EAGAIN) in error or "start new thread" in error


def _preload(files: Iterable[Path]) -> None:
    """Import what these files want of Airflow and its providers, as Airflow's DAG processor does before it parses."""
    names: set[bytes] = set()
    for path in files:
        with suppress(OSError):  # whatever is wrong with the file is told when it is imported
            names |= set(_NAMED.findall(path.read_bytes()))
    for name in sorted(names):
        with suppress(Exception):
            importlib.import_module(name.decode())


if __name__ == "__main__":
    main()
    os._exit(0)  # to take leave of all that Airflow has made takes longer than what is left to do
