"""A run of a DAG, through Airflow's API: start it, and follow it to its end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from tradewind.errors import TradewindError
from tradewind.local.airflow import POLL_S, Airflow, RefusedError

ENDED = {"success", "failed"}
OVERLAP_S = 10.0
"""Seconds by which two reads of changes overlap. A change is visible when its transaction has ended, but has the time
at which the transaction began."""


class Look(NamedTuple):
    """A run and its task instances, as the API returns them."""

    run: Mapping[str, Any]
    tasks: Sequence[Mapping[str, Any]]

    @property
    def state(self) -> str:
        """The run's state."""
        return str(self.run["state"])


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Start:
    """The input of a run: its logical date, with a time zone (None: it has none), and its ``conf``.

    The default is the current time, as in Airflow's UI. Templates such as ``{{ ds }}`` are undefined in a run without a
    date.
    """

    logical_date: datetime | None = field(default_factory=_now)
    conf: Mapping[str, Any] = field(default_factory=dict)


def start(airflow: Airflow, dag: str, wanted: Start) -> str:
    """Start a run of ``dag`` and return the run's id. Raises TradewindError if Airflow refuses."""
    date = wanted.logical_date.isoformat() if wanted.logical_date else None
    body = {"logical_date": date, "conf": dict(wanted.conf)}
    try:
        return str(airflow.call("POST", f"/dags/{quote(dag)}/dagRuns", body)["dag_run_id"])
    except LookupError:
        raise TradewindError(f"{dag} no longer exists", "the DAG folder changed", f"tradewind run {dag}") from None
    except RefusedError as error:
        if error.status == 409 and date:
            raise _taken(airflow, dag, date) from None
        if error.status in {400, 422}:
            hint = f"--conf '{{\"NAME\": VALUE}}' sets its params; its page: {airflow.url}/dags/{quote(dag)}"
            raise TradewindError(f"Airflow does not run {dag}", error.detail, hint) from None
        raise


def unpause(airflow: Airflow, dag: str) -> None:
    """Unpause a DAG, so that Airflow runs it: the runs of a paused DAG wait."""
    airflow.call("PATCH", f"/dags/{quote(dag)}", {"is_paused": False})


def follow(
    airflow: Airflow,
    dag: str,
    run_id: str,
    clock: Callable[[], float] = time.time,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Look]:
    """Yield the run and its task instances until it has ended; the last result is complete and final.

    Queries take at most half of the time: a run may have thousands of task instances. Between the first query and the
    last, only changed instances are read.

    Raises:
        TradewindError: the run was deleted.
    """
    path = f"/dags/{quote(dag)}/dagRuns/{quote(run_id)}"
    known: dict[tuple[str, int], dict[str, Any]] = {}
    changed: dict[str, Any] = {}
    while True:
        began = clock()
        try:
            run = airflow.call("GET", path)
            ended = run["state"] in ENDED
            asked = {"order_by": "id", **({} if ended else changed)}
            found = {_key(row): row for row in airflow.rows(f"{path}/taskInstances", "task_instances", asked)}
        except LookupError:
            raise TradewindError(f"the run {run_id} of {dag} no longer exists", "it was deleted in Airflow") from None
        # In the order in which they were read first: a retry moves an instance to the end of Airflow's list.
        order = {key: found.get(key, known[key]) for key in known if key in found or not ended}
        known = _expanded({**order, **found})
        yield Look(run, tuple(known.values()))
        if ended:
            return
        since = datetime.fromtimestamp(began - OVERLAP_S, UTC)
        changed = {"updated_at_gte": since.isoformat(timespec="seconds")}
        sleep(max(POLL_S, clock() - began))


def _key(task: Mapping[str, Any]) -> tuple[str, int]:
    return str(task["task_id"]), int(task["map_index"])


def _expanded(tasks: dict[tuple[str, int], dict[str, Any]]) -> dict[tuple[str, int], dict[str, Any]]:
    """Remove the placeholder of each mapped task whose instances exist."""
    mapped = {name for name, index in tasks if index >= 0}
    return {(name, index): task for (name, index), task in tasks.items() if index >= 0 or name not in mapped}


def _taken(airflow: Airflow, dag: str, date: str) -> TradewindError:
    """Return the error for a second run at a logical date: a DAG has one run for each."""
    asked = urlencode({"logical_date_gte": date, "logical_date_lte": date})
    found = airflow.call("GET", f"/dags/{quote(dag)}/dagRuns?{asked}")["dag_runs"]
    why, where = "", ""
    if found:
        run_id = found[0]["dag_run_id"]
        why, where = f"{run_id}, {found[0]['state']}", f" ({airflow.url}/dags/{quote(dag)}/runs/{quote(run_id)})"
    return TradewindError(
        f"{dag} already has a run at {date}",
        why,
        f"clear that run in Airflow to run it again{where}, or give another --logical-date",
    )
