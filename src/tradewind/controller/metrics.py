"""What the controller tells CloudWatch every minute; the alarms of ``terraform/modules/observability`` wait for it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from tradewind.controller.metadata import Metadata
from tradewind.errors import TradewindError
from tradewind.scaling.scaler import Seen

log = logging.getLogger(__name__)

NAMESPACE = "Tradewind"
EVERY_S = 60.0


def measured(metadata: Metadata, seen: Mapping[str, Seen], now: datetime) -> dict[str, float]:
    """From each metric to its value; what cannot be read is left out, and an alarm notices its absence."""
    found: dict[str, float] = {}
    try:
        found["QueueAge"] = metadata.queue_age_s(now)
        silence = metadata.scheduler_silence_s(now)
    except TradewindError as error:
        log.warning("%s", error)
    else:
        if silence is not None:
            found["SchedulerHeartbeatAge"] = silence
    counted = [s for s in seen.values() if s.tasks is not None]
    if counted:
        found["Tasks"] = sum(s.tasks or 0 for s in counted)
        found["Workers"] = sum(s.workers or 0 for s in counted)
        found["WorkersWanted"] = sum(s.wanted or 0 for s in counted)
    return found


def send(cloudwatch: Any, environment: str, values: Mapping[str, float]) -> None:
    """Send values to CloudWatch, as those of an environment by its full name (``acme-dev``)."""
    data = [
        {"MetricName": name, "Dimensions": [{"Name": "Environment", "Value": environment}], "Value": value}
        for name, value in values.items()
    ]
    if data:
        cloudwatch.put_metric_data(Namespace=NAMESPACE, MetricData=data)


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)
