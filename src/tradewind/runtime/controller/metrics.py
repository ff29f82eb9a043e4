"""The controller's metrics for CloudWatch, every minute; see the alarms of ``terraform/modules/observability``.

They are a line of its log, from which CloudWatch reads them: that needs no permission, and no route to another address.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime

from tradewind.errors import TradewindError
from tradewind.runtime.controller.broker_watch import Broker
from tradewind.runtime.controller.metadata import Metadata
from tradewind.workers.reconciler import Seen

log = logging.getLogger(__name__)

NAMESPACE = "Tradewind"
EVERY_S = 60.0


def measured(metadata: Metadata, broker: Broker, seen: Mapping[str, Seen], at: datetime) -> dict[str, float]:
    """Return the value of each metric. Values that cannot be read are left out, and an alarm notices that."""
    found = {**broker.measured(), "DatabaseAway": 0.0}
    try:
        found["QueueAge"] = metadata.queue_age_s(at)
        found |= {f"{name}HeartbeatAge": silence for name, silence in metadata.silences_s(at).items()}
    except TradewindError as error:
        log.warning("%s", error)
        found["DatabaseAway"] = 1.0
    counted = [s for s in seen.values() if s.tasks is not None]
    if counted:
        found["Tasks"] = sum(s.tasks or 0 for s in counted)
        found["Workers"] = sum(s.workers or 0 for s in counted)
        found["WorkersWanted"] = sum(s.wanted or 0 for s in counted)
    return found


def line(environment: str, values: Mapping[str, float], at: datetime) -> str:
    """Return the log line with these values of an environment, by its full name (``acme-dev``)."""
    metrics = [{"Name": name} for name in values]
    directive = {"Namespace": NAMESPACE, "Dimensions": [["Environment"]], "Metrics": metrics}
    about = {"Timestamp": int(at.timestamp() * 1000), "CloudWatchMetrics": [directive]}
    return json.dumps({"_aws": about, "Environment": environment, **values})


def now() -> datetime:
    """Return the time, in UTC."""
    return datetime.now(UTC)
