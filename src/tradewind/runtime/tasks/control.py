"""Send workers a command over the broker: ``python -m tradewind.runtime.tasks.control cordon worker-1 worker-2``.

Prints one JSON object, from each worker that answered to its duty (see ``cordon``). Exit code 1 where one did not
answer; with ``--idle`` that does not matter (who has not started has no tasks), and it is 3 where one has tasks. Reads
the broker's URL from AIRFLOW__CELERY__BROKER_URL; imports Celery, not Airflow, so that it takes a second.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping
from typing import Any

from tradewind.runtime.tasks.broker import LIMITS, impatient

COMMANDS = ("cordon", "uncordon", "duty")
PATIENCE_S = 10.0
BUSY = 3


def send(
    command: str,
    names: list[str],
    url: str,
    patience_s: float = PATIENCE_S,
    limits: Mapping[str, float | bool] = LIMITS,
) -> dict[str, Any]:
    """Send ``command`` to the workers of these names; returns the answers that came within ``patience_s`` seconds.

    Raises an error of Celery's where the broker is away, after some seconds at most.
    """
    from celery import Celery

    app = Celery(broker=url)
    app.conf.broker_transport_options = dict(limits)
    impatient(app)
    answers = app.control.broadcast(
        command,
        destination=[f"celery@{name}" for name in names],
        reply=True,
        timeout=patience_s,
        limit=len(names),  # as soon as all have answered, this is over
    )
    return {host.partition("@")[2]: answer for reply in answers or () for host, answer in reply.items()}


def main(argv: list[str] | None = None) -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(
        prog="python -m tradewind.runtime.tasks.control", description="Command Celery workers."
    )
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument("names", nargs="+", metavar="NAME")
    parser.add_argument("--idle", action="store_true", help="ask whether those that answer have no tasks")
    options = parser.parse_args(argv)
    answers = send(options.command, options.names, os.environ["AIRFLOW__CELERY__BROKER_URL"])
    sys.stdout.write(json.dumps(answers) + "\n")
    return judge(options.names, answers, idle=options.idle)


def judge(names: list[str], answers: Mapping[str, Any], *, idle: bool) -> int:
    """The exit code for these answers."""
    if idle:
        return BUSY if any(answer["tasks"] for answer in answers.values()) else 0
    return 0 if set(names) <= set(answers) else 1


if __name__ == "__main__":
    sys.exit(main())
