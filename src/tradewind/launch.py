"""Start a program of Airflow's in less time: ``python -m tradewind.launch MODULE [ARGUMENT ...]``.

Airflow makes millions of objects while it loads, and keeps them. CPython looks for cyclic garbage among them after
every 700 that are new, and finds none: for the API server that is 1.6 s of 5.9 s of processor time. Here it looks after
50,000, from the first import to the end, so that some megabytes at most wait to be collected.
"""

from __future__ import annotations

import gc
import runpy
import sys

YOUNG, MIDDLE, OLD = 50_000, 10, 10
"""How many new objects, looks at those, and looks at the middle-aged, come before the next look (see ``gc``)."""


def main(argv: list[str]) -> None:
    """Run the module as ``python -m`` does, with the arguments after it."""
    gc.set_threshold(YOUNG, MIDDLE, OLD)
    module, *arguments = argv
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1:])
