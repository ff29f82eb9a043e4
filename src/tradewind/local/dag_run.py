"""A run of a DAG, through Airflow's API: started, and followed to its end."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

from tradewind.errors import TradewindError
from tradewind.local.airflow import POLL_S, Airflow, RefusedError

ENDED = {"success", "failed"}


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Start:
    """What a run is started with: its logical date, with a time zone (None: it has none), and its ``conf``.

    Now is what Airflow's own UI proposes. Templates such as ``{{ ds }}`` are undefined in a run without a date.
    """

    logical_date: datetime | None = field(default_factory=_now)
    conf: Mapping[str, Any] = field(default_factory=dict)


def start(airflow: Airflow, dag: str, wanted: Start) -> str:
    """Start a run of ``dag``; the run's id. TradewindError where Airflow refuses."""
    date = wanted.logical_date.isoformat() if wanted.logical_date else None
    body = {"logical_date": date, "conf": dict(wanted.conf)}
    try:
        return str(airflow.call("POST", f"/dags/{quote(dag)}/dagRuns", body)["dag_run_id"])
    except LookupError:
        raise TradewindError(f"{dag} has just gone", "the DAG folder changed", f"tradewind run {dag}") from None
    except RefusedError as error:
        if error.status == 409 and date:
            raise _taken(airflow, dag, date) from None
        if error.status in {400, 422}:
            hint = f"tradewind run {dag} --conf '{{\"NAME\": VALUE}}' sets its params"
            raise TradewindError(f"Airflow does not run {dag}", error.detail, hint) from None
        raise


def unpause(airflow: Airflow, dag: str) -> None:
    """Have Airflow run what the DAG has to run: runs of a paused one wait."""
    airflow.call("PATCH", f"/dags/{quote(dag)}", {"is_paused": False})


def follow(airflow: Airflow, dag: str, run_id: str) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Yield the run's state and its task instances until it has ended; the last state is final."""
    path = f"/dags/{quote(dag)}/dagRuns/{quote(run_id)}"
    while True:
        state = str(airflow.call("GET", path)["state"])
        yield state, airflow.call("GET", f"{path}/taskInstances?limit=100&order_by=id")["task_instances"]
        if state in ENDED:
            return
        time.sleep(POLL_S)


def _taken(airflow: Airflow, dag: str, date: str) -> TradewindError:
    """A DAG has one run of each logical date."""
    asked = urlencode({"logical_date_gte": date, "logical_date_lte": date})
    found = airflow.call("GET", f"/dags/{quote(dag)}/dagRuns?{asked}")["dag_runs"]
    why, where = "", ""
    if found:
        run_id = found[0]["dag_run_id"]
        why, where = f"{run_id}, {found[0]['state']}", f" ({airflow.url}/dags/{quote(dag)}/runs/{quote(run_id)})"
    return TradewindError(
        f"{dag} has a run at {date} already",
        why,
        f"clear that run in Airflow to run it again{where}, or give another --logical-date",
    )
