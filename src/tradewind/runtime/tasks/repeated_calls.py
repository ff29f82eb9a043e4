"""A task's call to the execution API that is made again, while the first one is done, too.

A call that is not answered in time is made again. The first may still wait in the API for a database that says nothing,
or its answer was lost on the way. Most of Airflow's calls may be made twice: a state that is there already is no error.
For two kinds a task would fail, although what it asked for is done:

- Both write the same new row at once (an XCom): the later one is refused. Alone it is not.
- A run that a task starts is there already (``TriggerDagRunOperator``): by the first call.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from tenacity import RetryCallState

COLLIDES = "Unique constraint violation"
"""What the API says where the database has refused a row, and Airflow had not seen it before.
https://github.com/apache/airflow/blob/main/airflow-core/src/airflow/api_fastapi/common/exceptions.py"""
IS_THERE = "already_exists"
"""https://github.com/apache/airflow/blob/main/airflow-core/src/airflow/api_fastapi/execution_api/routes/dag_runs.py"""
RUNS = "dag-runs/"
COLLISIONS = 3
"""So often a call that collides is made again: what collides alone, too, is refused for good."""
SKEW = timedelta(seconds=5)
"""How much the clocks of two containers differ at most."""
_UNANSWERED = "tradewind: a try may have been done"


def tolerate() -> None:
    """From now on tasks of this process and its forks succeed where what they have asked for twice is done once."""
    from airflow.sdk.api.client import Client

    calls = Client.request.retry
    calls.retry = _again(calls.retry)
    Client.request = _settled(Client.request)


def _again(airflows: Callable[[RetryCallState], bool]) -> Callable[[RetryCallState], bool]:
    """Airflow's rule when a call is made again, and that for collisions. It keeps whether a try may have been done."""

    def again(state: RetryCallState) -> bool:
        error = state.outcome.exception() if state.outcome else None
        statistics = state.retry_object.statistics  # of this call; tenacity empties it before the next
        if airflows(state):
            if error and _may_be_done(error):
                statistics[_UNANSWERED] = True
            return True
        if not error or _reason(error) != COLLIDES:
            return False
        method, url = state.args[1:3]
        if _starts(method, url) and _UNANSWERED not in statistics:
            return False  # with another run: Airflow's answer for that is a definite one
        collisions = statistics["collisions"] = statistics.get("collisions", 0) + 1
        return bool(collisions <= COLLISIONS)

    return again


def _settled(request: Callable[..., httpx.Response]) -> Callable[..., httpx.Response]:
    """Airflow's ``Client.request``, but that a run which an earlier try has started is no error."""

    @functools.wraps(request)
    def settled(client: Any, method: str, url: str, **options: Any) -> httpx.Response:
        began = datetime.now(UTC)
        try:
            return request(client, method, url, **options)
        except httpx.HTTPStatusError as error:
            unanswered = _UNANSWERED in request.statistics  # type: ignore[attr-defined]  # tenacity's, of this call
            is_there = _starts(method, url) and _reason(error) == IS_THERE
            if is_there and unanswered and _was_made(client, url, options.get("content"), began - SKEW):
                return httpx.Response(httpx.codes.NO_CONTENT, request=error.request)
            raise

    return settled


def _may_be_done(error: BaseException) -> bool:
    """Whether the API may have done what it was asked for, but for this error."""
    if isinstance(error, httpx.RequestError):
        return not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)
    return isinstance(error, httpx.HTTPStatusError)


def _starts(method: str, url: str) -> bool:
    return method == "POST" and url.startswith(RUNS)


def _was_made(client: Any, url: str, asked: str | None, since: datetime) -> bool:
    """Whether a run was made after this time. Where the task has said when it may begin, only its beginning tells."""
    dag_id, run_id = url.removeprefix(RUNS).split("/", 1)
    run = client.dag_runs.get_detail(dag_id, run_id)
    made = run.start_date if "run_after" in json.loads(asked or "{}") else run.run_after
    return made is not None and bool(made >= since)


def _reason(error: BaseException) -> object:
    """Why the API says that a call is in conflict with what there is; None where it says nothing of the kind."""
    if not isinstance(error, httpx.HTTPStatusError) or error.response.status_code != httpx.codes.CONFLICT:
        return None
    detail = getattr(error, "detail", None)  # Airflow's own error has read what the API says
    detail = detail.get("detail", detail) if isinstance(detail, dict) else None
    return detail.get("reason") if isinstance(detail, dict) else None
