"""Start an Airflow program in less time: ``python -m tradewind.launch MODULE [ARGUMENT ...]``.

Airflow creates millions of objects while it loads, and keeps them. CPython searches them for cyclic garbage after every
700 new objects, and finds none. For the API server, this takes 1.6 s of 5.9 s of processor time. This module raises the
threshold to 50,000 new objects, from the first import to the end. At most a few megabytes then wait to be collected.
"""

from __future__ import annotations

import gc
import runpy
import sys

YOUNG, MIDDLE, OLD = 50_000, 10, 10
"""The thresholds of ``gc.set_threshold``: new objects before a collection of the young generation, collections of the
young generation before one of the middle, and collections of the middle generation before one of the old."""


def main(argv: list[str]) -> None:
    """Run the module as ``python -m`` does, with the arguments that follow its name."""
    gc.set_threshold(YOUNG, MIDDLE, OLD)
    module, *arguments = argv
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1:])
