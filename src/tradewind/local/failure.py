"""Why a run failed: the exceptions of its tasks, the tasks that did not run, or an action of the scheduler."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

from tradewind.errors import TradewindError
from tradewind.local.airflow import Airflow
from tradewind.local.dag_run import Look
from tradewind.local.task_log import Reason, reason

_TASKS = 5
_INSTANCES = 20
"""Logs that are read for each of these tasks: this takes a second at most."""
_GROUPS = 3
_NAMES = 3
_ORDINARY = ("running", "success", "failed", "up_for_retry", "scheduled", "queued")
_DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:([\d.]+)S)?)?")

Task = Mapping[str, Any]


@dataclass(frozen=True)
class Failure:
    """Why a run failed: a short summary, and lines with all known details."""

    summary: str
    lines: Sequence[str] = ()


@dataclass
class _Group:
    """Task instances that failed for the same reason."""

    reason: Reason
    tasks: list[Task] = field(default_factory=list)
    texts: set[str] = field(default_factory=set)


def explain(airflow: Airflow, dag: str, look: Look) -> Failure:
    """Return why the run in ``look`` failed."""
    by_state: dict[str | None, dict[str, list[Task]]] = defaultdict(lambda: defaultdict(list))
    for task in look.tasks:
        by_state[task["state"]][task["task_id"]].append(task)
    failed, waiting = by_state["failed"], [name for state in (None, "scheduled", "queued") for name in by_state[state]]
    lines, parts = [], []
    if why := _of_run(airflow, dag, look, waiting, bool(failed)):
        parts.append(why)
    if failed:
        parts.append(f"{_named(failed, 'task')} failed")
    for name in list(failed)[:_TASKS]:
        of = sum(task["task_id"] == name for task in look.tasks)
        lines += _task(airflow, dag, look, name, failed[name], of)
    if others := list(failed)[_TASKS:]:
        lines.append(f"  {_named(others, 'other task')} failed, too")
    if unrun := by_state["upstream_failed"]:
        lines.append(f"  {_named(unrun, 'task')} did not run: an upstream task failed")
    return Failure("; ".join(parts) or "none of its tasks failed", lines)


def remarks(dag: str, look: Look) -> list[str]:
    """Return notes for the user about a run that succeeded."""
    if not look.tasks:
        date = look.run["logical_date"]
        when = f" at the logical date {date}: see its start_date and end_date" if date else ""
        return [f"no task ran: {dag} has none{when}"]
    failed = [task["task_id"] for task in look.tasks if task["state"] == "failed"]
    return [f"{_named(failed, 'task')} failed, but the run succeeded"] if failed else []


# The run


def _of_run(airflow: Airflow, dag: str, look: Look, waiting: Sequence[str], failed: bool) -> str:
    """Return the reason for the end of the run apart from its tasks; empty if there is none."""
    limit = _limit(airflow, dag)
    if limit and _seconds(look.run) >= limit.total_seconds():
        return f"it ran longer than its dagrun_timeout of {limit.total_seconds():g} s"
    if person := _set_by(airflow, dag, look.run["dag_run_id"]):
        return f"{person} set it to failed"
    if waiting and not failed:
        return f"no task could run any more (a deadlock): {_named(waiting, 'task')} had not run"
    return ""


def _limit(airflow: Airflow, dag: str) -> timedelta | None:
    try:
        found = _DURATION.fullmatch(airflow.call("GET", f"/dags/{quote(dag)}/details")["dag_run_timeout"] or "")
    except LookupError:
        return None
    if not found:
        return None
    days, hours, minutes, seconds = (float(part or 0) for part in found.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)


def _seconds(run: Mapping[str, Any]) -> float:
    if not run["start_date"] or not run["end_date"]:
        return 0.0
    began, ended = (datetime.fromisoformat(run[name]) for name in ("start_date", "end_date"))
    return (ended - began).total_seconds()


def _set_by(airflow: Airflow, dag: str, run_id: str) -> str:
    asked = {"dag_id": dag, "run_id": run_id, "event": "patch_dag_run", "order_by": "-event_log_id", "limit": 20}
    for entry in airflow.call("GET", f"/eventLogs?{urlencode(asked)}")["event_logs"]:
        if _extra(entry).get("state") == "failed":
            return str(entry["owner"] or "a user")
    return ""


# Its tasks


def _task(airflow: Airflow, dag: str, look: Look, name: str, failed: Sequence[Task], of: int) -> list[str]:
    """Return the lines about the failed instances of one task."""
    groups: dict[str, _Group] = {}
    read = failed[:_INSTANCES]
    for task in read:
        found = _reason(airflow, dag, look.run["dag_run_id"], task)
        group = groups.setdefault(found.kind, _Group(found))
        group.tasks.append(task)
        group.texts.add(found.text)
    if failed[0]["map_index"] < 0:
        first, *more = groups[next(iter(groups))].reason.lines
        return [f"  {name}, try {failed[0]['try_number']}: {first}", *(f"      {line}" for line in more)]
    logs = f"; the logs of {len(read)} show" if len(read) < len(failed) else ""
    lines = [f"  {name}, {len(failed):,} of {of:,} failed{logs}:"]
    ordered = sorted(groups.values(), key=lambda group: -len(group.tasks))
    for group in ordered[:_GROUPS]:
        first, *more = group.reason.lines
        alike = ", and similar" if len(group.texts) > 1 else ""
        example = f"{name}[{group.tasks[0]['map_index']}], try {group.tasks[0]['try_number']}"
        lines += [f"    {len(group.tasks)} x {first}{alike}, e.g. {example}", *(f"        {line}" for line in more)]
    if rest := ordered[_GROUPS:]:
        lines.append(f"    {sum(len(group.tasks) for group in rest)} for other reasons")
    return lines


def _reason(airflow: Airflow, dag: str, run_id: str, task: Task) -> Reason:
    """Return why a task instance failed at its last try."""
    name, index = task["task_id"], task["map_index"]
    try:
        path = f"/dags/{quote(dag)}/dagRuns/{quote(run_id)}/taskInstances/{quote(name)}/logs/{task['try_number']}"
        if found := reason(airflow.lines(f"{path}?map_index={index}")):
            return found
        asked = {"dag_id": dag, "run_id": run_id, "task_id": name, "map_index": index, "excluded_events": _ORDINARY}
        query = urlencode({**asked, "order_by": "-event_log_id", "limit": 5}, doseq=True)
        for entry in airflow.call("GET", f"/eventLogs?{query}")["event_logs"]:
            if _extra(entry).get("new_state") == "failed":
                return Reason(f"{entry['owner'] or 'a user'} set it to failed", "set")
            if entry["extra"]:
                return Reason(f"{entry['event']}: {entry['extra']}", entry["event"])
    except LookupError:
        return Reason("its log cannot be read: it does not exist", "unread")
    except TradewindError as error:
        return Reason(f"its log cannot be read: {error}", "unread")
    return Reason("its log names no error", "silent")


def _extra(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the details that Airflow's audit log has about an API call; empty if they are plain text."""
    try:
        found = json.loads(entry["extra"] or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _named(names: Iterable[str], what: str) -> str:
    """``a``, ``a and b``, ``a, b and c``, or ``12 tasks (a, b, c, ...)``."""
    known = list(dict.fromkeys(names))
    if len(known) > _NAMES:
        return f"{len(known):,} {what}s ({', '.join(known[:_NAMES])}, …)"
    *first, last = known
    return f"{', '.join(first)} and {last}" if first else last
