"""What the platform of this machine has that DAGs ask for by name: asked over Airflow's public API."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from tradewind.local.airflow import Airflow

_UNFINISHED_RUNS = {"state": ["queued", "running"], "order_by": "id"}
_UNFINISHED_TASKS = [
    "none",
    "scheduled",
    "queued",
    "running",
    "restarting",
    "deferred",
    "up_for_retry",
    "up_for_reschedule",
]


class ApiKnown:
    """See ``dags.gate.rules.Known``."""

    def __init__(self, airflow: Airflow) -> None:
        self._airflow = airflow

    def connections(self) -> frozenset[str]:
        """See Known."""
        return frozenset(row["connection_id"] for row in self._airflow.pages("/connections", "connections"))

    def variables(self) -> frozenset[str]:
        """See Known."""
        return frozenset(row["key"] for row in self._airflow.pages("/variables", "variables"))

    def pools(self) -> frozenset[str]:
        """See Known."""
        return frozenset(row["name"] for row in self._airflow.pages("/pools", "pools"))

    def unfinished(self) -> Mapping[str, frozenset[str]]:
        """See Known."""
        found: dict[str, set[str]] = defaultdict(set)
        for run in self._airflow.pages("/dags/~/dagRuns", "dag_runs", _UNFINISHED_RUNS):
            found[run["dag_id"]] |= set()
        asked = {"state": _UNFINISHED_TASKS}
        for task in self._airflow.pages("/dags/~/dagRuns/~/taskInstances", "task_instances", asked):
            if task["dag_id"] in found:
                found[task["dag_id"]].add(task["task_id"])
        return {dag: frozenset(tasks) for dag, tasks in found.items()}
