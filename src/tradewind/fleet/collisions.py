"""A call to the execution API that is made twice, and collides with itself.

A task's call that is not answered in time is made again, while the first may still wait in the API for a database that
says nothing. When that is back, both are done at once. Most of Airflow's calls may be: what is there already is no
error. But where both write the same new row (an XCom), the later one is refused, and the task would fail for it.
"""

from __future__ import annotations

import httpx
from tenacity import retry_any, retry_if_exception

REASON = "Unique constraint violation"
"""What the API says where the database has refused a row, and nothing of Airflow's has noticed before: another request
was in the middle of writing the same one. Once that is done, the answer to the same call is a definite one.
https://github.com/apache/airflow/blob/main/airflow-core/src/airflow/api_fastapi/common/exceptions.py"""


def is_collision(error: BaseException) -> bool:
    """Whether the API has refused a call only since the same row was being written."""
    if not isinstance(error, httpx.HTTPStatusError) or error.response.status_code != httpx.codes.CONFLICT:
        return False
    try:
        return bool(error.response.json()["detail"]["reason"] == REASON)
    except (ValueError, LookupError, TypeError):
        return False


def make_again() -> None:
    """From now on tasks of this process and its forks make such a call again, as Airflow does after other errors."""
    from airflow.sdk.api.client import Client

    calls = Client.request.retry
    calls.retry = retry_any(calls.retry, retry_if_exception(is_collision))
