"""Send workers a command over the broker (``cordon``). Imports Celery, not Airflow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tradewind.runtime.tasks.broker import LIMITS, limit_retries

PATIENCE_S = 10.0


def send(
    command: str,
    names: list[str],
    url: str,
    patience_s: float = PATIENCE_S,
    limits: Mapping[str, float | bool] = LIMITS,
) -> dict[str, Any]:
    """Send ``command`` to the workers of these names. Returns the replies that came within ``patience_s`` seconds.

    Raises an error of Celery if the broker is unavailable, after some seconds at most.
    """
    from celery import Celery

    app = Celery(broker=url)
    app.conf.broker_transport_options = dict(limits)
    limit_retries(app)
    answers = app.control.broadcast(
        command,
        destination=[f"celery@{name}" for name in names],
        reply=True,
        timeout=patience_s,
        limit=len(names),  # returns as soon as all workers have replied
    )
    return {host.partition("@")[2]: answer for reply in answers or () for host, answer in reply.items()}
