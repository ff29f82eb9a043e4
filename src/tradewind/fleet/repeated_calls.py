"""A task's call to the execution API that is made again, while the first one is done, too.

A call that is not answered in time is made again. The first may still wait in the API for a database that says nothing,
or its answer was lost on the way. Most of Airflow's calls may be made twice: a state that is there already is no error.
For two kinds a task would fail, although what it asked for is done:

- Both write the same new row at once (an XCom): the later one is refused, and is made once more, alone.
- A run that a task starts is there already (``TriggerDagRunOperator``): by the first call.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from tenacity import retry_any, retry_if_exception

COLLIDES = "Unique constraint violation"
"""What the API says where the database has refused a row, and Airflow had not seen it before: another call was in the
middle of writing the same one. Once that is done, the answer is a definite one.
https://github.com/apache/airflow/blob/main/airflow-core/src/airflow/api_fastapi/common/exceptions.py"""
IS_THERE = "already_exists"
"""https://github.com/apache/airflow/blob/main/airflow-core/src/airflow/api_fastapi/execution_api/routes/dag_runs.py"""
RUNS = "dag-runs/"
SKEW = timedelta(seconds=5)
"""How much the clocks of two containers differ at most."""


def tolerate() -> None:
    """From now on tasks of this process and its forks succeed where what they have asked for twice is done once."""
    from airflow.sdk.api.client import Client

    calls = Client.request.retry
    calls.retry = retry_any(calls.retry, retry_if_exception(_collides))
    Client.request = _settled(Client.request)


def _collides(error: BaseException) -> bool:
    return isinstance(error, httpx.HTTPStatusError) and _reason(error) == COLLIDES


def _settled(request: Callable[..., httpx.Response]) -> Callable[..., httpx.Response]:
    """Airflow's ``Client.request``, but that a run which an earlier try has started is no error."""

    @functools.wraps(request)
    def settled(client: Any, method: str, url: str, **options: Any) -> httpx.Response:
        began = datetime.now(UTC)
        try:
            return request(client, method, url, **options)
        except httpx.HTTPStatusError as error:
            tries = request.statistics["attempt_number"]  # type: ignore[attr-defined]  # tenacity's, of this call
            starts = method == "POST" and url.startswith(RUNS) and _reason(error) == IS_THERE
            if starts and tries > 1 and _is_younger(client, url, began - SKEW):
                return httpx.Response(httpx.codes.NO_CONTENT, request=error.request)
            raise

    return settled


def _is_younger(client: Any, url: str, than: datetime) -> bool:
    """Whether a run has not begun before."""
    dag_id, run_id = url.removeprefix(RUNS).split("/", 1)
    begun = client.dag_runs.get_detail(dag_id, run_id).start_date
    return begun is None or bool(begun >= than)


def _reason(error: httpx.HTTPStatusError) -> object:
    """Why the API says that a call is in conflict with what there is; None where it says nothing of the kind."""
    if error.response.status_code != httpx.codes.CONFLICT:
        return None
    try:
        return error.response.json()["detail"]["reason"]
    except (ValueError, LookupError, TypeError):
        return None
