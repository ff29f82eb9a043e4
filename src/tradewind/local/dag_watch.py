"""What the platform of this machine says about a release of DAG files: asked over Airflow's public API."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from urllib.parse import urlencode

from tradewind.bundle.events import CONFIRMED, PROGRESS, SERVED
from tradewind.bundle.pointer import InForce
from tradewind.dags.deploy import Told
from tradewind.local.airflow import Airflow
from tradewind.platform.settings import BUNDLE

_RELEASE = re.compile(r"\bd-[0-9a-f]{16}\b")


class ApiWatch:
    """See ``dags.deploy.Watch``."""

    def __init__(self, airflow: Airflow) -> None:
        self._airflow = airflow

    def told(self, now: InForce) -> Told:
        """See Watch."""
        asked = {"included_events": [SERVED, CONFIRMED, PROGRESS], "order_by": "-event_log_id", "limit": 20}
        query = urlencode(asked, doseq=True)
        found, left = set(), None
        for log in self._airflow.call("GET", f"/eventLogs?{query}")["event_logs"]:
            extra = json.loads(log["extra"])
            if (extra["bundle"], extra["release"], extra["serial"]) == (BUNDLE, now.release, now.serial):
                found.add(log["event"])
                left = extra.get("left") if left is None else left
        return Told(frozenset(found), left)

    def import_errors(self) -> Mapping[str, str]:
        """See Watch."""
        rows = self._airflow.pages("/importErrors", "import_errors", {"order_by": "import_error_id"})
        return {row["filename"]: _last_line(row["stack_trace"]) for row in rows if row["bundle_name"] == BUNDLE}

    def in_use(self) -> frozenset[str]:
        """See Watch."""
        runs = self._airflow.pages("/dags/~/dagRuns", "dag_runs", {"state": ["queued", "running"], "order_by": "id"})
        return frozenset(run["bundle_version"] for run in runs if run["bundle_version"])


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    # The same error of another release is the same error.
    return _RELEASE.sub("…", lines[-1]) if lines else "it cannot be imported"
