"""Let a task's repeated call to the execution API succeed if the API has carried out the first call, too.

A call without a response in time is repeated. The first call may still wait in the API for a database that does not
respond, or its response was lost. Most of Airflow's calls may be made twice: a state that is already set is no error.
For two kinds of calls a task would fail, although its request was carried out:

- Both calls write the same new row at once (an XCom): the database refuses the later one. Alone, it succeeds.
- A run that a task starts exists already (``TriggerDagRunOperator``): the first call created it.
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
"""The API's reason if the database refused a row that Airflow had not seen before.
https://github.com/apache/airflow/blob/main/airflow-core/src/airflow/api_fastapi/common/exceptions.py"""
IS_THERE = "already_exists"
"""https://github.com/apache/airflow/blob/main/airflow-core/src/airflow/api_fastapi/execution_api/routes/dag_runs.py"""
RUNS = "dag-runs/"
COLLISIONS = 3
"""How often a call that collides is repeated: a call that also collides alone is finally refused."""
SKEW = timedelta(seconds=5)
"""The largest expected difference between the clocks of two containers."""
_UNANSWERED = "tradewind: a try may have been done"


def tolerate() -> None:
    """Patch the client of this process and its forks: a repeated call succeeds if its work was done once."""
    from airflow.sdk.api.client import Client

    calls = Client.request.retry
    calls.retry = _again(calls.retry)
    Client.request = _settled(Client.request)


def _again(airflows: Callable[[RetryCallState], bool]) -> Callable[[RetryCallState], bool]:
    """Extend Airflow's retry rule with collisions. Also record whether the API may have carried out a try."""

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
            return False  # the collision is with another run: Airflow's own error for that is final
        collisions = statistics["collisions"] = statistics.get("collisions", 0) + 1
        return bool(collisions <= COLLISIONS)

    return again


def _settled(request: Callable[..., httpx.Response]) -> Callable[..., httpx.Response]:
    """Wrap Airflow's ``Client.request``: a run that an earlier try has started is no error."""

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
    """Return whether the API may have carried out the request in spite of this error."""
    if isinstance(error, httpx.RequestError):
        return not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)
    return isinstance(error, httpx.HTTPStatusError)


def _starts(method: str, url: str) -> bool:
    return method == "POST" and url.startswith(RUNS)


def _was_made(client: Any, url: str, asked: str | None, since: datetime) -> bool:
    """Return whether a run was created after this time. If the task set ``run_after``, only the actual start tells."""
    dag_id, run_id = url.removeprefix(RUNS).split("/", 1)
    run = client.dag_runs.get_detail(dag_id, run_id)
    made = run.start_date if "run_after" in json.loads(asked or "{}") else run.run_after
    return made is not None and bool(made >= since)


def _reason(error: BaseException) -> object:
    """Return the API's reason for a conflict with existing data; None if the error is of another kind."""
    if not isinstance(error, httpx.HTTPStatusError) or error.response.status_code != httpx.codes.CONFLICT:
        return None
    detail = getattr(error, "detail", None)  # Airflow's own error has parsed the response of the API
    detail = detail.get("detail", detail) if isinstance(detail, dict) else None
    return detail.get("reason") if isinstance(detail, dict) else None
